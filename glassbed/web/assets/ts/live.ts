/* The page's one WebSocket: readings of every printer shown, as long as somebody looks. */

import { announceState, paint, printerElements, showNotice, signalRefresh } from "./paint.js";
import { csrfHeaders } from "./page.js";
import { backoff, merge, shownState, type Reading } from "./reading.js";
import { word } from "./words.js";

const VERSION = 1;
const HIDDEN_LIMIT_MS = 60_000;
const NOTICE_AFTER_MS = 1_500;
const PING_EVERY_MS = 20_000;

type Frame =
  | { t: "sample"; printer: string; delta: Reading; full?: boolean }
  | { t: "link"; printer: string; online: boolean }
  | { t: "changed"; printer: string; what: string }
  | { t: "again" }
  | { t: "pong" };

const readings = new Map<string, Reading>();
const links = new Map<string, boolean>();
let asked = new Set<string>();
let socket: WebSocket | undefined;
let generation = 0; // of the connection; what an older one still says is not heard
let attempt = 0;
let retry: number | undefined;
let hiding: number | undefined;
let notice: number | undefined;
let ended = false;
let wasWhole = false; // a page that shows a printer in vain from its start is drawn no better by loading it again

function shownPrinters(): Set<string> {
  return new Set([...printerElements()].map((element) => element.dataset["printer"] ?? ""));
}

function repaint(printer: string): void {
  paint(printer, readings.get(printer), links.get(printer));
}

function markStale(stale: boolean): void {
  for (const element of printerElements()) element.toggleAttribute("data-stale", stale);
  window.clearTimeout(notice);
  if (!stale) showNotice("");
  else notice = window.setTimeout(() => showNotice(word("live.reconnecting")), NOTICE_AFTER_MS);
}

interface Ticket {
  ticket: string;
  lost: boolean;
}

/** A ticket for these printers, or why the server gives none to this browser any more. */
async function fetchTicket(printers: string[]): Promise<Ticket | "signed_out" | "refused"> {
  const answer = await fetch("/live/ticket", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...csrfHeaders() },
    body: JSON.stringify({ printers }),
  });
  if (answer.status === 429 || answer.status >= 500) throw new Error(`ticket: ${answer.status}`);
  if (answer.status === 401) return "signed_out";
  return answer.ok && !answer.redirected ? ((await answer.json()) as Ticket) : "refused";
}

/** Say that nothing is live any more, why, and where to go from here. */
function end(why: "signed_out" | "refused"): void {
  ended = true;
  markStale(true);
  window.clearTimeout(notice);
  const ways = {
    signed_out: { text: word("live.sign_in"), href: location.pathname + location.search },
    refused: { text: word("live.printers"), href: "/" },
  };
  showNotice(word(`live.${why}`), ways[why]);
}

function hear(frame: Frame): void {
  if (frame.t === "sample") {
    const before = shownState(readings.get(frame.printer), links.get(frame.printer));
    readings.set(frame.printer, merge(readings.get(frame.printer), frame.delta, frame.full ?? false));
    repaint(frame.printer);
    announceState(frame.printer, before, shownState(readings.get(frame.printer), links.get(frame.printer)));
  } else if (frame.t === "link") {
    const before = shownState(readings.get(frame.printer), links.get(frame.printer));
    links.set(frame.printer, frame.online);
    if (!frame.online) readings.delete(frame.printer);
    repaint(frame.printer);
    announceState(frame.printer, before, shownState(readings.get(frame.printer), frame.online));
  } else if (frame.t === "changed") {
    signalRefresh(frame.what, frame.printer);
  } else if (frame.t === "again") {
    disconnect();
    later(Math.random()); // everybody who watched is asked at once
  }
}

function later(seconds: number): void {
  window.clearTimeout(retry);
  retry = window.setTimeout(() => void connect(), seconds * 1000);
}

function lost(mine: number): void {
  if (mine !== generation) return;
  socket = undefined;
  markStale(true);
  if (document.visibilityState === "visible") later(backoff(attempt++, Math.random()));
}

function greeted(): void {
  attempt = 0;
  markStale(false);
  signalRefresh(null, null); // what changed while nobody listened, also between rendering and this first word
}

function open(ticket: string, mine: number): void {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const next = new WebSocket(`${scheme}//${location.host}/live`);
  socket = next;
  next.addEventListener("open", () => {
    next.send(JSON.stringify({ t: "hello", ticket, version: VERSION }));
  });
  let first = true;
  next.addEventListener("message", (event: MessageEvent<string>) => {
    if (mine !== generation) return;
    if (first) greeted();
    first = false;
    hear(JSON.parse(event.data) as Frame);
  });
  const pinging = window.setInterval(() => {
    if (next.readyState === WebSocket.OPEN) next.send('{"t":"ping"}'); // a silent socket counts as dead
  }, PING_EVERY_MS);
  next.addEventListener("close", () => {
    window.clearInterval(pinging);
    lost(mine);
  });
}

async function connect(): Promise<void> {
  asked = shownPrinters();
  if (ended || asked.size === 0) return;
  const mine = ++generation;
  try {
    const ticket = await fetchTicket([...asked].sort());
    if (mine !== generation) return;
    if (typeof ticket === "string") return end(ticket);
    if (ticket.lost && wasWhole) return location.reload(); // a share ended: draw the page without it, once
    wasWhole = !ticket.lost;
    open(ticket.ticket, mine);
  } catch {
    lost(mine);
  }
}

function disconnect(): void {
  generation++;
  window.clearTimeout(retry);
  socket?.close(1000);
  socket = undefined;
}

function visibilityChanged(): void {
  window.clearTimeout(hiding);
  if (document.visibilityState === "hidden") hiding = window.setTimeout(disconnect, HIDDEN_LIMIT_MS);
  else if (!socket) {
    attempt = 0;
    later(0);
  }
}

/** Watch every printer on the page; called again after each swap. */
export function watch(): void {
  const shown = shownPrinters();
  for (const printer of shown) repaint(printer);
  if ([...shown].every((printer) => asked.has(printer))) return;
  disconnect();
  void connect();
}

document.addEventListener("visibilitychange", visibilityChanged);
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) later(0);
});

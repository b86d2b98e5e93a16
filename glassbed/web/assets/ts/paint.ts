/* Writes readings into the page: text, bars, state words, what is shown and enabled. */

import { format } from "./format.js";
import { manner } from "./page.js";
import { conditions, holds, shownState, type Reading } from "./reading.js";
import { word } from "./words.js";

const REFRESH_TOGETHER_MS = 150;
const pending = new Map<Element, number>();

export function printerElements(printer?: string): NodeListOf<HTMLElement> {
  const wanted = printer === undefined ? "[data-printer]" : `[data-printer="${CSS.escape(printer)}"]`;
  return document.querySelectorAll<HTMLElement>(wanted);
}

function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** How much of the picture is there: nothing while the file travels, all of it when no print runs. */
function shownPart(reading: Reading): number {
  const done = reading["progress_ratio"];
  if (typeof done === "number") return done;
  return reading["state"] === "sending" ? 0 : 1;
}

function paintField(element: HTMLElement, reading: Reading): void {
  const field = element.dataset["field"] ?? "";
  const kind = element.dataset["format"] ?? "text";
  const value = reading[field];
  const ratio = typeof value === "number" ? value : 0;
  if (kind === "bar" && element instanceof HTMLProgressElement) element.value = ratio;
  else if (kind === "picture") element.style.setProperty("--done", String(shownPart(reading)));
  else write(element, format(kind, field, reading, manner()));
}

function paintState(element: HTMLElement, state: string): void {
  element.dataset["state"] = state;
  const label = element.querySelector<HTMLElement>("[data-state-word]");
  if (label) write(label, word(`state.${state}`));
}

function paintMessage(element: HTMLElement, reading: Reading | undefined, linked: boolean | undefined): void {
  const own = reading?.["message"];
  const text = linked === false ? word("live.nobridge") : typeof own === "string" ? own : "";
  write(element, text);
  element.hidden = text === "";
}

let tallying: number | undefined;

/** Tell whoever counts or filters by state; once for many printers that change together. */
function signalStates(): void {
  window.clearTimeout(tallying);
  tallying = window.setTimeout(() => document.dispatchEvent(new CustomEvent("glassbed:states")), 60);
}

/** Bring every element of this printer to its reading. */
export function paint(printer: string, reading: Reading | undefined, linked: boolean | undefined): void {
  const state = shownState(reading, linked);
  const now = conditions(reading, linked);
  for (const root of printerElements(printer)) {
    const heard = reading !== undefined || linked !== undefined;
    if (heard && root.dataset["state"] !== state) {
      root.dataset["state"] = state;
      signalStates();
    }
    const each = (selector: string): NodeListOf<HTMLElement> => root.querySelectorAll<HTMLElement>(selector);
    if (reading || linked === false) for (const element of each("[data-field]")) paintField(element, reading ?? {});
    if (heard) for (const element of each("[data-live-state]")) paintState(element, state);
    for (const element of each("[data-live-message]")) paintMessage(element, reading, linked);
    for (const element of each("[data-show-when]")) {
      element.hidden = !holds(element.dataset["showWhen"] ?? "", now);
    }
    for (const element of each("[data-enable-when]")) {
      element.toggleAttribute("disabled", !holds(element.dataset["enableWhen"] ?? "", now));
    }
    root.dispatchEvent(new CustomEvent("glassbed:reading", { detail: reading }));
  }
}

/** Say a change of state, once; the first word about a printer is no change. */
export function announceState(printer: string, before: string, after: string): void {
  if (before === after || before === "unknown") return;
  const name = printerElements(printer)[0]?.dataset["printerName"];
  const region = document.querySelector<HTMLElement>("[data-announce]");
  if (!region || !name) return;
  write(region, word("live.announce", { printer: name, state: word(`state.${after}`) }));
}

export interface WayOut {
  text: string;
  href: string;
}

/** Say how the live view is doing; with a way out it has ended, and stays as it is. */
export function showNotice(text: string, way?: WayOut): void {
  const place = document.querySelector<HTMLElement>("[data-live-notice]");
  if (!place) return;
  write(place, text);
  place.hidden = text === "";
  place.toggleAttribute("data-ended", way !== undefined);
  if (!way) return;
  const link = document.createElement("a");
  link.href = way.href;
  link.textContent = way.text;
  place.append(link);
}

function refreshSoon(element: Element): void {
  window.clearTimeout(pending.get(element));
  const timer = window.setTimeout(() => {
    pending.delete(element);
    element.dispatchEvent(new CustomEvent("refresh"));
  }, REFRESH_TOGETHER_MS);
  pending.set(element, timer);
}

/** Tell elements to fetch themselves again; `null` stands for everything that may have been missed. */
export function signalRefresh(what: string | null, printer: string | null): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-refresh-on]")) {
    const words = (element.dataset["refreshOn"] ?? "").split(/\s+/);
    const owner = element.closest<HTMLElement>("[data-printer]")?.dataset["printer"];
    const concerned = owner === undefined || printer === null || owner === printer;
    if (concerned && (what === null || words.includes(what))) refreshSoon(element);
  }
}

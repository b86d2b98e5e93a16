/* Temperature charts: live from the readings of a printer, or a stored trace. */

import { degreeSign, degrees } from "./format.js";
import { language, manner } from "./page.js";
import { draw, type Drawing, type Line } from "./plot.js";
import type { Reading } from "./reading.js";
import { extent, Ring, spread } from "./ring.js";
import { word } from "./words.js";

const SPAN_S = 600;
const TICK_MS = 1_000;
const SUMMARY_EVERY_TICKS = 15;
const TABLE_ROWS = 60;
const FIELDS = ["nozzle_c", "bed_c", "nozzle_target_c", "bed_target_c"] as const;

interface Trace {
  t: number[];
  series: { label: string; unit?: string; values: (number | null)[] }[];
}

const taken = new WeakSet<Element>();

function part(figure: HTMLElement, name: string): HTMLElement | null {
  return figure.querySelector<HTMLElement>(`[data-chart-${name}]`);
}

function write(value: number): string {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: 1 }).format(value);
}

function summarise(figure: HTMLElement, lines: Line[]): void {
  const place = part(figure, "summary");
  if (!place) return;
  const sentences = lines.map(({ label, values }) => {
    const seen = extent(values);
    return seen
      ? word("chart.summary", { label, last: write(seen.last), low: write(seen.low), high: write(seen.high) })
      : "";
  });
  place.textContent = sentences.filter(Boolean).join(" ");
}

function row(kind: "td" | "th", cells: string[]): HTMLTableRowElement {
  const line = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(kind);
    if (cell instanceof HTMLTableCellElement && kind === "th") cell.scope = "col";
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function fillTable(figure: HTMLElement, times: number[], lines: Line[]): void {
  const place = part(figure, "table");
  if (!place || place.hidden) return;
  const table = document.createElement("table");
  table.className = "w-full text-left text-sm numbers [&_td]:px-3 [&_td]:py-1 [&_th]:px-3 [&_th]:py-2";
  table.createTHead().append(row("th", [word("chart.time"), ...lines.map(({ label }) => label)]));
  const body = table.createTBody();
  const clock = new Intl.DateTimeFormat(language(), { timeStyle: "medium" });
  for (const index of spread(times.length, TABLE_ROWS).reverse()) {
    const values = lines.map(({ values: column }) => column[index] ?? null);
    const texts = values.map((value) => (value === null ? "–" : write(value)));
    body.append(row("td", [clock.format((times[index] ?? 0) * 1000), ...texts]));
  }
  place.replaceChildren(table);
}

function offerTable(figure: HTMLElement, show: () => void): void {
  const button = part(figure, "toggle");
  const table = part(figure, "table");
  if (!button || !table) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    table.hidden = !table.hidden;
    button.setAttribute("aria-pressed", String(!table.hidden));
    show();
  });
}

/** Draw, and draw again when the colours change. */
async function keepDrawn(figure: HTMLElement, make: (place: HTMLElement) => Promise<Drawing>): Promise<() => Drawing> {
  const place = part(figure, "plot") ?? figure;
  let drawing = await make(place);
  const again = async (): Promise<void> => {
    drawing.destroy();
    drawing = await make(place);
  };
  document.addEventListener("glassbed:theme", () => void again());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void again());
  return () => drawing;
}

function liveValues(reading: Reading | undefined): (number | null)[] {
  return FIELDS.map((field) => {
    const value = reading?.[field];
    if (typeof value !== "number") return null;
    return field.includes("target") && value <= 0 ? null : degrees(value, manner());
  });
}

function liveLines(ring: Ring): Line[] {
  const labels = ["chart.nozzle", "chart.bed", "chart.nozzle_target", "chart.bed_target"];
  return labels.map((key, index) => ({
    label: `${word(key)} ${degreeSign(manner())}`,
    values: ring.columns[index] ?? [],
    colour: index % 2,
    target: index >= 2,
  }));
}

async function showLive(figure: HTMLElement): Promise<void> {
  const printer = figure.closest<HTMLElement>("[data-printer]");
  if (!printer) return;
  const ring = new Ring(FIELDS.length, SPAN_S);
  let reading: Reading | undefined;
  printer.addEventListener("glassbed:reading", (event) => {
    reading = (event as CustomEvent<Reading | undefined>).detail;
  });
  const current = await keepDrawn(figure, (place) => draw(place, ring.times, liveLines(ring), true, () => undefined));
  offerTable(figure, () => fillTable(figure, ring.times, liveLines(ring)));
  let ticks = 0;
  const timer = window.setInterval(() => {
    if (!figure.isConnected) return window.clearInterval(timer);
    if (!reading && ring.times.length === 0) return;
    const stale = printer.hasAttribute("data-stale");
    ring.push(Date.now() / 1000, liveValues(stale ? undefined : reading));
    current().update(ring.times, liveLines(ring));
    if (ticks++ % SUMMARY_EVERY_TICKS === 0) summarise(figure, liveLines(ring));
  }, TICK_MS);
}

function traceLines(trace: Trace): Line[] {
  return trace.series.map(({ label, unit, values }, index) => {
    if (unit !== "c") return { label, values, colour: index };
    const own = values.map((value) => (value === null ? null : degrees(value, manner())));
    return { label: `${label} ${degreeSign(manner())}`, values: own, colour: index };
  });
}

/** Legend of a trace; answers how to show the values under the pointer. */
function buildLegend(figure: HTMLElement, lines: Line[]): (index: number | null) => void {
  const figures = lines.map(({ label, colour }) => {
    const key = document.createElement("span");
    key.className = `chart-key chart-key-${colour % 4}`;
    const value = document.createElement("strong");
    key.append(label, " ", value);
    part(figure, "legend")?.append(key);
    return value;
  });
  return (index) => {
    figures.forEach((place, column) => {
      const value = index === null ? null : lines[column]?.values[index];
      place.textContent = typeof value === "number" ? write(value) : "";
    });
  };
}

async function showTrace(figure: HTMLElement, source: string): Promise<void> {
  const answer = await fetch(source, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`trace: ${answer.status}`);
  const trace = (await answer.json()) as Trace;
  const lines = traceLines(trace);
  const point = buildLegend(figure, lines);
  await keepDrawn(figure, (place) => draw(place, trace.t, lines, false, point));
  offerTable(figure, () => fillTable(figure, trace.t, lines));
  summarise(figure, lines);
}

function fail(figure: HTMLElement): void {
  const note = document.createElement("p");
  note.className = "text-sm text-muted";
  note.setAttribute("role", "alert");
  note.textContent = word("chart.failed");
  part(figure, "plot")?.replaceWith(note);
}

export function takeUpCharts(): void {
  for (const figure of document.querySelectorAll<HTMLElement>("[data-chart]")) {
    if (taken.has(figure)) continue;
    taken.add(figure);
    const source = figure.dataset["src"];
    const shown = source ? showTrace(figure, source) : showLive(figure);
    shown.catch(() => fail(figure));
  }
}

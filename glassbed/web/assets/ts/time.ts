/* Times in the person's own zone and language; relative ones stay true while the page is open. */

import { language } from "./page.js";

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function relative(seconds: number, locale: string): string {
  const write = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return write.format(Math.trunc(seconds / size), unit);
  }
  return write.format(0, "minute");
}

function absolute(at: Date, style: string, locale: string): string {
  if (style === "time") return at.toLocaleTimeString(locale, { timeStyle: "short" });
  if (style === "date") return at.toLocaleDateString(locale, { dateStyle: "medium" });
  return at.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

export function showTimes(): void {
  const locale = language();
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-time]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const style = element.dataset["time"] ?? "full";
    const full = absolute(at, "full", locale);
    element.title = full;
    const text = style === "relative" ? relative((at.getTime() - Date.now()) / 1000, locale) : absolute(at, style, locale);
    if (element.textContent !== text) element.textContent = text;
  }
}

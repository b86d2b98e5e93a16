/* Runs on every page; loads an island when an element asks for it. */

import { showCopyButtons } from "./copy.js";
import "./filter.js";
import { showArrived, showToasts } from "./panels.js";
import { showTimes } from "./time.js";

const TIMES_EVERY_MS = 30_000;

function showPictures(): void {
  for (const picture of document.querySelectorAll<HTMLElement>("[data-done]")) {
    picture.style.setProperty("--done", picture.dataset["done"] ?? "1");
    picture.removeAttribute("data-done"); // from here on the live reading sets it
  }
}

function has(selector: string): boolean {
  return document.querySelector(selector) !== null;
}

/** Take up whatever is new on the page; safe to call again. */
async function takeUp(): Promise<void> {
  showTimes();
  showCopyButtons();
  showToasts();
  showArrived();
  showPictures();
  if (has("form[data-upload]")) (await import("./upload.js")).takeUpForms();
  if (has("[data-chart]")) (await import("./chart.js")).takeUpCharts();
  if (has("[data-printer]")) (await import("./live.js")).watch();
}

void takeUp();
document.addEventListener("htmx:after:swap", () => void takeUp());
window.setInterval(showTimes, TIMES_EVERY_MS);

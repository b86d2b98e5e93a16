/* Turns a multipart form into a drop zone with progress and cancel. */

import { bytes } from "./format.js";
import { csrfHeaders, language } from "./page.js";
import { word } from "./words.js";

interface Answer {
  location?: string;
  error?: string;
}

const taken = new WeakSet<HTMLFormElement>();

function part<T extends HTMLElement>(form: HTMLElement, name: string): T | null {
  return form.querySelector<T>(`[data-upload-${name}]`);
}

function showError(form: HTMLFormElement, text: string): void {
  const place = part(form, "error");
  if (!place) return;
  place.textContent = text;
  place.hidden = text === "";
}

function showProgress(form: HTMLFormElement, file: File | null, sent: number): void {
  const row = part(form, "progress");
  if (!row) return;
  row.hidden = file === null;
  form.toggleAttribute("data-uploading", file !== null);
  if (!file) return;
  const bar = row.querySelector("progress");
  if (bar) bar.value = file.size ? sent / file.size : 0;
  const name = part(form, "name");
  if (name) name.textContent = file.name;
  const amount = part(form, "amount");
  if (!amount) return;
  const done = { done: bytes(Math.min(sent, file.size), language()), total: bytes(file.size, language()) };
  amount.textContent = sent >= file.size ? word("upload.checking") : word("upload.amount", done);
}

function parse(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {}; // a proxy's own page
  }
}

function finish(form: HTMLFormElement, request: XMLHttpRequest): void {
  const answer = parse(request.responseText);
  if (request.status >= 200 && request.status < 300 && answer.location) {
    location.assign(answer.location);
    return;
  }
  showProgress(form, null, 0);
  showError(form, answer.error ?? word("upload.failed"));
}

function send(form: HTMLFormElement, file: File): void {
  const limit = Number(form.dataset["limitBytes"] ?? Infinity);
  if (file.size > limit) {
    showError(form, word("upload.large", { limit: bytes(limit, language()) }));
    return;
  }
  const request = new XMLHttpRequest();
  const body = new FormData(form);
  const input = form.querySelector<HTMLInputElement>("input[type=file]");
  body.set(input?.name ?? "file", file, file.name);
  request.upload.addEventListener("progress", (event) => showProgress(form, file, event.loaded));
  request.addEventListener("load", () => finish(form, request));
  request.addEventListener("error", () => {
    showProgress(form, null, 0);
    showError(form, word("upload.broken"));
  });
  request.addEventListener("abort", () => showProgress(form, null, 0));
  part(form, "cancel")?.addEventListener("click", () => request.abort(), { once: true });
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
  showError(form, "");
  showProgress(form, file, 0);
  request.send(body);
}

function sendChosen(form: HTMLFormElement, files: FileList | null | undefined): void {
  if (form.hasAttribute("data-uploading")) return;
  const file = files?.[0];
  if (files && files.length > 1) showError(form, word("upload.one"));
  else if (file) send(form, file);
}

function takeUp(form: HTMLFormElement): void {
  const input = form.querySelector<HTMLInputElement>("input[type=file]");
  part(form, "plain")?.setAttribute("hidden", "");
  const picked = (): void => {
    sendChosen(form, input?.files);
    if (input) input.value = "";
  };
  input?.addEventListener("change", picked);
  if (input?.files?.length) picked(); // chosen before this script was there
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendChosen(form, input?.files);
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("is-over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("is-over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("is-over");
    sendChosen(form, event.dataTransfer?.files);
  });
}

export function takeUpForms(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) {
    if (taken.has(form)) continue;
    taken.add(form);
    takeUp(form);
  }
}

/* Narrows a list already on the page, by words typed and by states chosen, and counts its states.

`data-filter` on the search box is the selector of the items; `data-states` on a button lists the states
that it shows. A `[data-count]` counts the printers in its own states, else in those of its button. */

/** Whether every word typed occurs in the text, in any order. */
export function matches(text: string, typed: string): boolean {
  const within = text.toLocaleLowerCase();
  return typed.toLocaleLowerCase().split(/\s+/).every((part) => within.includes(part));
}

/** Whether a state is one of a list; an empty list stands for all. */
export function isOneOf(state: string, list: string): boolean {
  return list === "" || list.split(/\s+/).includes(state);
}

function choices(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("[data-states]")];
}

function itemsOf(input: HTMLInputElement): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(input.dataset["filter"] ?? "")];
}

export function narrow(input: HTMLInputElement): void {
  const chosen = choices().find((choice) => choice.getAttribute("aria-pressed") === "true")?.dataset["states"] ?? "";
  let shown = 0;
  for (const item of itemsOf(input)) {
    const text = item.dataset["filterText"] ?? item.textContent ?? "";
    item.hidden = !matches(text, input.value.trim()) || !isOneOf(item.dataset["state"] ?? "", chosen);
    if (!item.hidden) shown++;
  }
  for (const note of document.querySelectorAll<HTMLElement>("[data-filter-none]")) note.hidden = shown > 0;
}

function count(): void {
  const items = [...document.querySelectorAll<HTMLElement>(".printer-card")];
  for (const place of document.querySelectorAll<HTMLElement>("[data-count]")) {
    const list = place.dataset["count"] || place.closest<HTMLElement>("[data-states]")?.dataset["states"] || "";
    const found = String(items.filter((item) => isOneOf(item.dataset["state"] ?? "", list)).length);
    if (place.textContent !== found) place.textContent = found;
  }
}

function statesChanged(): void {
  count();
  const input = document.querySelector<HTMLInputElement>("[data-filter]");
  if (input) narrow(input);
}

function choose(choice: HTMLElement): void {
  for (const other of choices()) other.setAttribute("aria-pressed", String(other === choice));
  statesChanged();
}

if (typeof document !== "undefined") {
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.dataset["filter"]) narrow(input);
  });
  document.addEventListener("click", (event) => {
    const choice = (event.target as Element).closest<HTMLElement>("button[data-states]");
    if (choice) choose(choice);
  });
  document.addEventListener("glassbed:states", statesChanged);
  document.addEventListener("htmx:after:swap", statesChanged);
}

/* A search box that narrows a list already on the page: `data-filter` is the selector of its items. */

/** Whether every word typed occurs in the text, in any order. */
export function matches(text: string, typed: string): boolean {
  const within = text.toLocaleLowerCase();
  return typed.toLocaleLowerCase().split(/\s+/).every((part) => within.includes(part));
}

export function narrow(input: HTMLInputElement): void {
  const items = document.querySelectorAll<HTMLElement>(input.dataset["filter"] ?? "");
  for (const item of items) item.hidden = !matches(item.textContent ?? "", input.value.trim());
}

if (typeof document !== "undefined") {
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.dataset["filter"]) narrow(input);
  });
}

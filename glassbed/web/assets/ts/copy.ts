/* Buttons that copy their `data-copy`; shown only where the browser can. */

import { toast } from "./panels.js";
import { word } from "./words.js";

export function showCopyButtons(): void {
  if (!("clipboard" in navigator)) return;
  for (const button of document.querySelectorAll<HTMLElement>("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
  if (!button) return;
  void navigator.clipboard.writeText(button.dataset["copy"] ?? "").then(() => toast("success", word("copied")));
});

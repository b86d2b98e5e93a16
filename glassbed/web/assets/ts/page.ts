/* What the islands know of the page they stand on. */

import type { Manner } from "./format.js";
import { word } from "./words.js";

export function language(): string {
  return document.documentElement.lang || "en";
}

export function manner(): Manner {
  return {
    language: language(),
    fahrenheit: document.documentElement.dataset["units"] === "fahrenheit",
    now: new Date(),
    say: word,
  };
}

/** The token that the server put on the body for htmx; our own requests carry the same. */
export function csrfHeaders(): Record<string, string> {
  const headers = document.body.getAttribute("hx-headers:inherited");
  return headers ? (JSON.parse(headers) as Record<string, string>) : {};
}

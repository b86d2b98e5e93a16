/* Dialogs, menus and toasts: small behaviour on native elements. */

const TOAST_MS = 7_000;
const timed = new WeakSet<Element>();

function remove(note: Element): void {
  note.remove();
}

export function showToasts(): void {
  for (const note of document.querySelectorAll<HTMLElement>("[data-toast]")) {
    note.querySelector<HTMLElement>("[data-close-toast]")?.removeAttribute("hidden");
    if (timed.has(note) || note.hasAttribute("data-toast-stays")) continue;
    timed.add(note);
    window.setTimeout(() => remove(note), TOAST_MS);
  }
}

export function toast(tone: string, text: string): void {
  const note = document.createElement("div");
  note.className = `toast-note tone-${tone}`;
  note.setAttribute("data-toast", "");
  note.toggleAttribute("data-toast-stays", tone === "error");
  const line = document.createElement("p");
  line.textContent = text;
  note.append(line);
  document.querySelector("[data-toasts]")?.append(note);
  showToasts();
}

function closeMenus(except: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

function clicked(event: MouseEvent): void {
  const at = event.target as Element;
  closeMenus(at.closest("details[data-menu]"));
  const opener = at.closest<HTMLElement>("[data-open-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset["openDialog"] ?? "");
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
    closeMenus(null);
  }
  if (at.closest("[data-close-dialog]") || at instanceof HTMLDialogElement) at.closest("dialog")?.close();
  const note = at.closest("[data-close-toast]")?.closest("[data-toast]") ?? at.closest("[data-close-notice]")?.closest(".notice");
  if (note) remove(note);
}

/** What a form said before is over once it is sent again; one with `data-once` is sent once. */
function sent(event: Event): void {
  const form = event.target as Element;
  if (form.getAttribute("data-once") === "sent") event.preventDefault();
  if (form.hasAttribute("data-once")) form.setAttribute("data-once", "sent");
  const selector = form.getAttribute("hx-target");
  if (selector?.startsWith("#")) document.querySelector(selector)?.replaceChildren();
}

/** Bring an answer that just came into view: the button may be far from it. */
export function showArrived(): void {
  for (const notice of document.querySelectorAll<HTMLElement>("[data-arrived]")) {
    notice.removeAttribute("data-arrived");
    notice.scrollIntoView({ block: "center", behavior: "smooth" });
  }
}

document.addEventListener("click", clicked);
document.addEventListener("submit", sent);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.querySelectorAll("[data-once]")) form.setAttribute("data-once", "");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector<HTMLDetailsElement>("details[data-menu][open]");
  closeMenus(null);
  menu?.querySelector("summary")?.focus();
});
document.addEventListener("glassbed:toast", (event) => {
  const { tone, text } = (event as CustomEvent<{ tone?: string; text?: string }>).detail;
  if (text) toast(tone ?? "info", text);
});

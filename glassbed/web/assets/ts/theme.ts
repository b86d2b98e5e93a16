/* Loaded before the first paint, as a plain script. Touches storage only when a person chooses. */
(() => {
  const key = "glassbed.theme";
  const known = ["glassbed-light", "glassbed-dark"];

  const stored = (): string => {
    try {
      const value = localStorage.getItem(key) ?? "";
      return known.includes(value) ? value : "";
    } catch {
      return ""; // storage is blocked: as the system
    }
  };

  const apply = (theme: string): void => {
    if (theme) document.documentElement.dataset["theme"] = theme;
    else delete document.documentElement.dataset["theme"];
  };

  const choose = (theme: string): void => {
    try {
      if (theme) localStorage.setItem(key, theme);
      else localStorage.removeItem(key);
    } catch {
      // storage is blocked: the choice holds for this page
    }
    apply(theme);
    document.dispatchEvent(new CustomEvent("glassbed:theme"));
  };

  const show = (): void => {
    const now = document.documentElement.dataset["theme"] ?? "";
    for (const group of document.querySelectorAll<HTMLElement>("[data-theme-switch]")) {
      group.hidden = false;
      for (const button of group.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
        button.setAttribute("aria-pressed", String(button.dataset["themeChoice"] === now));
      }
    }
  };

  apply(stored());
  document.addEventListener("DOMContentLoaded", show);
  document.addEventListener("glassbed:theme", show);
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-theme-choice]");
    if (button) choose(button.dataset["themeChoice"] ?? "");
  });
})();

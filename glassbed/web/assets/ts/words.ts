/* Translated strings, rendered by the server into templates/design/words.html. */

let table: Record<string, string> | undefined;

function load(): Record<string, string> {
  const block = document.getElementById("glassbed-words");
  return block ? (JSON.parse(block.textContent ?? "{}") as Record<string, string>) : {};
}

export type Values = Record<string, string | number>;

/** Replace `{name}` by values; an unknown name stays as it is. */
export function fill(template: string, values: Values = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function word(key: string, values: Values = {}): string {
  table ??= load();
  return fill(table[key] ?? key, values);
}

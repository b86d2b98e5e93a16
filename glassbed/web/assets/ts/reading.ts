/* A printer's reading as the browser keeps it; mirrors glassbed/protocol/reading.py. */

export type Value = string | number | null;
export type Reading = Record<string, Value>;

const BUSY = new Set(["sending", "printing", "pausing", "paused", "resuming", "cancelling"]);
const UNREACHABLE = new Set(["offline", "refused"]);

/** Apply a delta; a full sample replaces everything. `null` means that the printer no longer says. */
export function merge(before: Reading | undefined, delta: Reading, full: boolean): Reading {
  return full || !before ? { ...delta } : { ...before, ...delta };
}

/** The state to show: without its bridge a printer is out of reach, whatever it said last. */
export function shownState(reading: Reading | undefined, linked: boolean | undefined): string {
  if (linked === false) return "offline";
  const state = reading?.["state"];
  return typeof state === "string" ? state : "unknown";
}

/** Everything that is true of a printer, as words for `data-show-when`. */
export function conditions(reading: Reading | undefined, linked: boolean | undefined): Set<string> {
  const state = shownState(reading, linked);
  const now = new Set([state, reading ? "known" : "unknown"]);
  now.add(BUSY.has(state) ? "busy" : "idle");
  if (state !== "unknown" && !UNREACHABLE.has(state)) now.add("reachable");
  if (linked !== undefined) now.add(linked ? "linked" : "unlinked");
  for (const [field, value] of Object.entries(reading ?? {})) {
    if (value !== null && value !== "") now.add(`field:${field}`);
  }
  return now;
}

/** Whether one of the words of a `data-show-when` list holds. */
export function holds(list: string, now: Set<string>): boolean {
  return list.split(/\s+/).some((wanted) => now.has(wanted));
}

/** Seconds to wait before try number `attempt` (from 0): doubling, at most 30, with jitter. */
export function backoff(attempt: number, random: number): number {
  return Math.min(30, 2 ** attempt) * (0.5 + random / 2);
}

// The pure parts of the islands, as built. Run by tests/web/test_assets.py.
import assert from "node:assert/strict";
import { test } from "node:test";

const built = new URL("../../static/built/", import.meta.url);
const { clock, duration, format, bytes, percent, temperature } = await import(new URL("format.js", built));
const { backoff, conditions, holds, merge, shownState } = await import(new URL("reading.js", built));
const { extent, Ring, spread } = await import(new URL("ring.js", built));
const { fill } = await import(new URL("words.js", built));
const { isOneOf, matches } = await import(new URL("filter.js", built));
const { relative } = await import(new URL("time.js", built));

const words = {
  "duration.days": "{d} d {h} h",
  "duration.hours": "{h} h {min} min",
  "duration.minutes": "{min} min",
  "duration.seconds": "{s} s",
  layer: "{layer} of {layers}",
};
const manner = { language: "en", fahrenheit: false, now: new Date(2026, 10, 22, 23, 30), say: (key) => words[key] };

test("temperatures follow the person's units", () => {
  assert.equal(temperature(214.84, manner), "214.8 °C");
  assert.equal(temperature(100, { ...manner, fahrenheit: true }), "212 °F");
});

test("a print is 100 % only when it is done", () => {
  assert.equal(percent(0.999, manner), "99 %");
  assert.equal(percent(1, manner), "100 %");
  assert.equal(percent(0.29, manner), "29 %"); // 0.29 * 100 is 28.999…
});

test("durations grow coarser with their length", () => {
  assert.equal(duration(45, manner), "45 s");
  assert.equal(duration(59.6, manner), "1 min");
  assert.equal(duration(3599, manner), "1 h 0 min");
  assert.equal(duration(4320, manner), "1 h 12 min");
  assert.equal(duration(90_000, manner), "1 d 1 h");
});

test("an end on another day names the day", () => {
  assert.match(clock(600, manner), /^11:40/);
  assert.match(clock(3600, manner), /Mon/);
});

test("a field that the printer does not say is a dash, a target that is off is nothing", () => {
  assert.equal(format("temperature", "bed_c", {}, manner), "–");
  assert.equal(format("temperature", "bed_c", { bed_c: null }, manner), "–");
  assert.equal(format("target", "bed_target_c", { bed_target_c: 0 }, manner), "");
  assert.equal(format("layer", "layer", { layer: 3, layers: 80 }, manner), "3 of 80");
  assert.equal(format("text", "file_name", { file_name: "a.gcode" }, manner), "a.gcode");
});

test("sizes are written in the unit that reads best", () => {
  assert.equal(bytes(0, "en"), "0 B");
  assert.equal(bytes(3_600_000, "en"), "3.6 MB");
  assert.equal(bytes(500_000_000, "en"), "500 MB");
});

test("a delta changes what it names, a full sample forgets the rest", () => {
  const before = { state: "printing", message: "warming up", layer: 3 };
  assert.deepEqual(merge(before, { message: null }, false), { state: "printing", message: null, layer: 3 });
  assert.deepEqual(merge(before, { state: "ready" }, true), { state: "ready" });
});

test("without its bridge a printer is offline whatever it said last", () => {
  assert.equal(shownState({ state: "printing" }, false), "offline");
  assert.equal(shownState(undefined, true), "unknown");
});

test("controls ask for what is true of the printer", () => {
  const now = conditions({ state: "paused", message: "door open", file_name: null }, true);
  assert.ok(holds("printing paused", now));
  assert.ok(holds("busy", now));
  assert.ok(holds("field:message", now));
  assert.ok(!holds("field:file_name ready", now));
  assert.ok(!holds("reachable busy known", conditions(undefined, undefined)));
  assert.ok(!holds("reachable", conditions({ state: "refused" }, true)));
});

test("tries are spread out and never further apart than half a minute", () => {
  assert.equal(backoff(0, 0), 0.5);
  assert.equal(backoff(3, 1), 8);
  assert.equal(backoff(50, 1), 30);
});

test("the ring keeps its span and no more", () => {
  const ring = new Ring(1, 10);
  for (let at = 0; at <= 20; at++) ring.push(at, [at]);
  assert.equal(ring.times[0], 10);
  assert.deepEqual(ring.columns[0], ring.times);
});

test("a summary leaves gaps out", () => {
  assert.deepEqual(extent([null, 3, 9, 5, null]), { last: 5, low: 3, high: 9 });
  assert.equal(extent([null]), undefined);
});

test("a table of a long trace has its first and last row", () => {
  assert.deepEqual(spread(3, 60), [0, 1, 2]);
  const rows = spread(1000, 60);
  assert.equal(rows.length, 60);
  assert.equal(rows[0], 0);
  assert.equal(rows[59], 999);
});

test("words keep a name that has no value", () => {
  assert.equal(fill("{a} and {b}", { a: 1 }), "1 and {b}");
});

test("a filter wants every word, in any order and case", () => {
  assert.ok(matches("Workshop MK4 Printing", "mk4 work"));
  assert.ok(matches("anything", ""));
  assert.ok(!matches("Workshop MK4", "mk4 voron"));
});

test("relative times use the largest unit that fits", () => {
  assert.equal(relative(-7200, "en"), "2 hours ago");
  assert.equal(relative(-86_400, "en"), "yesterday");
  assert.equal(relative(-5, "en"), "this minute");
});

test("a choice of states shows these and no others, an empty one all", () => {
  assert.ok(isOneOf("paused", "paused error"));
  assert.ok(!isOneOf("pause", "paused error"));
  assert.ok(isOneOf("unknown", ""));
});

test("a printer is busy or idle, never both", () => {
  assert.ok(holds("busy", conditions({ state: "sending" }, true)));
  assert.ok(!holds("idle", conditions({ state: "sending" }, true)));
  assert.ok(holds("idle", conditions(undefined, undefined)));
});

/* Numbers of a reading as a person reads them. Pure: language, units and words come in. */

import type { Reading } from "./reading.js";
import { fill } from "./words.js";

export interface Manner {
  language: string;
  fahrenheit: boolean;
  now: Date;
  say: (key: string) => string;
}

const EMPTY = "–";

function number(value: number, digits: number, manner: Manner): string {
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(manner.language, options).format(value);
}

export function degrees(celsius: number, manner: Manner): number {
  return manner.fahrenheit ? celsius * 1.8 + 32 : celsius;
}

export function degreeSign(manner: Manner): string {
  return manner.fahrenheit ? "°F" : "°C";
}

export function temperature(celsius: number, manner: Manner): string {
  return `${number(degrees(celsius, manner), manner.fahrenheit ? 0 : 1, manner)} ${degreeSign(manner)}`;
}

/** A heater's target; nothing while the heater is off. */
export function target(celsius: number, manner: Manner): string {
  return celsius > 0 ? `→ ${number(degrees(celsius, manner), 0, manner)} ${degreeSign(manner)}` : "";
}

/** Whole percent, rounded down: 100 % is shown only when it is done. */
export function percent(ratio: number, manner: Manner): string {
  return `${number(Math.floor(ratio * 100 + 1e-9), 0, manner)} %`;
}

export function duration(seconds: number, manner: Manner): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return fill(manner.say("duration.seconds"), { s: whole });
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return fill(manner.say("duration.minutes"), { min: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return fill(manner.say("duration.hours"), { h: hours, min: minutes % 60 });
  return fill(manner.say("duration.days"), { d: Math.floor(hours / 24), h: hours % 24 });
}

/** The time of day at which so many seconds will have passed; with the day, if that is another one. */
export function clock(seconds: number, manner: Manner): string {
  const at = new Date(manner.now.getTime() + seconds * 1000);
  const day = at.toDateString() === manner.now.toDateString() ? {} : { weekday: "short" as const };
  return new Intl.DateTimeFormat(manner.language, { hour: "2-digit", minute: "2-digit", ...day }).format(at);
}

function layer(value: number, manner: Manner, reading: Reading): string {
  const layers = reading["layers"];
  if (typeof layers !== "number") return number(value, 0, manner);
  return fill(manner.say("layer"), { layer: number(value, 0, manner), layers: number(layers, 0, manner) });
}

function filament(millimetres: number, manner: Manner): string {
  return `${number(millimetres / 1000, 2, manner)} m`;
}

function height(millimetres: number, manner: Manner): string {
  return `${number(millimetres, 1, manner)} mm`;
}

const FORMATS: Record<string, (value: number, manner: Manner, reading: Reading) => string> = {
  temperature,
  target,
  percent,
  duration,
  clock,
  layer,
  filament,
  height,
};

/** Text of a field for `data-format`. */
export function format(kind: string, field: string, reading: Reading, manner: Manner): string {
  const value = reading[field];
  if (value === null || value === undefined || value === "") return kind === "target" ? "" : EMPTY;
  const make = FORMATS[kind];
  return make && typeof value === "number" ? make(value, manner, reading) : String(value);
}

export function bytes(count: number, language: string): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const digits = power === 0 || count / 1000 ** power >= 100 ? 0 : 1;
  const amount = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(count / 1000 ** power);
  return `${amount} ${units[power] ?? ""}`;
}

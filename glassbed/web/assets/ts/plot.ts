/* How a chart of ours looks: uPlot in the colours of the theme. */

import type uPlot from "uplot";
import { language } from "./page.js";
import type { Column } from "./ring.js";

export interface Line {
  label: string;
  values: Column;
  colour: number; // of --key, see chart-key-N
  target?: boolean;
}

const KEYS = ["--nozzle", "--bed", "--color-success", "--color-warning"];
const HEIGHT_PX = 300;
const LIVE_FLOOR_S = 120;

type Plot = typeof uPlot;
let library: Promise<Plot> | undefined;

function loadLibrary(): Promise<Plot> {
  library ??= (async () => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = new URL("./uplot.css", import.meta.url).href;
    document.head.append(sheet);
    return (await import("./uplot.js")).default;
  })();
  return library;
}

/** A colour of the theme, resolved to what a canvas understands. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function faint(name: string, percent: number): string {
  return `color-mix(in oklab, ${colour(name)} ${percent}%, transparent)`;
}

function line({ label, colour: key, target }: Line): uPlot.Series {
  const name = KEYS[key % KEYS.length] ?? "--bed";
  if (target) return { label, stroke: colour(name), width: 1, dash: [4, 5], points: { show: false } };
  return { label, stroke: colour(name), fill: faint(name, 9), width: 2, points: { show: false } };
}

function times(values: number[], shortSpan: boolean): string[] {
  const seconds = shortSpan ? { second: "2-digit" as const } : {};
  const write = new Intl.DateTimeFormat(language(), { hour: "2-digit", minute: "2-digit", ...seconds });
  return values.map((value) => write.format(value * 1000));
}

function axes(): uPlot.Axis[] {
  const ink = { stroke: colour("--muted"), font: "12px Inter, sans-serif", ticks: { show: false } };
  const grid = { stroke: faint("--muted", 18), width: 1 };
  const bottom: uPlot.Axis = {
    ...ink,
    grid: { show: false },
    size: 30,
    space: 84,
    values: (_, values, __, ___, step) => times(values, step < 60),
  };
  return [bottom, { ...ink, grid, size: 44, space: 44 }];
}

/** Heat has a floor: the scale starts at 0 and leaves air above the highest value. */
function heatRange(_: unknown, __: number | null, high: number | null): [number, number] {
  return [0, Math.max(50, (high ?? 0) * 1.12)];
}

function timeRange(live: boolean): uPlot.Range.Function {
  return (_, low: number | null, high: number | null) => {
    const end = high ?? Date.now() / 1000; // before the first sample: now, not the year 1970
    const begin = low ?? end;
    return [live ? Math.min(begin, end - LIVE_FLOOR_S) : begin, end];
  };
}

export interface Drawing {
  update(times: number[], lines: Line[]): void;
  destroy(): void;
}

export async function draw(
  place: HTMLElement,
  at: number[],
  lines: Line[],
  live: boolean,
  pointed: (index: number | null) => void,
): Promise<Drawing> {
  const Chart = await loadLibrary();
  const data = (x: number[], y: Line[]): uPlot.AlignedData => [x, ...y.map((one) => one.values)];
  const plot = new Chart(
    {
      width: Math.max(place.clientWidth, 200),
      height: HEIGHT_PX,
      padding: [4, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: !live, y: false } },
      scales: { x: { time: true, range: timeRange(live) }, y: { range: heatRange } },
      axes: axes(),
      series: [{}, ...lines.map(line)],
      hooks: { setCursor: [(self) => pointed(self.cursor.idx ?? null)] },
    },
    data(at, lines),
    place,
  );
  const resize = new ResizeObserver(() => {
    if (place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height: HEIGHT_PX });
  });
  resize.observe(place);
  return {
    update: (x, y) => plot.setData(data(x, y)),
    destroy: () => {
      resize.disconnect();
      plot.destroy();
    },
  };
}

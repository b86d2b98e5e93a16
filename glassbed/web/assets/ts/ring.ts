/* The last minutes of some series, and what can be said of them in a sentence. Pure. */

export type Column = (number | null)[];

export class Ring {
  readonly times: number[] = [];
  readonly columns: Column[];

  constructor(
    series: number,
    private readonly spanSeconds: number,
  ) {
    this.columns = Array.from({ length: series }, () => []);
  }

  push(at: number, values: Column): void {
    this.times.push(at);
    this.columns.forEach((column, index) => column.push(values[index] ?? null));
    while (this.times[0] !== undefined && this.times[0] < at - this.spanSeconds) {
      this.times.shift();
      for (const column of this.columns) column.shift();
    }
  }
}

export interface Extent {
  last: number;
  low: number;
  high: number;
}

/** Last, lowest and highest value that is there; nothing for an empty column. */
export function extent(column: Column): Extent | undefined {
  const known = column.filter((value): value is number => value !== null);
  const last = known[known.length - 1];
  if (last === undefined) return undefined;
  return { last, low: known.reduce((a, b) => Math.min(a, b)), high: known.reduce((a, b) => Math.max(a, b)) };
}

/** At most `count` indexes, evenly spread, first and last among them. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index);
  return Array.from({ length: count }, (_, index) => Math.round((index * (length - 1)) / (count - 1)));
}

/** Forecasts that need no network: the last value again, or the values one window before. */
import type { Table } from "../data/table.ts";

/** Amounts of every row, those of a row one after the other, by what a report calls them; none where the table is no forecast. */
export function naiveForecasts(table: Table): ReadonlyMap<string, Float64Array> {
  const windows = table.sequences?.windows;
  const series = table.columns.find(({ name }) => name === windows?.target);
  if (!windows || series?.kind !== "sequence") return new Map();
  const { window, horizon } = windows;
  const forecast = (from: (step: number) => number): Float64Array =>
    Float64Array.from({ length: table.rows * horizon }, (_, i) => series.values[Math.floor(i / horizon) * window + from(i % horizon)]!);
  const last = forecast(() => window - 1);
  if (window === 1) return new Map([["the last value", last]]);
  return new Map([
    ["the last value", last],
    [`the value ${window} lines before`, forecast((step) => step % window)],
  ]);
}

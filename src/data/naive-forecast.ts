/** Forecasts that need no network: the last value again, or the values one season before, of no season one window. */
import { internal } from "../util/errors.ts";
import type { Table } from "./table.ts";

/** Where in an example's window each step of a forecast is read, by what a report calls it; none where the table is no forecast. */
export function naiveForecasts({ sequences }: Table): ReadonlyMap<string, readonly number[]> {
  if (!sequences?.windows) return new Map();
  const { window, horizon, season } = sequences.windows;
  const steps = Array.from({ length: horizon }, (_, step) => step);
  const reach = window + (season ?? 0);
  const last = ["the last value", steps.map(() => reach - 1)] as const;
  const period = season ?? window;
  return new Map(
    period === 1 ? [last] : [last, [`the value ${period} lines before`, steps.map((step) => reach - period + (step % period))]],
  );
}

/** The target's own past at places of the windows of rows, those of a row one after the other. */
export function pastAt(table: Table, rows: Int32Array, positions: readonly number[]): Float64Array {
  const windows = table.sequences?.windows;
  const series = table.columns.find(({ name }) => name === windows?.target);
  if (!windows || series?.kind !== "sequence") return internal("the past of a target that is not forecast");
  const reach = windows.window + (windows.season ?? 0);
  const found = new Float64Array(rows.length * positions.length);
  rows.forEach((row, i) =>
    positions.forEach((position, step) => {
      found[i * positions.length + step] = series.values[row * reach + position]!;
    }),
  );
  return found;
}

/** The naive forecast that is nearest to the amounts of rows, by squares; a missing value rules one out. */
export function nearestNaive(
  table: Table,
  rows: Int32Array,
  amounts: Float64Array,
): { readonly name: string; readonly positions: readonly number[]; readonly error: number } | undefined {
  const found = [...naiveForecasts(table)].map(([name, positions]) => {
    const past = pastAt(table, rows, positions);
    return { name, positions, error: amounts.reduce((sum, amount, i) => sum + (amount - past[i]!) ** 2, 0) };
  });
  return found.filter(({ error }) => !Number.isNaN(error)).toSorted((a, b) => a.error - b.error)[0];
}

/** What the parts of a table are compared by: its scalar columns, and what can be measured of images and sequences; a sample of rows each. */
import { selectColumn, type CategoricalColumn, type Column, type NumericColumn, type Table } from "../data/table.ts";
import { rng } from "../util/rng.ts";
import { imageProperties } from "./image-properties.ts";
import type { AuditPart } from "./rule.ts";

/** Rows of a part that are compared at most; of images, as many as have so many pixels, and some in any case. */
const mostRows = 100_000;
const leastImages = 200;

/** One feature in every part: `values[part]`, the same rows in the same order for every feature. */
export type Compared =
  | {
      readonly name: string;
      readonly kind: "numeric";
      readonly values: readonly Float64Array[];
      /** It only rises, or only falls, with the time of the rows, as a year does: what is later has other values whatever happened. */
      readonly followsTime?: boolean;
    }
  | { readonly name: string; readonly kind: "categorical"; readonly categories: readonly string[]; readonly values: readonly Int32Array[] };

/** At most so many rows of a part, ascending; all of them where they are no more. */
export function sampleRows(rows: Int32Array, most: number, seed: number, stream: string): Int32Array {
  if (rows.length <= most) return rows;
  const draws = rng(seed, stream);
  if (2 * most > rows.length)
    return draws
      .permutation(rows.length)
      .subarray(0, most)
      .map((at) => rows[at]!)
      .sort();
  const chosen = new Set<number>();
  while (chosen.size < most) chosen.add(draws.integer(rows.length));
  return Int32Array.from(chosen, (at) => rows[at]!).sort();
}

/** The features of a table, part by part. @param mostPixels of a part that are looked at */
export function comparedFeatures(
  { columns, rows: all, roles }: Table,
  parts: readonly AuditPart[],
  seed: number,
  mostPixels: number,
): Compared[] {
  const images = columns.filter((column) => column.kind === "image");
  const perRow = images.reduce((sum, { values, channels }) => sum + values.length / channels, 0) / all;
  const most = Math.min(mostRows, perRow > 0 ? Math.max(leastImages, Math.floor(mostPixels / perRow)) : Infinity);
  const rows = parts.map((part) => sampleRows(part.rows, most, seed, `compared ${part.name}`));
  const features = columns.flatMap((column) => featuresOf(column, rows, images.length));
  if (!roles.time) return features;
  const ordered = inOrderOfTime(roles.time as NumericColumn, rows);
  return features.map((feature) =>
    feature.kind === "numeric" && isMonotone(ordered(feature.values)) ? { ...feature, followsTime: true } : feature,
  );
}

/** Puts the values of all parts in the order of their rows' times. */
function inOrderOfTime(time: NumericColumn, rows: readonly Int32Array[]): (values: readonly Float64Array[]) => Float64Array {
  const all = (values: readonly ArrayLike<number>[]) => Float64Array.from(values.flatMap((own) => Array.from(own)));
  const times = all(rows.map((chosen) => pickNumbers(time, chosen)));
  const order = Uint32Array.from(times, (_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
  return (values) => {
    const joined = all(values);
    return Float64Array.from(order, (at) => joined[at]!);
  };
}

/** Whether values, but for missing ones, never fall, or never rise, and are not all the same. */
function isMonotone(values: Float64Array): boolean {
  let [rises, falls, last] = [false, false, NaN];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (value > last) rises = true;
    if (value < last) falls = true;
    if (rises && falls) return false;
    last = value;
  }
  return rises !== falls;
}

function featuresOf(column: Column, rows: readonly Int32Array[], images: number): Compared[] {
  switch (column.kind) {
    case "numeric":
      return [{ name: column.name, kind: "numeric", values: rows.map((chosen) => pickNumbers(column, chosen)) }];
    case "categorical":
      return [
        { name: column.name, kind: "categorical", categories: column.categories, values: rows.map((chosen) => pickCodes(column, chosen)) },
      ];
    case "image": {
      const found = rows.map((chosen) => imageProperties(column, chosen));
      const label = (property: string) => (images === 1 ? property : `${property} of ${column.name}`);
      return Object.keys(found[0]!).map((property) => ({
        name: label(property),
        kind: "numeric",
        values: found.map((properties) => properties[property]!),
      }));
    }
    case "sequence": {
      const { offsets, values, width, name } = column;
      const length = (row: number) => offsets[row + 1]! - offsets[row]!;
      const mean = (row: number) => {
        let sum = 0;
        for (let at = offsets[row]! * width; at < offsets[row + 1]! * width; at++) sum += values[at]!;
        return sum / (length(row) * width);
      };
      const feature = (label: string, of: (row: number) => number): Compared => ({
        name: `${label} of ${name}`,
        kind: "numeric",
        values: rows.map((chosen) => Float64Array.from(chosen, of)),
      });
      return [feature("length", length), ...(column.tokens ? [] : [feature("mean", mean)])];
    }
  }
}

/** The target in every part, all rows. */
export const pickNumbers = (column: NumericColumn, rows: Int32Array): Float64Array => selectColumn(column, rows).values;
export const pickCodes = (column: CategoricalColumn, rows: Int32Array): Int32Array => selectColumn(column, rows).codes;

/** The rows of all parts, one part behind the other. */
export function rowsOfAll(parts: readonly AuditPart[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { rows }) => sum + rows.length, 0));
  let at = 0;
  for (const { rows } of parts) {
    all.set(rows, at);
    at += rows.length;
  }
  return all;
}

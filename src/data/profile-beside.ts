/** What a profile says of columns that stand beside the table: lists, texts as sequences, images, arrays. */
import { printable } from "../util/printable.ts";
import type { ColumnProfile } from "./column-profile.ts";
import { hashRows } from "./row-hash.ts";
import { orderByKey } from "./row-order.ts";
import { clusterCount, runsOf } from "./splitters/clusters.ts";
import { grouped, type Column, type SequenceColumn } from "./table.ts";
import { moments } from "./transforms/standardise.ts";

/** How many rows are like an earlier one in all of these columns. */
export function countRepeats(columns: readonly Column[], rows: number): number {
  const keys = hashRows(columns, rows, "profile");
  return rows - clusterCount(runsOf(orderByKey(keys), keys));
}

/** A column of sequences by how long they are. @param what a step is, e.g. `lists of numbers` */
export function profileSequences({ name, offsets, width, tokens }: SequenceColumn, bins: number, unit?: string): ColumnProfile {
  const lengths = lengthsOf(offsets);
  const what = unit ?? `lists of ${tokens ? "texts" : width > 1 ? `${width} numbers a step` : "numbers"}`;
  return {
    name: printable(name),
    type: unit === undefined ? "list" : "text",
    missing: lengths.filter((length) => length === 0).length,
    distinct: new Set(lengths).size,
    ...spreadOf(lengths, bins),
    remarks: [`a sequence per row: ${what}, ${rangeOf(lengths)} steps long`],
  };
}

const lengthsOf = (offsets: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: offsets.length - 1 }, (_, i) => offsets[i + 1]! - offsets[i]!);

function rangeOf(values: ArrayLike<number>): string {
  let [low, high] = [Infinity, 0];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]!);
    high = Math.max(high, values[i]!);
  }
  return low === high ? grouped(low) : `${grouped(low)} to ${grouped(high)}`;
}

/** Of whole numbers: quartiles linear between the values, bins of as many each. */
function spreadOf(values: Float64Array, bins: number): Required<Pick<ColumnProfile, "numbers" | "distribution">> {
  const sorted = values.toSorted();
  const m = sorted.length;
  const at = (share: number): number => {
    const place = share * (m - 1);
    const below = sorted[Math.floor(place)]!;
    return below + (place % 1) * ((sorted[Math.ceil(place)] ?? below) - below);
  };
  const { mean, deviation } = moments(sorted);
  const [min, max] = [at(0), at(1)];
  const step = Math.max(1, Math.ceil((max - min + 1) / bins));
  const counts = new Array<number>(Math.ceil((max - min + 1) / step)).fill(0);
  for (const value of sorted) counts[Math.floor((value - min) / step)]! += 1;
  return {
    numbers: { min, quartiles: [at(0.25), at(0.5), at(0.75)], max, mean, deviation },
    distribution: {
      kind: "bins",
      edges: Array.from({ length: counts.length + 1 }, (_, i) => min - 0.5 + i * step),
      counts,
      clipped: false,
    },
  };
}

/** Images by their sizes, sequences by their lengths, columns of numbers by their count: a note each. */
export function besideNotes(columns: readonly Column[]): string[] {
  const numbers = columns.filter(({ kind }) => kind === "numeric" || kind === "categorical");
  const others = columns.flatMap((column) => {
    if (column.kind === "image") {
      const colour = { 1: "gray", 3: "in colour", 4: "in colour, with alpha" }[column.channels];
      return [
        `${column.name}: ${grouped(column.heights.length)} ${column.heights.length === 1 ? "image" : "images"}, ${colour}, ${rangeOf(column.heights)} pixels high and ${rangeOf(column.widths)} wide`,
      ];
    }
    if (column.kind !== "sequence") return [];
    const lengths = lengthsOf(column.offsets);
    return [`${column.name}: ${grouped(lengths.length)} sequences of ${rangeOf(lengths)} steps, ${column.width} numbers each`];
  });
  const named = numbers.length > 1 ? `${numbers[0]!.name} to ${numbers.at(-1)!.name}` : (numbers[0]?.name ?? "");
  return [...others, ...(numbers.length > 0 ? [`${grouped(numbers.length)} columns of an array: ${named}`] : [])];
}

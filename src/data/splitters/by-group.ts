/** By groups: no group in two parts. */
import { GradusError } from "../../util/errors.ts";
import { hashText } from "../../util/rng.ts";
import { allRows, NONE, TEST, TRAIN, VALIDATION } from "../part.ts";
import type { Splitter } from "../splitter.ts";
import { grouped, type CategoricalColumn, type Table } from "../table.ts";
import type { Wanted } from "./deal.ts";

export const byGroup: Splitter = {
  name: "group",
  applies: (table) => table.roles.group !== undefined,
  split({ table, sizes, seed, kept }) {
    const all = allRows(table.rows);
    const { partOf, notes } = assignGroups(table, all, sizes, seed, kept);
    return { partOf, policy: `${sizes.policy} by ${table.roles.group!.name}, seed ${seed}`, notes };
  },
};

interface Group {
  readonly name: string;
  readonly code: number;
  readonly size: number;
  part: number;
}

/**
 * Deals whole groups to parts, in the order of their keys: each part takes the groups that fit what it lacks, and one at least.
 * @param kept parts that rows of the table have already; their groups keep them
 * @returns the part of every row of the table, `NONE` for others than the given ones
 * @throws GradusError where there are fewer groups than parts
 */
export function assignGroups(
  table: Table,
  rows: Int32Array,
  sizes: Wanted,
  seed: number | string,
  kept?: Uint8Array,
): { partOf: Uint8Array; notes: string[] } {
  const column = table.roles.group as CategoricalColumn;
  const groups = groupsOf(column, rows, seed, kept);
  const wanted = ([TEST, VALIDATION, TRAIN] as const).filter((part) => sizeOf(sizes, part) > 0);
  if (groups.length < wanted.length)
    throw new GradusError(
      `${table.source.path}: column "${column.name}" (--group) has ${groups.length} values; ${wanted.length} parts need as many groups.`,
      {
        hint: "name a column with more groups, or use --split 80/20/0 for no test set.",
      },
    );
  const limited = sizes.train + sizes.validation + sizes.test < rows.length;
  // Where one group is more than the training share, test and validation share what it leaves.
  const spare = rows.length - Math.max(...groups.map(({ size }) => size));
  const asked = sizes.test + sizes.validation;
  const share = rows.length - spare > sizes.train && asked > spare ? spare / asked : 1;
  wanted.forEach((part, at) => {
    const room = (part === TRAIN ? 1 : share) * sizeOf(sizes, part) - sum(groups, part);
    const reserve = wanted.slice(at + 1).filter((later) => sum(groups, later) === 0).length;
    take(groups, part, part === TRAIN && !limited ? Infinity : room, reserve);
  });
  const codes = new Uint8Array(column.categories.length).fill(NONE);
  for (const { code, part } of groups) codes[code] = part;
  const partOf = new Uint8Array(table.rows).fill(NONE);
  for (const row of rows) partOf[row] = codes[column.codes[row]!]!;
  return { partOf, notes: notesOf(column.name, groups, sizes, rows.length) };
}

const sizeOf = (sizes: Wanted, part: number): number => [sizes.train, sizes.validation, sizes.test][part]!;
const sum = (groups: readonly Group[], part: number): number => groups.reduce((n, group) => n + (group.part === part ? group.size : 0), 0);

/** Groups with rows, in the order of their keys. */
function groupsOf(column: CategoricalColumn, rows: Int32Array, seed: number | string, kept: Uint8Array | undefined): Group[] {
  const sizes = new Int32Array(column.categories.length);
  const parts = new Uint8Array(column.categories.length).fill(NONE);
  for (const row of rows) {
    const code = column.codes[row]!;
    sizes[code]! += 1;
    if (kept && kept[row] !== NONE) parts[code] = kept[row]!;
  }
  return column.categories
    .map((name, code) => ({ name, code, size: sizes[code]!, part: parts[code]!, key: keyOf(name, seed) }))
    .filter(({ size }) => size > 0)
    .toSorted((a, b) => a.key - b.key || a.code - b.code);
}

/**
 * Free groups that fit the room, or end nearer to it than without; the smallest where the part would have none.
 * @param reserve so many groups are left to later parts
 */
function take(groups: readonly Group[], part: number, room: number, reserve: number): void {
  const free = groups.filter((group) => group.part === NONE);
  let left = room;
  let number = free.length;
  for (const group of free) {
    if (number <= reserve) return;
    if (2 * left <= group.size) continue;
    group.part = part;
    left -= group.size;
    number -= 1;
  }
  if (groups.some((group) => group.part === part) || number <= reserve) return;
  const rest = free.filter((group) => group.part === NONE);
  const smallest = rest.reduce((least, group) => (group.size < least.size ? group : least), rest[0]!);
  smallest.part = part;
}

function notesOf(column: string, groups: readonly Group[], sizes: Wanted, rows: number): string[] {
  const number = (part: number): string => grouped(groups.filter((group) => group.part === part).length);
  const notes = [
    `groups of ${column}: ${number(TRAIN)} in training, ${number(VALIDATION)} in validation, ${number(TEST)} in test, none in two`,
  ];
  const largest = groups.reduce((most, group) => (group.size > most.size ? group : most), groups[0]!);
  if (largest.size > sizes.train && groups.length > 1)
    notes.push(
      `${column} "${largest.name}" alone has ${grouped(largest.size)} of ${grouped(rows)} rows, more than the training share of ${grouped(sizes.train)}: the other parts share what it leaves`,
    );
  return notes;
}

function keyOf(category: string, seed: number | string): number {
  const [high, low] = hashText(`group ${seed} ${category}`);
  return high * 2_097_152 + (low >>> 11);
}

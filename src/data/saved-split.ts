/** A split that was saved: each row's part under a key of the row, so that it is found again in a file that has grown or was reordered. */
import { GradusError } from "../util/errors.ts";
import { hashText } from "../util/rng.ts";
import { counted, grouped } from "../util/format.ts";
import { allRows, countParts, describeCounts, NONE, PARTS, TRAIN_DEV, type PartName } from "./part.ts";
import type { PartSizes, Sizing } from "./part-sizes.ts";
import { hashRows } from "./row-hash.ts";
import { orderByKey } from "./row-order.ts";
import { clusterCount, runsOf, singleKeys, type Clusters } from "./splitters/clusters.ts";
import { selectColumn, type Column, type Table } from "./table.ts";

/** How a split was made. */
export interface SplitOrigin {
  readonly way: "random" | "group" | "time" | "column";
  /** The group, time or split column. */
  readonly by?: string;
  /** The column that names the rows. */
  readonly id?: string;
  readonly seed: number;
  readonly sizing: Sizing & { readonly trainDev?: string | number };
}

export interface SavedSplit extends SplitOrigin {
  /** The file it was read from, for messages. */
  readonly path?: string;
  /** Of the data file: SHA-256, rows. */
  readonly fingerprint: string;
  readonly rows: number;
  /** In words. */
  readonly policy: string;
  /** What the keys are made of: the group, the id, or the features in order. `digest` tells whether the rows stand as they stood. */
  readonly columns: readonly { readonly name: string; readonly kind: Column["kind"]; readonly digest: number }[];
  /** A key for each row. Rows of equal features have the same one while they stand in one part. */
  readonly keys: Float64Array;
  /** The part of each row, `NONE` for none. */
  readonly partOf: Uint8Array;
}

type Lists = { readonly [P in PartName]?: ArrayLike<number> };

/** Parts as a number a row. */
export function partNumbers(rows: number, parts: Lists): Uint8Array {
  const partOf = new Uint8Array(rows).fill(NONE);
  PARTS.forEach((name, part) => {
    const members = parts[name] ?? [];
    for (let i = 0; i < members.length; i++) partOf[members[i]!] = part;
  });
  return partOf;
}

/** A split of a table with what finds its rows again. */
export function savedSplit(table: Table, parts: Lists & { readonly policy: string; readonly origin: SplitOrigin }): SavedSplit {
  const { origin, policy } = parts;
  const columns = keyColumns(table, origin);
  const keys = hashRows(columns, table.rows, origin.seed);
  const partOf = partNumbers(table.rows, parts);
  const { fingerprint } = table.source;
  const named = columns.map((column) => ({ name: column.name, kind: column.kind, digest: digestOf(column, table.rows, origin.seed) }));
  return { ...origin, fingerprint, rows: table.rows, policy, columns: named, keys: ownKeys(table, keys, partOf, origin), partOf };
}

function keyColumns({ roles, columns }: Table, { way, id }: Pick<SplitOrigin, "way" | "id">): readonly Column[] {
  if (way === "group") return [roles.group!];
  return id !== undefined ? [roles.id!] : columns;
}

/** So many rows of a column, evenly spread, tell whether it is the same in the same order. */
const SAMPLE = 4096;

/** A whole number below 2⁵³ that depends on the values and on their order. */
function digestOf(column: Column, rows: number, seed: number): number {
  const n = Math.min(SAMPLE, rows);
  const sample = Int32Array.from({ length: n }, (_, i) => Math.floor((i * rows) / n));
  const [high, low] = hashText(hashRows([selectColumn(column, sample)], n, seed).join());
  return high * 2_097_152 + (low >>> 11);
}

/** Whether a table has the saved rows at their places: the same file, read alike, though perhaps with fewer columns. */
function isSame(saved: SavedSplit, { source, rows, columns, roles }: Table): boolean {
  if (saved.fingerprint === "" || saved.fingerprint !== source.fingerprint || saved.rows !== rows) return false;
  const byName = new Map([...columns, roles.group, roles.id].flatMap((column) => (column ? [[column.name, column]] : [])));
  const there = saved.columns.flatMap(({ name, kind, digest }) => {
    const column = byName.get(name);
    return column?.kind === kind ? [digestOf(column, rows, saved.seed) === digest] : [];
  });
  return there.length > 0 && there.every(Boolean);
}

/** Rows of equal features in several parts have a key each. */
function ownKeys(table: Table, keys: Float64Array, partOf: Uint8Array, { seed }: SplitOrigin): Float64Array {
  const clusters = runsOf(orderByKey(keys), keys);
  const { rows, starts } = clusters;
  let own: Float64Array | undefined;
  let single: Float64Array | undefined;
  for (let c = 0; c < clusterCount(clusters); c++) {
    if (starts[c + 1]! - starts[c]! < 2) continue;
    const members = rows.subarray(starts[c]!, starts[c + 1]!);
    if (members.every((row) => partOf[row] === partOf[members[0]!])) continue;
    single ??= singleKeys(table, clusters, keys, seed);
    own ??= keys.slice();
    for (const row of members) own[row] = single[row]!;
  }
  return own ?? keys;
}

/** What a saved split says of a table's rows. */
export interface SplitMatch {
  /** The saved part of each row, `NONE` for new ones. */
  readonly partOf: Uint8Array;
  /** Rows that were found. */
  readonly found: number;
  /** Of the rows that are gone: of each part, and of none. */
  readonly gone: readonly number[];
  readonly notes: readonly string[];
}

/**
 * Finds the rows of a saved split in a table. In the very same file they are told by their place, whichever columns are read.
 * @throws GradusError where the table is read in another way, lacks columns of the keys, or holds hardly any of the rows
 */
export function matchSaved(saved: SavedSplit, table: Table, way: SplitOrigin["way"]): SplitMatch {
  checkWay(saved, table, way);
  if (isSame(saved, table)) return { partOf: saved.partOf.slice(), found: saved.rows, gone: [0, 0, 0, 0, 0], notes: [] };
  const { columns, notes } = savedColumns(saved, table);
  const keys = hashRows(columns, table.rows, saved.seed);
  const match = matchKeys(saved, table, keys);
  if (match.found < saved.rows / 2) {
    throw new GradusError(
      `${table.source.path}: of the ${counted(saved.rows, "row")} that ${nameOf(saved)} speaks of, ${match.found === 0 ? "none is" : `only ${grouped(match.found)} are`} there (${counted(table.rows, "row")}, compared by ${columns.length === 1 ? `"${columns[0]!.name}"` : `${columns.length} columns`}).`,
      { hint: "it belongs to other data, or values have changed: split again, without --split-file, or name the rows with --id." },
    );
  }
  return { ...match, notes };
}

/**
 * The part of each row that a saved split knows in a file that may have grown since, `NONE` for new ones: of a key no more rows than it had,
 * the first of them.
 * @throws GradusError where some are gone, or where new rows of a saved group cannot be told from the others
 */
export function knownRows(saved: SavedSplit, table: Table): Uint8Array {
  checkWay(saved, table, saved.way);
  if (isSame(saved, table)) return saved.partOf.slice();
  const { columns } = savedColumns(saved, table);
  const keys = hashRows(columns, table.rows, saved.seed);
  const { partOf, gone, found } = matchKeys(saved, table, keys, true);
  const { path } = table.source;
  if (found < saved.rows)
    throw new GradusError(
      `${path}: of the ${counted(saved.rows, "row")} that ${nameOf(saved)} knows, ${found === 0 ? "none is" : `only ${grouped(found)} are`} there (${counted(table.rows, "row")}, compared by ${columns.length === 1 ? `"${columns[0]!.name}"` : `${columns.length} columns`}); gone are ${describeCounts(gone, grouped)}.`,
      { hint: "rows may be appended or put in another order, but their features must be as they were." },
    );
  if (saved.way === "group" && table.rows > saved.rows && saved.keys.some((key, row) => key !== keys[row]))
    throw new GradusError(`${path}: ${nameOf(saved)} knows the rows by "${saved.by}", so that new ones cannot be told from the others.`, {
      hint: "append new rows behind those that were there.",
    });
  return partOf;
}

const nameOf = ({ path }: SavedSplit): string => path ?? "the saved split";
const flags = { group: "--group", time: "--time", column: "--split-column" } as const;

function checkWay(saved: SavedSplit, { roles }: Table, way: SplitOrigin["way"]): void {
  const by = (roles.group ?? roles.time ?? roles.split)?.name;
  if (way !== saved.way || by !== saved.by) {
    const said = (kind: SplitOrigin["way"], column: string | undefined): string =>
      kind === "random" ? "at random" : `by ${kind === "column" ? "column" : kind} "${column}"`;
    throw new GradusError(`${nameOf(saved)} was split ${said(saved.way, saved.by)}, and it should go ${said(way, by)}.`, {
      hint: saved.way === "random" ? `leave out ${flags[way as keyof typeof flags]}.` : `name it: ${flags[saved.way]} ${saved.by}`,
    });
  }
  if (saved.id !== undefined && roles.id?.name !== saved.id && way !== "group")
    throw new GradusError(`${nameOf(saved)} knows the rows by column "${saved.id}".`, { hint: `name it: --id ${saved.id}` });
}

/** The columns that keys were made of, in their order. @throws GradusError where one is missing, or is read as another kind */
function savedColumns(saved: SavedSplit, table: Table): { columns: readonly Column[]; notes: string[] } {
  if (saved.way === "group" || saved.id !== undefined) return { columns: keyColumns(table, saved), notes: [] };
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const missing = saved.columns.filter(({ name }) => !byName.has(name));
  const quoted = (names: readonly { readonly name: string }[]): string =>
    `${names
      .slice(0, 5)
      .map(({ name }) => `"${name}"`)
      .join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
  if (missing.length > 0)
    throw new GradusError(
      `${table.source.path}: ${nameOf(saved)} knows the rows by their features, and ${missing.length === 1 ? "column" : "columns"} ${quoted(missing)} ${missing.length === 1 ? "is" : "are"} none of them now.`,
      {
        hint: `read the same columns: gradus data split ${table.source.path} … --split-file ${nameOf(saved)} --out NEW; with --split-file NEW columns may be dropped.`,
      },
    );
  const other = saved.columns.find(({ name, kind }) => byName.get(name)!.kind !== kind);
  if (other)
    throw new GradusError(
      `${table.source.path}: column "${other.name}" was ${other.kind} where ${nameOf(saved)} was made, and is ${byName.get(other.name)!.kind} now.`,
      { hint: "mend the values that changed its kind (gradus data show says which), or split again." },
    );
  const known = new Set(saved.columns.map(({ name }) => name));
  const more = table.columns.filter(({ name }) => !known.has(name));
  const notes =
    more.length > 0 ? [`new ${more.length === 1 ? "column" : "columns"} ${quoted(more)}: the rows are known by the others`] : [];
  return { columns: saved.columns.map(({ name }) => byName.get(name)!), notes };
}

/** @param alone rows beyond those that a key had are new, instead of following the others */
function matchKeys(saved: SavedSplit, table: Table, keys: Float64Array, alone = false): Pick<SplitMatch, "partOf" | "found" | "gone"> {
  const partOf = new Uint8Array(table.rows).fill(NONE);
  const lost = new Uint8Array(saved.rows).fill(1);
  const here = runsOf(orderByKey(keys), keys);
  const there = runsOf(orderByKey(saved.keys), saved.keys);
  const open = mergeRuns(here, keys, there, saved.keys, (from, to, savedFrom, savedTo) => {
    const part = saved.partOf[there.rows[savedFrom]!]!;
    const both = Math.min(to - from, savedTo - savedFrom);
    for (let i = from; i < (alone ? from + both : to); i++) partOf[here.rows[i]!] = part;
    for (let i = savedFrom; i < savedFrom + both; i++) lost[there.rows[i]!] = 0;
  });
  if (open.length > 0 && lost.includes(1)) {
    // Rows whose like stood in several parts have a key each.
    const single = singleKeys(table, here, keys, saved.seed);
    const rest = allRows(saved.rows).filter((row) => lost[row] === 1);
    const [own, others] = [runsOf(orderByKey(single, open), single), runsOf(orderByKey(saved.keys, rest), saved.keys)];
    mergeRuns(own, single, others, saved.keys, (from, _, savedFrom) => {
      partOf[own.rows[from]!] = saved.partOf[others.rows[savedFrom]!]!;
      lost[others.rows[savedFrom]!] = 0;
    });
  }
  const gone = countParts(
    saved.partOf.map((part, row) => (lost[row] === 1 ? part : TRAIN_DEV + 1)).filter((part) => part !== TRAIN_DEV + 1),
  );
  return { partOf, gone, found: saved.rows - gone.reduce((a, b) => a + b, 0) };
}

/**
 * Walks two orders by key side by side.
 * @param both from where to where a key's rows stand, first in one, then in the other
 * @returns rows of the first whose key the second has not
 */
function mergeRuns(
  a: Clusters,
  aKeys: Float64Array,
  b: Clusters,
  bKeys: Float64Array,
  both: (from: number, to: number, otherFrom: number, otherTo: number) => void,
): Int32Array {
  const only = new Int32Array(a.rows.length);
  const others = clusterCount(b);
  let count = 0;
  let other = 0;
  let otherKey = others > 0 ? bKeys[b.rows[0]!]! : Infinity;
  for (let c = 0; c < clusterCount(a); c++) {
    const from = a.starts[c]!;
    const to = a.starts[c + 1]!;
    const key = aKeys[a.rows[from]!]!;
    while (otherKey < key) {
      other += 1;
      otherKey = other < others ? bKeys[b.rows[b.starts[other]!]!]! : Infinity;
    }
    if (otherKey === key) both(from, to, b.starts[other]!, b.starts[other + 1]!);
    else for (let i = from; i < to; i++) only[count++] = a.rows[i]!;
  }
  return only.subarray(0, count);
}

/** What became of saved and of new rows, in sentences. @param sizes what the policy asks for now */
export function describeMatch(saved: SavedSplit, match: SplitMatch, partOf: Uint8Array, sizes: PartSizes): string[] {
  const fresh = partOf.filter((_, row) => match.partOf[row] === NONE);
  const notes = [
    `${match.found === saved.rows ? "all " : ""}${counted(match.found, "row")} of ${nameOf(saved)} ${match.found === 1 ? "keeps its part" : "keep their parts"}`,
  ];
  if (fresh.length > 0) notes.push(`${counted(fresh.length, "new row")}: ${describeCounts(countParts(fresh), grouped)}`);
  const gone = match.gone.reduce((a, b) => a + b, 0);
  if (gone > 0)
    notes.push(`${counted(gone, "saved row")} ${gone === 1 ? "is" : "are"} no longer there: ${describeCounts(match.gone, grouped)}`);
  const counts = countParts(partOf);
  const differs = (["train", "validation", "test"] as const).some(
    (name, part) => Math.abs(counts[part]! + (part === 0 ? counts[TRAIN_DEV] : 0) - sizes[name]) > 1,
  );
  if (differs && saved.way !== "column")
    notes.push(
      `for ${counted(partOf.length, "row")} the policy ${sizes.policy} would give ${[sizes.train, sizes.validation, sizes.test].map(grouped).join(" / ")}; saved rows stay where they are`,
    );
  return [...notes, ...match.notes];
}

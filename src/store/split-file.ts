/** split.json: which row of the data file trained, validated, and is kept for the test; a letter a row, and a key that finds it again. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { NONE, PARTS } from "../data/part.ts";
import { partNumbers, savedSplit, type SavedSplit, type SplitOrigin } from "../data/saved-split.ts";
import { GradusError } from "../util/errors.ts";
import { checkedJson } from "./run-folder.ts";
import { savedSplitSchema } from "./run-schema.ts";
import type { TableParts } from "../train/fit-table.ts";

export interface StoredSplit {
  /** SHA-256 of the data file's bytes. */
  readonly fingerprint: string;
  /** Rows of the file. */
  readonly rows: number;
  /** In words. */
  readonly policy: string;
  /** One letter a row: `r` train, `v` validation, `t` test, `d` train-dev, `-` in no part. */
  readonly parts: string;
}

/** What finds the rows again in a file that has grown, or stands in another order. */
interface StoredKeys extends SplitOrigin, Pick<SavedSplit, "columns"> {
  /** Base64 of a float64 (little-endian) a row: whole numbers below 2⁵³, see `row-hash.ts`. */
  readonly keys: string;
}

type Rows = { readonly [P in "train" | "validation" | "test"]: ArrayLike<number> } & { readonly trainDev?: ArrayLike<number> };

const letters = { train: "r", validation: "v", test: "t", trainDev: "d" } as const;

export function storeSplit(
  source: { readonly fingerprint: string; readonly rows: number },
  split: Rows & { readonly policy: string },
): StoredSplit {
  const codes = PARTS.map((name) => letters[name].charCodeAt(0));
  const parts = Buffer.from(partNumbers(source.rows, split).map((part) => (part === NONE ? "-".charCodeAt(0) : codes[part]!)));
  return { fingerprint: source.fingerprint, rows: source.rows, policy: split.policy, parts: parts.toString("latin1") };
}

/** As {@link storeSplit}, with the keys of the rows. */
export function storeSplitKeys(parts: TableParts): StoredSplit & Partial<StoredKeys> {
  const { table, origin } = parts;
  const stored = storeSplit({ fingerprint: table.source.fingerprint, rows: table.rows }, parts);
  if (!origin) return stored;
  const { way, by, id, seed, sizing, columns, keys } = savedSplit(table, { ...parts, origin });
  const { policy, ...letterOf } = stored;
  return {
    policy,
    way,
    ...(by === undefined ? {} : { by }),
    ...(id === undefined ? {} : { id }),
    seed,
    sizing,
    columns,
    ...letterOf,
    keys: Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength).toString("base64"),
  };
}

/** Longer files are no splits of what fits into memory. */
const LONGEST = 500_000_000;

/**
 * A split that was saved: by `gradus data split`, or with a run.
 * @param path of the file, or of a run folder
 * @throws GradusError where there is none, or it has no keys
 */
export async function readSplitFile(path: string): Promise<SavedSplit> {
  const found = await stat(path).catch(() => undefined);
  const file = found?.isDirectory() ? join(path, "split.json") : path;
  const hint = "gradus data split DATA --out FILE makes one, and so does every run (split.json).";
  const { size } = found?.isDirectory() ? await stat(file).catch(() => ({ size: 0 })) : (found ?? { size: 0 });
  if (size > LONGEST)
    throw new GradusError(`the split file ${file} has ${Math.round(size / 1e6)} MB; one of at most ${LONGEST / 1e6} MB is read.`, { hint });
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${cause.code})`;
    throw new GradusError(`the split file ${file} ${why}.`, { hint, cause });
  });
  const stored = checkedJson<StoredSplit & StoredKeys>(text, file, savedSplitSchema);
  const bytes = Buffer.from(stored.keys, "base64");
  const keys = new Float64Array(stored.rows);
  const whole = bytes.length === keys.byteLength;
  if (whole) new Uint8Array(keys.buffer).set(bytes);
  if (!whole || !keys.every((key) => Number.isSafeInteger(key) && key >= 0))
    throw new GradusError(`${file} is no whole split file: its keys are not ${stored.rows} numbers of 8 bytes.`, { hint });
  const { way, by, id, seed, sizing, columns, fingerprint, rows, policy, parts } = stored;
  const codes = new Map(PARTS.map((name, part) => [letters[name].charCodeAt(0), part]));
  const partOf = Uint8Array.from(Buffer.from(parts, "latin1"), (letter) => codes.get(letter) ?? NONE);
  return {
    path: file,
    way,
    ...(by === undefined ? {} : { by }),
    ...(id === undefined ? {} : { id }),
    seed,
    sizing,
    columns,
    fingerprint,
    rows,
    policy,
    keys,
    partOf,
  };
}

/** The rows of a part, ascending. */
export function storedRows(split: StoredSplit, part: keyof typeof letters): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < split.parts.length; row++) if (split.parts[row] === letters[part]) rows.push(row);
  return Int32Array.from(rows);
}

/**
 * The row numbers of a split mean something in the very same file only.
 * @throws GradusError where the file is another one
 */
export function checkFingerprint(
  split: StoredSplit,
  source: { readonly path: string; readonly fingerprint: string; readonly rows: number },
  run: string,
): void {
  if (source.fingerprint === split.fingerprint) return;
  const rows = source.rows === split.rows ? "its contents differ" : `it had ${split.rows} rows, now ${source.rows}`;
  throw new GradusError(`${source.path} has changed since ${run} was trained (${rows}), so its test rows cannot be told from the others.`, {
    hint: `give the file as it was: gradus evaluate ${run} FILE --test; or measure on other rows: gradus evaluate ${run} ${source.path}`,
  });
}

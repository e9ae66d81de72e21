/** split.json: which row of the data file trained, validated, and is kept for the test; a letter a row. */
import { GradusError } from "../util/errors.ts";

export interface StoredSplit {
  /** SHA-256 of the data file's bytes. */
  readonly fingerprint: string;
  /** Rows of the file. */
  readonly rows: number;
  /** In words. */
  readonly policy: string;
  /** One letter a row: `r` train, `v` validation, `t` test, `-` in no part. */
  readonly parts: string;
}

type Rows = { readonly [P in "train" | "validation" | "test"]: ArrayLike<number> };

const letters = { train: "r", validation: "v", test: "t" } as const;

export function storeSplit(
  source: { readonly fingerprint: string; readonly rows: number },
  split: Rows & { readonly policy: string },
): StoredSplit {
  const parts = new Uint8Array(source.rows).fill("-".charCodeAt(0));
  for (const [part, letter] of Object.entries(letters)) {
    const rows = split[part as keyof typeof letters];
    for (let i = 0; i < rows.length; i++) parts[rows[i]!] = letter.charCodeAt(0);
  }
  return { fingerprint: source.fingerprint, rows: source.rows, policy: split.policy, parts: Buffer.from(parts).toString("latin1") };
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

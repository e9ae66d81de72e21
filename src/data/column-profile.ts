/** What a data file looks like, column by column: plain data, for lines, pictures and JSON. */
import type { SkippedRow } from "./reading.ts";

/** How values spread: bins of equal width, or the most frequent texts. */
export type Distribution =
  | {
      readonly kind: "bins";
      /** bins + 1, rising; of dates in seconds since 1970-01-01 UTC. The first and last bin hold what lies beyond, where `clipped`. */
      readonly edges: readonly number[];
      readonly counts: readonly number[];
      readonly clipped: boolean;
    }
  | { readonly kind: "texts"; readonly texts: readonly { readonly text: string; readonly rows: number }[]; readonly others: number };

export interface ColumnProfile {
  readonly name: string;
  /** What it is read as. */
  readonly type: "number" | "whole number" | "date" | "date and time" | "time" | "category" | "text" | "list";
  readonly missing: number;
  /** Different values, missing ones apart. */
  readonly distinct: number;
  /** Of numbers, dates and times, of lists the lengths; quartiles linear between the values. */
  readonly numbers?: {
    readonly min: number;
    readonly quartiles: readonly [number, number, number];
    readonly max: number;
    readonly mean: number;
    readonly deviation: number;
  };
  /** Left out where there is no value. */
  readonly distribution?: Distribution;
  /** What looks odd, a sentence each. */
  readonly remarks: readonly string[];
}

export interface DataProfile {
  readonly path: string;
  /** SHA-256 of the bytes, hex. */
  readonly fingerprint: string;
  readonly rows: number;
  /** Rows that are like an earlier one in every column. */
  readonly duplicates: number;
  readonly columns: readonly ColumnProfile[];
  readonly skipped?: readonly SkippedRow[];
  /** What was done or noticed while reading. */
  readonly notes: readonly string[];
}

/** What copies of training rows do to the figure of a part: measured with them and without. */
import { copiedRows } from "../data/copied-rows.ts";
import type { Interval } from "../util/statistics.ts";
import type { CopiesImpact, Metrics } from "./experiment-events.ts";
import type { TableParts } from "./fit-table.ts";

/** Rows of a part by whether they were trained on as copies. */
export interface Copies {
  readonly copied: Int32Array;
  readonly others: Int32Array;
}

/** Validation rows that are in training too; nothing where there are none. Splits at random keep equal rows in one part. */
export function validationCopies({ table, origin, train, validation }: TableParts): Copies | undefined {
  return origin?.way === "random" && origin.id === undefined ? undefined : copiesIn(table, train, validation);
}

/** The same of any part. */
export function copiesIn(table: TableParts["table"], train: Int32Array, rows: Int32Array): Copies | undefined {
  const copied = copiedRows(table, train, rows);
  if (copied.length === 0) return undefined;
  const found = new Set(copied);
  return { copied, others: rows.filter((row) => !found.has(row)) };
}

/** @param others undefined where all rows are copies: then there is nothing to compare with */
export function copiesImpact({ copied, others }: Copies, onCopied: Metrics, onOthers: Metrics | undefined): CopiesImpact {
  const metric = onCopied["error"] ? "error" : "rmse";
  const rows = { rows: copied.length, of: copied.length + others.length };
  const [a, b] = [onOthers?.[metric], onCopied[metric]!];
  return { metric, ...rows, copied: b, ...(a ? { without: a, impact: flattery(metric, a, b, rows.rows / rows.of) } : {}) };
}

/**
 * The figure without copies less that of all rows, which is their weighted mean (of root mean squares, that of the squares). Both are
 * measured independently, so that what each interval moves it by adds as squares, as in Newcombe's interval.
 */
function flattery(metric: "error" | "rmse", others: Interval, copied: Interval, share: number): Interval {
  const power = metric === "error" ? 1 : 2;
  const hidden = (a: number, b: number): number => a - ((1 - share) * a ** power + share * b ** power) ** (1 / power);
  const value = hidden(others.value, copied.value);
  const low = value - Math.hypot(value - hidden(others.low, copied.value), value - hidden(others.value, copied.high));
  const high = value + Math.hypot(hidden(others.high, copied.value) - value, hidden(others.value, copied.low) - value);
  return { value, low, high, n: Math.min(others.n, copied.n) };
}

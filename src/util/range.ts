/** What a number that a person sets may be, as data: one description for files, flags and calls of the library. */
import { GradusError } from "./errors.ts";

export interface Range {
  /** In words: `a number above 0`. */
  readonly expected: string;
  readonly whole?: true;
  /** Bounds; `from` and `upTo` belong to the range, the others do not. */
  readonly above?: number;
  readonly from?: number;
  readonly below?: number;
  readonly upTo?: number;
}

export const ranges = {
  positive: { expected: "a number above 0", above: 0 },
  notNegative: { expected: "a number of at least 0", from: 0 },
  share: { expected: "a number from 0 to below 1", from: 0, below: 1 },
  atLeastOne: { expected: "a number of at least 1", from: 1 },
  angle: { expected: "degrees above 0, at most 180", above: 0, upTo: 180 },
  slope: { expected: "degrees from 0, at most 60", from: 0, upTo: 60 },
  count: { expected: "a whole number of at least 1", whole: true, from: 1 },
  keepProbability: { expected: "a number above 0, at most 1", above: 0, upTo: 1 },
  seed: { expected: "a whole number of at least 0", whole: true, from: 0 },
} as const satisfies Record<string, Range>;

/**
 * Checks the fields that have a range; one that is undefined was left out.
 * @throws GradusError naming the field, what was expected and found
 */
export function checkRanges(values: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, Range>>): void {
  for (const [name, range] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined || isWithin(value, range)) continue;
    throw new GradusError(`${name} must be ${range.expected}, found ${typeof value === "string" ? `"${value}"` : String(value)}.`);
  }
}

function isWithin(value: unknown, { whole, above = -Infinity, from = -Infinity, below = Infinity, upTo = Infinity }: Range): boolean {
  if (typeof value !== "number" || !(whole ? Number.isSafeInteger(value) : Number.isFinite(value))) return false;
  return value > above && value >= from && value < below && value <= upTo;
}

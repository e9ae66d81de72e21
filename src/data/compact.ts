/** Rows of a table kept small: numbers as the network takes them, of categories the number alone; a batch's inputs are written from both. */
import { internal } from "../util/errors.ts";
import type { PreprocessPlan } from "./preprocess.ts";
import type { Table } from "./table.ts";
import type { OneHotPlan } from "./transforms/one-hot.ts";

/** Which of a plan's inputs are numbers (those of an embedding too), and which say a category. */
export interface CompactPlan {
  /** The plan without its categories: the first inputs of a row; undefined where there are none. */
  readonly numbers: Pick<PreprocessPlan, "columns" | "features"> | undefined;
  readonly categories: readonly OneHotPlan[];
  /** Numbers of a row's inputs. */
  readonly width: number;
  /** Bytes of a row as it is kept. */
  readonly bytes: number;
}

/** Rows as they are kept, one record after the other: what a shuffled batch reads of a row lies together. */
export interface CompactRows {
  readonly plan: CompactPlan;
  /** Of each record first the inputs that are numbers, float32. */
  readonly numbers: Float32Array;
  /** Over the same memory: behind the numbers, for each column of categories which input is 1, `NONE` where none of its own is. */
  readonly codes: Uint16Array;
  /** Words of four bytes in a record. */
  readonly stride: number;
}

const NONE = 0xffff;

/** How rows of a plan are kept; undefined where that would be no smaller: a plan without categories, or one of images or sequences. */
export function compactPlan({ columns, features, shape }: PreprocessPlan): CompactPlan | undefined {
  const categories = columns.filter((column) => column.kind === "oneHot");
  const others = columns.filter((column) => column.kind !== "oneHot");
  const single = others.every(({ kind }) => kind === "standardise" || kind === "scale" || kind === "dateParts" || kind === "embedding");
  if (categories.length === 0 || !single || shape || features.length >= NONE) return undefined;
  const numbers = features.length - categories.reduce((sum, plan) => sum + plan.categories.length, 0);
  return {
    numbers: numbers > 0 ? { columns: others, features: features.slice(0, numbers) } : undefined,
    categories,
    width: features.length,
    bytes: 4 * numbers + 2 * categories.length,
  };
}

/** Rows whose categories are kept already, and whose numbers are still to be filled in. */
export function compactRows(table: Table, rows: Int32Array, plan: CompactPlan): CompactRows {
  const own = plan.numbers?.features.length ?? 0;
  const stride = own + Math.ceil(plan.categories.length / 2);
  const numbers = new Float32Array(rows.length * stride);
  const codes = new Uint16Array(numbers.buffer);
  let first = own;
  plan.categories.forEach((fitted, c) => {
    const from = first;
    first += fitted.categories.length;
    const column = table.columns.find(({ name }) => name === fitted.column);
    if (column?.kind !== "categorical") return internal(`no categories in ${fitted.column}`);
    const input = new Map(fitted.categories.map((category, i) => [category, from + i]));
    // Missing has the code −1.
    const known = Uint16Array.from(["", ...column.categories], (category) => input.get(category) ?? NONE);
    for (let i = 0, at = 2 * own + c; i < rows.length; i++, at += 2 * stride) codes[at] = known[column.codes[rows[i]!]! + 1]!;
  });
  return { plan, numbers, codes, stride };
}

/** Fills in the numbers of consecutive records. @param made [rows, numbers] */
export function fillNumbers({ numbers, plan, stride }: CompactRows, from: number, made: Float32Array): void {
  const own = plan.numbers?.features.length ?? 0;
  for (let i = 0, to = from * stride; i < made.length; i += own, to += stride) for (let k = 0; k < own; k++) numbers[to + k] = made[i + k]!;
}

/**
 * Writes the inputs of rows, equal to the bit to what the preprocessing graph makes of them.
 * @param rows places in what is kept
 * @param into [rows.length · width]; whatever it held is written over
 * @param held the rows that were written into it last, as many at least: then their categories alone are cleared, in place of all
 */
export function writeInputs({ plan, numbers, codes, stride }: CompactRows, rows: Int32Array, into: Float32Array, held?: Int32Array): void {
  const { width, categories } = plan;
  const own = plan.numbers?.features.length ?? 0;
  const columns = categories.length;
  const mark = (row: number, to: number, value: 0 | 1): void => {
    const word = 2 * (row * stride + own);
    for (let c = word; c < word + columns; c++) if (codes[c] !== NONE) into[to + codes[c]!] = value;
  };
  if (held) for (let i = 0; i < rows.length; i++) mark(held[i]!, i * width, 0);
  else into.fill(0, 0, rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * stride;
    const to = i * width;
    for (let k = 0; k < own; k++) into[to + k] = numbers[from + k]!;
    mark(rows[i]!, to, 1);
  }
}

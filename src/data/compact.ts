/** Rows of a table kept small: numbers as the network takes them, of categories the number alone; a batch's inputs are written from both. */
import { internal } from "../util/errors.ts";
import type { PreprocessPlan } from "./preprocess.ts";
import type { Table } from "./table.ts";
import type { OneHotPlan } from "./transforms/one-hot.ts";

/** Which of a plan's inputs are numbers, and which say a category. */
export interface CompactPlan {
  /** The plan without its categories: the first inputs of a row; undefined where there are none. */
  readonly numbers: Pick<PreprocessPlan, "columns" | "features"> | undefined;
  readonly categories: readonly OneHotPlan[];
  /** Numbers of a row's inputs. */
  readonly width: number;
  /** Bytes of a row as it is kept. */
  readonly bytes: number;
}

/** Inputs of rows, as they are kept. */
export interface CompactRows {
  readonly plan: CompactPlan;
  /** [rows, numbers], float32: what the preprocessing graph makes of all columns that are no categories. */
  readonly numbers: Float32Array;
  /** For each column of categories, which of its inputs is 1 in a row; `NONE` where all are 0. */
  readonly codes: readonly Uint16Array[];
}

const NONE = 0xffff;

/** How rows of a plan are kept; undefined where that would be no smaller: a plan without categories, or one of images or sequences. */
export function compactPlan({ columns, features, shape }: PreprocessPlan): CompactPlan | undefined {
  const categories = columns.filter((column) => column.kind === "oneHot");
  const others = columns.filter((column) => column.kind !== "oneHot");
  const single = others.every(({ kind }) => kind === "standardise" || kind === "scale" || kind === "dateParts");
  if (categories.length === 0 || !single || shape) return undefined;
  const numbers = features.length - categories.reduce((sum, plan) => sum + plan.categories.length, 0);
  return {
    numbers: numbers > 0 ? { columns: others, features: features.slice(0, numbers) } : undefined,
    categories,
    width: features.length,
    bytes: 4 * numbers + 2 * categories.length,
  };
}

/** For each column of categories, which input each row sets. */
export function compactCodes(table: Table, rows: Int32Array, { categories }: CompactPlan): Uint16Array[] {
  return categories.map((plan) => {
    const column = table.columns.find(({ name }) => name === plan.column);
    if (column?.kind !== "categorical") return internal(`no categories in ${plan.column}`);
    const input = new Map(plan.categories.map((category, i) => [category, i]));
    // Missing has the code −1.
    const known = Uint16Array.from(["", ...column.categories], (category) => input.get(category) ?? NONE);
    const codes = new Uint16Array(rows.length);
    for (let i = 0; i < rows.length; i++) codes[i] = known[column.codes[rows[i]!]! + 1]!;
    return codes;
  });
}

/**
 * Writes the inputs of rows, equal to the bit to what the preprocessing graph makes of them.
 * @param rows places in what is kept
 * @param into [rows.length · width]; whatever it held is written over
 */
export function writeInputs({ plan, numbers, codes }: CompactRows, rows: Int32Array, into: Float32Array): void {
  const { width, categories } = plan;
  const own = plan.numbers?.features.length ?? 0;
  into.fill(0, 0, rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * own;
    const to = i * width;
    for (let k = 0; k < own; k++) into[to + k] = numbers[from + k]!;
  }
  let at = own;
  categories.forEach((column, c) => {
    const of = codes[c]!;
    for (let i = 0, to = at; i < rows.length; i++, to += width) {
      const code = of[rows[i]!]!;
      if (code !== NONE) into[to + code] = 1;
    }
    at += column.categories.length;
  });
}

/** Categories: one input per category of the training rows; unseen ones, and those too many, are all zeros. */
import { constant, input } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { countCategories, grouped, type CategoricalColumn, type Column } from "../table.ts";
import { defineTransform, type ColumnPlan } from "../transform.ts";

export interface OneHotPlan extends ColumnPlan {
  readonly kind: "oneHot";
  /** In the order of their inputs; "" is missing, where training rows lacked a value. */
  readonly categories: readonly string[];
}

const MOST_INPUTS = 255;

export const oneHot = defineTransform<CategoricalColumn, OneHotPlan>({
  kind: "oneHot",
  applies: (column: Column) => column.kind === "categorical",

  fit(column) {
    return oneHotBy(column, countCategories(column), column.codes.length);
  },

  input: ({ column }) => input(column, "string", ["batch", 1]),

  build(plans, inputs) {
    return plans.map(({ column, categories }, i) => {
      const numbers = categories.map((_, code) => code);
      // Equal does not take strings at opset 17: texts become codes first, unseen ones −1, which equals none.
      const codes = ops.LabelEncoder(inputs[i]!, { keys_strings: categories, values_int64s: numbers, default_int64: -1 });
      const every = constant(tensor("int64", numbers, [1, categories.length]));
      return {
        value: ops.Cast(ops.Equal(codes, every), { to: "float32" }),
        features: categories.map((category) => (category === "" ? `${column} is missing` : `${column} = ${category}`)),
      };
    });
  },

  raw({ codes, categories }, rows) {
    const data = Array.from(rows, (row) => categories[codes[row]!] ?? "");
    return tensor("string", data, [rows.length, 1]);
  },
});

/**
 * The plan of a column of which no more is known than this.
 * @param counts training rows of each category
 * @param rows training rows
 */
export function oneHotBy(
  { name, categories, sqlType }: Pick<CategoricalColumn, "name" | "categories" | "sqlType">,
  counts: Int32Array,
  rows: number,
): { plan: OneHotPlan | undefined; notes: string[] } {
  const present = counts.reduce((sum, count) => sum + count, 0);
  const absent = present < rows ? [""] : [];
  const seen = categories.flatMap((_, code) => (counts[code]! > 0 ? [code] : []));
  if (seen.length + absent.length < 2) {
    const only = seen.length > 0 ? `always "${categories[seen[0]!]}" in the training rows` : "no training row has a value";
    return { plan: undefined, notes: [`${name} left out: ${only}`] };
  }
  const kept = seen.toSorted((a, b) => counts[b]! - counts[a]! || a - b).slice(0, MOST_INPUTS);
  const notes: string[] = [];
  if (kept.length < seen.length) {
    const share = kept.reduce((sum, code) => sum + counts[code]!, 0) / rows;
    notes.push(
      `${name}: the ${MOST_INPUTS} most frequent of ${grouped(seen.length)} categories are inputs (${(100 * share).toFixed(1)} % of the rows), the others all zeros`,
    );
  }
  const inOrder = kept.toSorted((a, b) => a - b).map((code) => categories[code]!);
  return { plan: { kind: "oneHot", column: name, sqlType, categories: [...inOrder, ...absent] }, notes };
}

/** Categories as numbers for an embedding: of those of the training rows each its own, of all others one, 0. */
import { input } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { countCategories, grouped, type CategoricalColumn, type Column } from "../table.ts";
import { defineTransform, type ColumnPlan, type ColumnSettings } from "../transform.ts";

export interface EmbeddingPlan extends ColumnPlan {
  readonly kind: "embedding";
  /** Category i has the number i + 1; "" is missing, where training rows lacked a value. 0 is any other. */
  readonly categories: readonly string[];
  /** Numbers of a category's vector. */
  readonly units: number;
  /** Whether training rows have the number 0, those of categories that occur once: only then can its vector be learnt. */
  readonly unknown: boolean;
}

/** The name of the input that is a category's number. */
export const numberName = (column: string): string => `${column} as a number`;

/** Numbers of a vector for k categories, where nothing is asked: min(50, ⌈k/2⌉). */
const usualUnits = (categories: number): number => Math.min(50, Math.ceil(categories / 2));

export const embedding = defineTransform<CategoricalColumn, EmbeddingPlan>({
  kind: "embedding",
  applies: (column: Column, { settings }): column is CategoricalColumn => column.kind === "categorical" && settings?.encode === "embedding",

  fit(column, { settings }) {
    return embeddingBy(column, countCategories(column), column.codes.length, settings);
  },

  input: ({ column }) => input(column, "string", ["batch", 1]),

  build(plans, inputs) {
    return plans.map(({ column, categories }, i) => {
      const numbers = ops.LabelEncoder(inputs[i]!, {
        keys_strings: categories,
        values_int64s: categories.map((_, code) => code + 1),
        default_int64: 0,
      });
      return { value: ops.Cast(numbers, { to: "float32" }), features: [numberName(column)] };
    });
  },

  raw({ codes, categories }, rows) {
    const data = Array.from(rows, (row) => categories[codes[row]!] ?? "");
    return tensor("string", data, [rows.length, 1]);
  },
});

/** The plan of a column. @param counts training rows of each category @param rows training rows */
function embeddingBy(
  { name, categories, sqlType }: Pick<CategoricalColumn, "name" | "categories" | "sqlType">,
  counts: Int32Array,
  rows: number,
  { dimension }: ColumnSettings = {},
): { plan: EmbeddingPlan | undefined; notes: string[] } {
  const absent = rows - counts.reduce((sum, count) => sum + count, 0);
  const all = [...categories.map((category, code) => ({ category, count: counts[code]! })), { category: "", count: absent }];
  const seen = all.filter(({ count }) => count > 0);
  if (seen.length < 2) {
    const only = absent < rows ? `always "${seen[0]?.category}" in the training rows` : "no training row has a value";
    return { plan: undefined, notes: [`${name} left out: ${only}`] };
  }
  const repeated = seen.filter(({ count }) => count > 1);
  // Categories that occur once train the vector of unknown ones.
  const kept = repeated.length > 0 ? repeated : seen;
  const units = dimension ?? usualUnits(kept.length);
  const once = seen.length - kept.length;
  const rest = once > 0 ? `${grouped(once)} that occur once and those never seen share one` : "those never seen are zeros";
  return {
    plan: { kind: "embedding", column: name, sqlType, categories: kept.map(({ category }) => category), units, unknown: once > 0 },
    notes: [`${name}: ${grouped(kept.length)} categories become learnt vectors of ${grouped(units)}; ${rest}`],
  };
}

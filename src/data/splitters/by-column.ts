/** By a column that names the parts: values that begin, in any case, with tr, va or dev, te. */
import { GradusError } from "../../util/errors.ts";
import { partSizes } from "../part-sizes.ts";
import type { Splitter } from "../splitter.ts";
import { countCategories, grouped, type CategoricalColumn } from "../table.ts";
import { ascending, assign } from "./random.ts";

type Part = "train" | "validation" | "test";

export const byColumn: Splitter = {
  name: "column",
  applies: (table) => table.roles.split !== undefined,
  split({ table, seed }) {
    const column = table.roles.split as CategoricalColumn;
    const named = column.categories.map(partNamed);
    const counts = countCategories(column);
    const unknown = column.categories.filter((_, code) => named[code] === undefined && counts[code]! > 0);
    if (unknown.length > 0)
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--split-column) should name the parts, each value beginning with tr, va or dev, te; found ${unknown
          .slice(0, 5)
          .map((value) => `"${value}" (${grouped(counts[column.categories.indexOf(value)]!)} rows)`)
          .join(", ")}${unknown.length > 5 ? ` and ${grouped(unknown.length - 5)} more values` : ""}.`,
        { hint: "rename these values, or leave out --split-column." },
      );
    const rows: Record<Part, number[]> = { train: [], validation: [], test: [] };
    column.codes.forEach((code, row) => rows[named[code]!]!.push(row));
    if (rows.train.length === 0)
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--split-column) names no training rows (values beginning with tr).`,
        {
          hint: `it holds: ${column.categories.slice(0, 10).join(", ")}.`,
        },
      );
    const notes: string[] = [];
    let [train, validation] = [ascending(rows.train), ascending(rows.validation)];
    let policy = `by column ${column.name}`;
    if (validation.length === 0) {
      const taken = assign(table, train, partSizes(train.length, { test: false, limit: Infinity }), seed);
      ({ train, validation } = taken.parts);
      const stratified = table.target?.column.kind === "categorical" ? ", stratified" : "";
      notes.push(
        `${column.name} names no validation rows: ${grouped(validation.length)} of the ${grouped(rows.train.length)} training rows taken${stratified}, seed ${seed}`,
        ...taken.notes,
      );
      policy += `, validation from training, seed ${seed}`;
    }
    if (rows.test.length === 0) notes.push(`${column.name} names no test rows: there is no test set`);
    return { train, validation, test: ascending(rows.test), policy, notes };
  },
};

function partNamed(value: string): Part | undefined {
  const text = value.trim().toLowerCase();
  if (text.startsWith("tr")) return "train";
  if (text.startsWith("va") || text.startsWith("dev")) return "validation";
  if (text.startsWith("te")) return "test";
  return undefined;
}

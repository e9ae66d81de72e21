/** By a column that names the parts: values that begin, in any case, with tr, va or dev, te. */
import { GradusError } from "../../util/errors.ts";
import { NONE, rowsOf, TEST, TRAIN, VALIDATION } from "../part.ts";
import { partSizes } from "../part-sizes.ts";
import type { Splitter } from "../splitter.ts";
import { countCategories, grouped, type CategoricalColumn, type Table } from "../table.ts";
import { assign } from "./random.ts";

export const byColumn: Splitter = {
  name: "column",
  applies: (table) => table.roles.split !== undefined,
  split({ table, seed, kept }) {
    const column = table.roles.split as CategoricalColumn;
    const named = namedParts(table, column);
    const partOf = Uint8Array.from(column.codes, (code) => named[code]!);
    const train = rowsOf(partOf, TRAIN);
    if (train.length === 0)
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--split-column) names no training rows (values beginning with tr).`,
        {
          hint: `it holds: ${column.categories.slice(0, 10).join(", ")}.`,
        },
      );
    const notes: string[] = [];
    let policy = `by column ${column.name}`;
    if (!partOf.includes(VALIDATION)) {
      // What was saved of the training rows is kept; the column says the rest.
      const held = kept?.map((part) => (part === TEST ? NONE : part));
      const taken = assign(table, train, partSizes(train.length, { test: false, limit: Infinity }), seed, held);
      for (const row of train) partOf[row] = taken.partOf[row]!;
      const stratified = table.target?.column.kind === "categorical" ? ", stratified" : "";
      notes.push(
        `${column.name} names no validation rows: ${grouped(rowsOf(partOf, VALIDATION).length)} of the ${grouped(train.length)} training rows taken${stratified}, seed ${seed}`,
        ...taken.notes,
      );
      policy += `, validation from training, seed ${seed}`;
    }
    if (!partOf.includes(TEST)) notes.push(`${column.name} names no test rows: there is no test set`);
    const moved = kept ? kept.reduce((count, part, row) => count + (part !== NONE && part !== partOf[row] ? 1 : 0), 0) : 0;
    if (moved > 0)
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--split-column) puts ${grouped(moved)} rows elsewhere than the saved split has them.`,
        { hint: "split again, without --split-file." },
      );
    return { partOf, policy, notes };
  },
};

/** The part that each category names. @throws GradusError on one that names none, where rows have it */
function namedParts(table: Table, column: CategoricalColumn): number[] {
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
  return named.map((part) => part ?? NONE);
}

function partNamed(value: string): number | undefined {
  const text = value.trim().toLowerCase();
  if (text.startsWith("tr")) return TRAIN;
  if (text.startsWith("va") || text.startsWith("dev")) return VALIDATION;
  if (text.startsWith("te")) return TEST;
  return undefined;
}

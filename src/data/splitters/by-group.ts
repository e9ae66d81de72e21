/** By groups: no group in two parts. */
import { GradusError } from "../../util/errors.ts";
import { hashText } from "../../util/rng.ts";
import type { Splitter } from "../splitter.ts";
import { countCategories, grouped, type CategoricalColumn } from "../table.ts";
import { ascending } from "./random.ts";

export const byGroup: Splitter = {
  name: "group",
  applies: (table) => table.roles.group !== undefined,
  split({ table, sizes, seed }) {
    const column = table.roles.group as CategoricalColumn;
    const counts = countCategories(column);
    const groups = column.categories
      .map((category, code) => ({ code, size: counts[code]!, key: keyOf(category, seed) }))
      .filter(({ size }) => size > 0)
      .toSorted((a, b) => a.key - b.key || a.code - b.code);
    const parts = sizes.test > 0 ? 3 : 2;
    if (groups.length < parts)
      throw new GradusError(
        `${table.source.path}: column "${column.name}" (--group) has ${groups.length} values; ${parts} parts need as many groups.`,
        {
          hint: "name a column with more groups, or use --split 80/20/0 for no test set.",
        },
      );
    const partOf = new Map<number, "test" | "validation">();
    const filled = { test: 0, validation: 0 };
    let next = 0;
    for (const part of ["test", "validation"] as const) {
      const wanted = sizes[part];
      // The group that crosses the wanted size is taken if that ends nearer to it; every part gets one, training too.
      while (wanted > 0 && next < groups.length - (part === "test" ? 2 : 1)) {
        const { code, size } = groups[next]!;
        if (filled[part] > 0 && Math.abs(filled[part] + size - wanted) > Math.abs(filled[part] - wanted)) break;
        partOf.set(code, part);
        filled[part] += size;
        next += 1;
        if (filled[part] >= wanted) break;
      }
    }
    const rows: Record<"train" | "validation" | "test", number[]> = { train: [], validation: [], test: [] };
    column.codes.forEach((code, row) => rows[partOf.get(code) ?? "train"].push(row));
    const number = (part: string): number => [...partOf.values()].filter((p) => p === part).length;
    const inTest = number("test");
    const inValidation = number("validation");
    return {
      train: ascending(rows.train),
      validation: ascending(rows.validation),
      test: ascending(rows.test),
      policy: `${sizes.policy} by ${column.name}, seed ${seed}`,
      notes: [
        `groups of ${column.name}: ${grouped(groups.length - inTest - inValidation)} in training, ${grouped(inValidation)} in validation, ${grouped(inTest)} in test, none in two`,
      ],
    };
  },
};

function keyOf(category: string, seed: number): number {
  const [high, low] = hashText(`group ${seed} ${category}`);
  return high * 2_097_152 + (low >>> 11);
}

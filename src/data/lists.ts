/** Columns whose cells are lists of numbers or texts, `[1, 2, 3]`, `[[1, 2], [3, 4]]`, `["a", "b"]`: a sequence per row. */
import { GradusError } from "../util/errors.ts";
import type { SequenceColumn, Where } from "./table.ts";
import { MOST_NUMBERS, tokenColumn } from "./tokens.ts";

/** What stands for a missing number inside a list, as JSON, SQL, Python and R write it. */
const MISSING = /\b(?:NULL|None|NaN|nan|NA)\b/g;

/**
 * A column of sequences from cells of list text. Numbers may be missing (null, NaN); texts may not.
 * @param cells null where the row has none
 * @param width numbers per step that a saved model expects
 * @throws GradusError naming row and column, where a cell is no list, or its steps are not alike
 */
export function listColumn(
  path: string,
  name: string,
  cells: readonly (string | null)[],
  where: Where,
  width: number | undefined,
): SequenceColumn {
  const refuse = (row: number, expected: string, found: string): never => {
    throw new GradusError(`${path}, ${where(row)}: column "${name}" should hold ${expected}, found ${found}.`, {
      hint: "write each list as [1, 2, 3], of several numbers a step as [[1, 2], [3, 4]], a missing number as null.",
    });
  };
  const lists = cells.map((cell, row) => (cell === null ? [] : (parse(cell) ?? refuse(row, "lists of numbers", shorten(cell)))));
  const sample = lists.find((list) => list.length > 0)?.[0];
  if (typeof sample === "string") {
    lists.forEach((list, row) =>
      list.forEach((entry) => {
        if (typeof entry !== "string" || entry === "") refuse(row, "lists of texts, none of them empty", shorten(JSON.stringify(list)));
      }),
    );
    return tokenColumn(name, lists as string[][]);
  }
  const perStep = width ?? (Array.isArray(sample) ? sample.length : 1);
  const nested = perStep > 1 || Array.isArray(sample);
  const offsets = new Float64Array(lists.length + 1);
  lists.forEach((list, row) => (offsets[row + 1] = offsets[row]! + list.length));
  const steps = offsets[lists.length]!;
  if (steps * perStep > MOST_NUMBERS)
    throw new GradusError(`${path}: column "${name}" holds ${steps * perStep} numbers; ${MOST_NUMBERS} fit in memory.`, {
      hint: "read fewer rows.",
    });
  const values = new Float64Array(steps * perStep);
  let at = 0;
  lists.forEach((list, row) =>
    list.forEach((entry, step) => {
      const numbers = nested && entry !== null ? entry : [entry];
      if (!Array.isArray(numbers))
        return refuse(row, `lists of ${perStep} numbers a step`, `${shorten(JSON.stringify(entry))} as step ${step + 1}`);
      if (entry !== null && numbers.length !== perStep)
        refuse(
          row,
          `${perStep} number${perStep === 1 ? "" : "s"} in each step, as its first sequence does`,
          `${numbers.length} in step ${step + 1}`,
        );
      for (let i = 0; i < perStep; i++) {
        const number: unknown = entry === null ? null : numbers[i];
        if (number !== null && typeof number !== "number") refuse(row, "numbers", `${shorten(JSON.stringify(number))} in step ${step + 1}`);
        values[at++] = number === null ? NaN : (number as number);
      }
    }),
  );
  return { name, kind: "sequence", sqlType: nested ? "DOUBLE[][]" : "DOUBLE[]", width: perStep, offsets, values };
}

/** The entries of a list's text; undefined where it is none. */
function parse(cell: string): unknown[] | undefined {
  const read = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  // Most lists are JSON; others differ in how a missing number is written, or in 1. for 1.0.
  const found = read(cell) ?? read(cell.replace(MISSING, "null").replace(/(\d)\.(?=\s*[,\]])/g, "$1"));
  return Array.isArray(found) ? found : undefined;
}

const shorten = (text: string): string => `"${text.length > 40 ? `${text.slice(0, 37)}…` : text}"`;

/** Named arrays, of one file or of the parts of a published split, as a relation and columns beside it. */
import { GradusError } from "../../util/errors.ts";
import type { Database } from "../database.ts";
import type { ArrayRequest, Staged } from "../reader.ts";
import { grouped, type Column } from "../table.ts";
import { columnsOf, isLabels, spelled, type NdArray } from "./array.ts";

/** Arrays of the same rows. */
export interface ArrayPart {
  /** Of the published split: `train`, `validation`, `test`. */
  readonly part?: string | undefined;
  /** By name, e.g. `image`, `label`. */
  readonly arrays: ReadonlyMap<string, NdArray>;
}

const TARGETS = ["label", "labels", "y", "target", "targets"];

/** What a word says of a part of the split, in file names, folders and names of arrays. */
export function partNamed(word: string): string | undefined {
  const lower = word.toLowerCase();
  if (/^train(ing)?$/.test(lower)) return "train";
  if (/^(val|valid|validation|dev)$/.test(lower)) return "validation";
  if (/^(test|testing|t10k)$/.test(lower)) return "test";
  return undefined;
}

/**
 * Stages arrays: one value a row goes into the relation, with whatever a target or the split names; images, sequences and the columns of
 * matrices stand beside it.
 * @throws GradusError where the arrays have not the same rows, or none
 */
export async function stageArrays(
  database: Database,
  shown: string,
  parts: readonly ArrayPart[],
  request: ArrayRequest,
  read: { readonly fingerprint: string; readonly notes: readonly string[] },
): Promise<Staged> {
  const names = [...parts[0]!.arrays.keys()].filter((name) => parts.every(({ arrays }) => arrays.has(name)));
  const counts = parts.map(({ part, arrays }) => rowsOf(part === undefined ? shown : `${shown}, ${part}`, arrays, names));
  const rows = counts.reduce((a, b) => a + b, 0);
  const notes = [...read.notes];
  const relation = new Map<string, readonly (string | null)[]>();
  const columns: Column[] = [];
  for (const name of names) {
    const array = joined(
      shown,
      name,
      parts.map(({ arrays }) => arrays.get(name)!),
    );
    if (isLabels(array)) {
      relation.set(name, spelled(array));
      continue;
    }
    const found = columnsOf(shown, name, array);
    notes.push(...found.notes);
    for (const column of found.columns) {
      const wanted = column.kind === "numeric" && request.mentioned.some((text) => mentions(text, column.name));
      if (wanted) relation.set(column.name, spelled({ shape: [rows], values: column.values }));
      else columns.push(column);
    }
  }
  const clash = columns.find(({ name }) => relation.has(name));
  if (clash) throw new GradusError(`${shown} gives two columns the name "${clash.name}".`, { hint: "rename one of the arrays." });
  const split = parts.length > 1 ? freeName("split", relation) : undefined;
  if (split)
    relation.set(
      split,
      parts.flatMap(({ part }, i) => Array.from<string>({ length: counts[i]! }).fill(part!)),
    );
  await database.texts("raw", [...relation.values()], rows);
  const target = TARGETS.find((name) => relation.has(name)) ?? [...relation.keys()].find((name) => TARGETS.includes(name.toLowerCase()));
  return {
    names: [...relation.keys()],
    rows,
    lineOf: () => undefined,
    notes,
    columns,
    ...(target === undefined ? {} : { target }),
    ...(split === undefined ? {} : { split }),
    fingerprint: read.fingerprint,
  };
}

const freeName = (name: string, taken: ReadonlyMap<string, unknown>): string => (taken.has(name) ? freeName(`${name}_`, taken) : name);

/** Whether a column's name stands as a word in a text. */
const mentions = (text: string, name: string): boolean =>
  text === name || new RegExp(`(?<![\\w])${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w])`).test(text);

function rowsOf(shown: string, arrays: ReadonlyMap<string, NdArray>, names: readonly string[]): number {
  const sizes = names.map((name) => [name, arrays.get(name)!.shape] as const);
  const scalar = sizes.find(([, shape]) => shape.length === 0);
  if (scalar) throw new GradusError(`${shown}: "${scalar[0]}" is a single value; an array with a row per example was expected.`);
  const [first, ...others] = sizes;
  if (!first) throw new GradusError(`${shown} holds no arrays.`, { hint: "save at least one: numpy.savez(path, X=X, y=y)" });
  const other = others.find(([, shape]) => shape[0] !== first[1][0]);
  if (other)
    throw new GradusError(
      `${shown}: "${first[0]}" has ${grouped(first[1][0]!)} rows and "${other[0]}" has ${grouped(other[1][0]!)}; they must have as many.`,
      { hint: "check that they belong together." },
    );
  if (first[1][0] === 0) throw new GradusError(`${shown} holds no rows.`, { hint: "a row per example was expected." });
  return first[1][0]!;
}

/** Arrays one behind the other. */
function joined(shown: string, name: string, arrays: readonly NdArray[]): NdArray {
  const [first] = arrays;
  if (arrays.length === 1) return first!;
  const inner = (array: NdArray): string => array.shape.slice(1).join("×");
  const other = arrays.find((array) => inner(array) !== inner(first!));
  if (other)
    throw new GradusError(`${shown}: "${name}" has examples of ${inner(first!)} in one part and of ${inner(other)} in another.`, {
      hint: "the parts of a split must be alike.",
    });
  const shape = [arrays.reduce((sum, array) => sum + array.shape[0]!, 0), ...first!.shape.slice(1)];
  const size = shape.reduce((a, b) => a * b, 1);
  const bytes = arrays.every(({ values }) => values instanceof Uint8Array);
  if (arrays.some(({ values }) => Array.isArray(values)))
    return { shape, values: arrays.flatMap((array) => [...(array.values as readonly string[])]) };
  const values = bytes ? new Uint8Array(size) : new Float64Array(size);
  let at = 0;
  for (const array of arrays) {
    values.set(array.values as Uint8Array | Float64Array, at);
    at += array.values.length;
  }
  return { shape, values };
}

/** `gradus predict`: raw rows in, CSV out. */
import { readTable } from "../../data/read-table.ts";
import type { NumericColumn, ScalarColumn, Table } from "../../data/table.ts";
import { loadRunModel } from "../../store/load-run.ts";
import { writeWhole } from "../../store/run-folder.ts";
import { chooseClasses, predictRows, type Prediction } from "../../train/predict.ts";
import { GradusError } from "../../util/errors.ts";
import { printable } from "../../util/printable.ts";
import type { Action } from "../command.ts";
import { csvLine } from "../render/csv.ts";
import { counted, duration } from "../render/format.ts";
import { paint } from "../render/paint.ts";
import { readingOptions } from "../reading-options.ts";
import { runtimeOptions } from "../runtime-options.ts";

export const predictAction: Action = async ({ arguments: [run = "", data = ""], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const model = await loadRunModel(run);
  const threshold = readThreshold(options["threshold"], model.plan.target) ?? model.threshold;
  const { target: _, ...schema } = model.plan.schema;
  const table = await readTable(data, { schema, ...readingOptions(options) });
  const rows = Int32Array.from({ length: table.rows }, (_, row) => row);
  const prediction = await predictRows(model, table, rows, runtimeOptions(options));
  const keys = keysOf(table);
  if (options["skipBadRows"] === true) for (const note of table.notes) terminal.err(`${note}\n`);
  const out = typeof options["out"] === "string" ? options["out"] : undefined;
  if (out !== undefined) await writeWhole(out, blocks(csv(prediction, threshold, keys)));
  else if (json) for (const record of records(prediction, threshold, keys)) emit(record);
  else for (const block of blocks(csv(prediction, threshold, keys))) terminal.out(terminal.live ? onScreen(block) : block);
  const seconds = (performance.now() - started) / 1000;
  emit({
    type: "result",
    command: "predict",
    run,
    data,
    rows: table.rows,
    ...(out === undefined ? {} : { out }),
    ...(threshold === undefined ? {} : { threshold }),
    seconds,
  });
  if (!json && out !== undefined)
    terminal.out(`  ${counted(table.rows, "prediction")} in ${paint(terminal.color).bold(printable(out))}, ${duration(seconds)}\n`);
  return 0;
};

function readThreshold(text: unknown, target: { readonly kind: string; readonly classes?: readonly string[] }): number | undefined {
  if (typeof text !== "string") return undefined;
  const threshold = text.trim() === "" ? NaN : Number(text);
  if (!(threshold >= 0 && threshold <= 1)) throw new GradusError(`--threshold must be a probability from 0 to 1, found "${text}".`);
  if (target.classes?.length !== 2) {
    const found = target.classes ? `${target.classes.length} classes` : "amounts";
    throw new GradusError(`--threshold is for two classes; this run predicts ${found}.`, { hint: "leave it out" });
  }
  return threshold;
}

/** What tells which lines a row was made of: a name and a text per row. */
interface Key {
  readonly name: string;
  readonly of: (row: number) => string;
}

/** Where rows are files: their paths; where they are sequences of lines: the id, and of windows the time of the last line seen. */
function keysOf({ roles, sequences, rowNames }: Table): readonly Key[] {
  if (rowNames) return [{ name: "path", of: (row) => rowNames[row]! }];
  const key = (column: ScalarColumn | undefined): readonly Key[] =>
    column
      ? [{ name: column.name, of: (row) => (column.kind === "categorical" ? column.categories[column.codes[row]!]! : spoken(column, row)) }]
      : [];
  if (sequences?.windows) return [...key(roles.series), ...key(roles.time)];
  return sequences?.id === undefined ? [] : key(roles.id);
}

function spoken({ sqlType, values }: NumericColumn, row: number): string {
  if (sqlType !== "DATE" && sqlType !== "TIMESTAMP") return String(values[row]);
  return new Date(values[row]! * 1000)
    .toISOString()
    .slice(0, sqlType === "DATE" ? 10 : 19)
    .replace("T", " ");
}

function* csv(prediction: Prediction, threshold: number | undefined, keys: readonly Key[]): Generator<string> {
  const names = keys.map(({ name }) => name);
  const told = (row: number): string[] => keys.map(({ of }) => of(row));
  if (prediction.kind === "amount") {
    const { amounts, steps } = prediction;
    yield csvLine([...names, ...(steps === 1 ? ["prediction"] : Array.from({ length: steps }, (_, step) => `prediction_${step + 1}`))]);
    for (let row = 0; row * steps < amounts.length; row++)
      yield csvLine([...told(row), ...Array.from(amounts.subarray(row * steps, (row + 1) * steps), shortest)]);
    return;
  }
  const { classes, probabilities } = prediction;
  yield csvLine([...names, "prediction", ...classes.map((name) => `probability_${name}`)]);
  const chosen = chooseClasses(prediction, threshold);
  for (let row = 0; row < chosen.length; row++) {
    const shares = Array.from(probabilities.subarray(row * classes.length, (row + 1) * classes.length), shortest);
    yield csvLine([...told(row), classes[chosen[row]!]!, ...shares]);
  }
}

/** Lines in blocks that are worth a write each; no text as long as the file. */
function* blocks(lines: Iterable<string>): Generator<string> {
  let block = "";
  for (const line of lines) {
    block += line;
    if (block.length > 65_536) {
      yield block;
      block = "";
    }
  }
  yield block;
}

/** A screen shows no control characters; a file or a pipe gets the class names as they are. */
const onScreen = (text: string) => text.split("\n").map(printable).join("\n");

function* records(prediction: Prediction, threshold: number | undefined, keys: readonly Key[]) {
  const told = (row: number) => (keys.length > 0 ? { of: Object.fromEntries(keys.map(({ name, of }) => [name, of(row)])) } : {});
  if (prediction.kind === "amount") {
    const { amounts, steps } = prediction;
    for (let row = 0; row * steps < amounts.length; row++) {
      const numbers = Array.from(amounts.subarray(row * steps, (row + 1) * steps), (amount) => Number(shortest(amount)));
      yield { type: "prediction", row: row + 1, ...told(row), prediction: steps === 1 ? numbers[0]! : numbers };
    }
    return;
  }
  const { classes, probabilities } = prediction;
  const chosen = chooseClasses(prediction, threshold);
  for (const [row, code] of chosen.entries()) {
    const shares = classes.map((name, c) => [name, Number(shortest(probabilities[row * classes.length + c]!))]);
    yield {
      type: "prediction",
      row: row + 1,
      ...told(row),
      prediction: classes[code]!,
      probabilities: Object.fromEntries(shares) as Record<string, number>,
    };
  }
}

/** Nine digits give every float32 back. */
const shortest = (value: number) => {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
};

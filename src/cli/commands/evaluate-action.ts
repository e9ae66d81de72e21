/** `gradus evaluate`: opens the test set and records it, or measures on other rows. */
import { readTable } from "../../data/read-table.ts";
import type { Table } from "../../data/table.ts";
import type { Model } from "../../nn/model.ts";
import { loadRunExperiment, loadRunModel, loadRunResult, loadRunSplit } from "../../store/load-run.ts";
import { runRows } from "../../store/run-rows.ts";
import { checkRecordable, readOpenings, recordOpening, type TestOpening } from "../../store/test-openings.ts";
import { copiesImpact, copiesIn, type Copies } from "../../train/copies.ts";
import { readExperimentTable } from "../../train/experiment-run.ts";
import type { RunResult } from "../../store/run-record.ts";
import type { Baseline } from "../../train/experiment-events.ts";
import { measureBaseline } from "../../train/measure.ts";
import { evaluateRows } from "../../train/evaluate-rows.ts";
import { permutationImportance } from "../../train/importance.ts";
import { measureStoredBaseline } from "../../train/predict.ts";
import { GradusError } from "../../util/errors.ts";
import { printable } from "../../util/printable.ts";
import type { Action } from "../command.ts";
import { counted } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { importanceLines, metricLines } from "../render/metrics.ts";
import { copiesText } from "../render/closing.ts";
import { paint } from "../render/paint.ts";
import { closingTable } from "../render/report.ts";
import { readMetric } from "../own-metric.ts";
import { readingOptions } from "../reading-options.ts";
import { runtimeOptions } from "../runtime-options.ts";

/** Which rows are measured, and what they are called. */
interface Choice {
  readonly part: "test" | "validation" | "data";
  readonly table: Table;
  readonly rows: Int32Array;
  readonly baseline: Baseline;
  /** Those of the rows that were trained on as copies. */
  readonly copies?: Copies | undefined;
  readonly grown?: NonNullable<TestOpening["grown"]>;
}

export const evaluateAction: Action = async ({ arguments: [run = "", data], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const p = paint(terminal.color);
  const own = typeof options["metric"] === "string" ? [await readMetric(options["metric"])] : [];
  const model = await loadRunModel(run);
  const result = await loadRunResult(run);
  const choice =
    options["test"] === true || data === undefined
      ? await storedPart(run, model, data, options["test"] === true)
      : await otherRows(run, model, result, data, readingOptions(options));
  const { part, table, rows, baseline, grown } = choice;
  if (part === "test") await checkRecordable(run);
  const runtime = runtimeOptions(options);
  const report = await evaluateRows(model, table, rows, { ...runtime, own });
  const { metrics } = report;
  const copies = choice.copies && (await measureCopies(model, table, choice.copies, runtime));
  const importance = options["importance"] === true ? await permutationImportance(model, table, rows, runtime) : undefined;
  const {
    openings,
    count,
    note: unreadable,
  } = part === "test"
    ? await recordOpening(run, { time: new Date().toISOString(), metrics, ...(grown ? { grown } : {}) })
    : await readOpenings(run);
  const seconds = (performance.now() - started) / 1000;
  emit({
    type: "result",
    command: "evaluate",
    run,
    data: table.source.path,
    task: result.task,
    metrics: { [part]: metrics },
    ...(report.classes ? { classes: report.classes, confusion: report.confusion, reliability: report.reliability } : {}),
    ...(model.threshold === undefined ? {} : { threshold: model.threshold }),
    ...(importance ? { importance } : {}),
    baseline,
    ...(copies ? { copies } : {}),
    openings: count,
    ...(grown ? { grown } : {}),
    parameters: result.parameters,
    seconds,
  });
  if (json) return 0;
  const parts = [
    { name: "train", metrics: result.metrics.train },
    { name: "validation", metrics: part === "validation" ? metrics : result.metrics.validation },
    ...(part === "validation" ? [] : [{ name: part === "test" ? "test" : "these rows", metrics }]),
  ];
  const said = [
    ...closingTable({ task: result.task, parts, baseline }, p),
    ...(copies ? [line("copies", copiesText(copies, part), terminal.width)] : []),
    ...(grown ? [line("data", grownText(printable(run), grown, part, rows.length), terminal.width)] : []),
  ];
  said.push(
    "",
    ...metricLines(
      report,
      own.map(({ name }) => name),
      p,
    ),
  );
  if (importance) said.push("", ...importanceLines(importance, p));
  if (part === "test") {
    const before = count - 1;
    const note =
      before === 0
        ? "opened for the first time, recorded in test-openings.jsonl; a choice made after seeing it needs a new test set"
        : `opened ${counted(before, "time")} before (first ${openings[0]!.time.slice(0, 10)}): the more choices it has seen, the rosier it looks`;
    said.push("", line("test set", printable(note), terminal.width));
  }
  if (unreadable) said.push(line("note", printable(unreadable), terminal.width));
  terminal.out(`${said.join("\n")}\n`);
  return 0;
};

const grownText = (run: string, { data, newRows }: NonNullable<Choice["grown"]>, part: string, rows: number): string =>
  `${printable(data)} is not as it was when ${run} was trained: ${counted(newRows, "row")} ${newRows === 1 ? "is" : "are"} new and in no part; the ${counted(rows, `${part} row`)} are found by their keys`;

/** The figure of rows that were trained on as copies, and of the others. */
async function measureCopies(model: Model, table: Table, copies: Copies, runtime: ReturnType<typeof runtimeOptions>) {
  const measured = async (rows: Int32Array) => (await evaluateRows(model, table, rows, runtime)).metrics;
  return copiesImpact(copies, await measured(copies.copied), copies.others.length > 0 ? await measured(copies.others) : undefined);
}

/** The test part, or without `--test` the validation part, of the file the run was trained on, which may have grown since. */
async function storedPart(run: string, model: Model, data: string | undefined, test: boolean): Promise<Choice> {
  const experiment = await loadRunExperiment(run);
  const { parts, policy } = await loadRunSplit(run);
  const part = test ? "test" : "validation";
  if (!parts.includes(part[0]!)) {
    throw new GradusError(`${run} has no test set: its split (${policy}) left no rows for it.`, {
      hint: `measure on other rows: gradus evaluate ${run} FILE`,
    });
  }
  const read = await readExperimentTable({ ...experiment, data: { ...experiment.data, path: data ?? experiment.data.path } });
  const { train, [part]: rows, newRows } = await runRows(run, read);
  const { path, fingerprint } = read.source;
  const table = newRows === undefined ? read : withClasses(read, model, rows);
  return {
    ...{ part, table, rows, baseline: measureBaseline(table, train, rows), copies: copiesIn(table, train, rows) },
    ...(newRows === undefined ? {} : { grown: { data: path, fingerprint, newRows } }),
  };
}

/** New rows may bring new classes, and those of the model have their own order. @throws GradusError where a row that is measured has another one */
function withClasses(table: Table, { plan: { target } }: Model, rows: Int32Array): Table {
  const column = table.target?.column;
  if (target.kind !== "classes" || column?.kind !== "categorical") return table;
  const known = column.categories.map((name) => target.classes.indexOf(name));
  const codes = column.codes.map((code) => known[code] ?? -1);
  const strange = rows.find((row) => codes[row]! < 0);
  if (strange !== undefined)
    throw new GradusError(
      `${table.source.path}, row ${strange + 1}: "${column.name}" is "${column.categories[column.codes[strange]!] ?? ""}", a class that the run does not know.`,
      { hint: `it knows ${target.classes.slice(0, 5).join(", ")}${target.classes.length > 5 ? ", …" : ""}: put the label back as it was.` },
    );
  return { ...table, target: { ...table.target!, column: { ...column, categories: target.classes, codes } } };
}

/** All rows of another file; never of the one it was trained on, where the test rows are among them. */
async function otherRows(
  run: string,
  model: Model,
  result: RunResult,
  data: string,
  reading: ReturnType<typeof readingOptions>,
): Promise<Choice> {
  const table = await readTable(data, { schema: model.plan.schema, ...reading });
  const { fingerprint } = await loadRunSplit(run);
  if (table.source.fingerprint === fingerprint) {
    throw new GradusError(
      `${data} is the very file that ${run} was trained on: most of its rows were trained on, others are its locked test set.`,
      {
        hint: `gradus evaluate ${run} measures the validation part, gradus evaluate ${run} --test opens the test set`,
      },
    );
  }
  const rows = Int32Array.from({ length: table.rows }, (_, row) => row);
  return { part: "data", table, rows, baseline: measureStoredBaseline(model.plan.target, result.baseline.name, table, rows) };
}

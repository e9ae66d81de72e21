/** `gradus evaluate`: opens the test set and records it, or measures on other rows. */
import { readTable } from "../../data/read-table.ts";
import type { Table } from "../../data/table.ts";
import type { Model } from "../../nn/model.ts";
import { loadRunExperiment, loadRunModel, loadRunResult, loadRunSplit } from "../../store/load-run.ts";
import { checkFingerprint, storedRows } from "../../store/split-file.ts";
import { checkRecordable, readOpenings, recordOpening } from "../../store/test-openings.ts";
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
}

export const evaluateAction: Action = async ({ arguments: [run = "", data], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const p = paint(terminal.color);
  const own = typeof options["metric"] === "string" ? [await readMetric(options["metric"])] : [];
  const model = await loadRunModel(run);
  const result = await loadRunResult(run);
  const choice =
    options["test"] === true || data === undefined
      ? await storedPart(run, data, options["test"] === true)
      : await otherRows(run, model, result, data, readingOptions(options));
  const { part, table, rows, baseline } = choice;
  if (part === "test") await checkRecordable(run);
  const runtime = runtimeOptions(options);
  const report = await evaluateRows(model, table, rows, { ...runtime, own });
  const { metrics } = report;
  const importance = options["importance"] === true ? await permutationImportance(model, table, rows, runtime) : undefined;
  const {
    openings,
    count,
    note: unreadable,
  } = part === "test" ? await recordOpening(run, { time: new Date().toISOString(), metrics }) : await readOpenings(run);
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
    openings: count,
    parameters: result.parameters,
    seconds,
  });
  if (json) return 0;
  const parts = [
    { name: "train", metrics: result.metrics.train },
    { name: "validation", metrics: part === "validation" ? metrics : result.metrics.validation },
    ...(part === "validation" ? [] : [{ name: part === "test" ? "test" : "these rows", metrics }]),
  ];
  const said = [...closingTable({ task: result.task, parts, baseline }, p)];
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

/** The test part, or without `--test` the validation part, of the file the run was trained on. */
async function storedPart(run: string, data: string | undefined, test: boolean): Promise<Choice> {
  const experiment = await loadRunExperiment(run);
  const split = await loadRunSplit(run);
  const part = test ? "test" : "validation";
  const rows = storedRows(split, part);
  if (rows.length === 0) {
    throw new GradusError(`${run} has no test set: its split (${split.policy}) left no rows for it.`, {
      hint: `measure on other rows: gradus evaluate ${run} FILE`,
    });
  }
  const table = await readExperimentTable({ ...experiment, data: { ...experiment.data, path: data ?? experiment.data.path } });
  checkFingerprint(split, table.source, run);
  return { part, table, rows, baseline: measureBaseline(table, storedRows(split, "train"), rows) };
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

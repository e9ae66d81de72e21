/** The end of a training, and what `gradus show` repeats: curves, closing table, where the run lies, what to try next. */
import type { RunResult } from "../../store/run-record.ts";
import type { EpochFigures } from "../../train/events.ts";
import type { CopiesImpact, Metrics } from "../../train/experiment-events.ts";
import { printableValue } from "../../util/printable.ts";
import { counted, duration, grouped, short } from "./format.ts";
import { line } from "./lines.ts";
import { crossValidationLines, decisionLines } from "./metrics.ts";
import type { Paint } from "./paint.ts";
import { plotCurves } from "./plot.ts";
import { closingTable, endLine } from "./report.ts";

export interface Closing extends RunResult {
  readonly history: readonly EpochFigures[];
  /** The data file, as a person types it. */
  readonly data: string;
  /** Test figures, once the set was opened. */
  readonly test?: { readonly metrics: Metrics; readonly openings: number };
}

const plotWidth = (width: number) => (Number.isFinite(width) ? width : 100);

export function closingLines(given: Closing, width: number, p: Paint): string[] {
  const closing = printableValue(given);
  const { history, run, metrics, test, rows, epochs } = closing;
  const validation = history.map(({ validation: figures }) => figures?.loss ?? NaN);
  const curves = plotCurves(
    [
      { label: "train", values: history.map(({ train }) => train.loss), stroke: "light", color: "cyan" },
      { label: "validation", values: validation, stroke: "heavy", color: "yellow" },
    ],
    { title: "loss", width: plotWidth(width), height: 9, mark: { at: epochs.best, label: "weights kept" }, paint: p },
  );
  const locked = rows.test === 0 ? [] : [{ name: "test", locked: `(gradus evaluate ${run} --test)` }];
  return [
    ...(curves.length > 0 ? [...curves, ""] : []),
    endLine(closing, width, p),
    ...closingTable(
      {
        task: closing.task,
        parts: [
          { name: "train", metrics: metrics.train },
          ...(metrics.trainDev ? [{ name: "train-dev", metrics: metrics.trainDev }] : []),
          { name: "validation", metrics: metrics.validation },
          ...(test ? [{ name: "test", metrics: test.metrics }] : locked),
        ],
        baseline: closing.baseline,
      },
      p,
    ),
    ...(closing.mismatch ? [line("mismatch", mismatchText(closing.mismatch), width)] : []),
    ...(closing.copies ? [line("copies", copiesText(closing.copies, "validation"), width)] : []),
    ...(closing.decision ? decisionLines(closing.decision, width) : []),
    ...(closing.crossValidation ? ["", ...crossValidationLines(closing.crossValidation, width, p)] : []),
    ...(rows.test === 0 ? [line("test", "none: the split left no rows for it", width)] : []),
    ...(test ? [line("", p.dim(`test set opened ${counted(test.openings, "time")}`), width)] : []),
    "",
    line(
      "parameters",
      `${grouped(closing.parameters)} · ${duration(closing.seconds)} in all, ${duration(closing.fitSeconds)} of it training`,
      width,
    ),
    line("run", `${p.bold(run)} (weights, model.onnx, metrics, the resolved experiment)`, width),
    line("report", `gradus report ${shellWord(run)}`, width),
    ...(closing.error ? [] : [line("next", `gradus predict ${shellWord(run)} ${shellWord(closing.data)}`, width)]),
  ];
}

/** What validation costs beyond unseen rows of the training distribution. */
function mismatchText({ metric, value, low, high, answers }: NonNullable<RunResult["mismatch"]>): string {
  const scale = metric === "error" ? 100 : 1;
  const write = (x: number) => `${x < 0 ? "−" : "+"}${metric === "error" ? Math.abs(scale * x).toFixed(1) : short(Math.abs(x))}`;
  const verdict =
    low > 0
      ? "validation is another distribution, and it costs"
      : high < 0
        ? "validation is easier than the training distribution"
        : "none seen: validation is like unseen training rows, as far as these can tell";
  return `${write(value)} (${write(low)} … ${write(high)}) ${metric === "error" ? "points" : "rmse"}, validation less train-dev: ${verdict}${answers ? `; ${answersText(answers)}` : ""}`;
}

const answersText = ({ statistic, p }: NonNullable<NonNullable<RunResult["mismatch"]>["answers"]>): string =>
  `answers distributed ${p < 0.05 ? "otherwise" : "alike"} (Kolmogorov-Smirnov ${short(statistic)}, p ${short(p)})`;

/** What the figure is with rows that were trained on as copies, and without. */
export function copiesText({ metric, rows, of, copied, without, impact }: CopiesImpact, part: string): string {
  const found = `${rows === of ? "all " : `${grouped(rows)} of `}${counted(of, `${part} row`)} ${rows === 1 ? "is a copy of a training row" : "are copies of training rows"}`;
  const write = (x: number) => (metric === "error" ? (100 * x).toFixed(1) : short(x)).replace(/^-/, "−");
  const unit = metric === "error" ? " %" : "";
  if (!without || !impact) return `${found}: ${metric} ${write(copied.value)}${unit} says nothing of new data`;
  const all = without.value - impact.value;
  const range = `(${write(impact.low)} … ${write(impact.high)})`;
  const compared = `${metric} ${write(all)}${unit} with them, ${write(without.value)}${unit} (${write(without.low)} – ${write(without.high)}) without`;
  return `${found}: ${compared}; they hide ${write(impact.value)} ${range}${metric === "error" ? " points" : ""}`;
}

const shellWord = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

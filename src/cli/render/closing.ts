/** The end of a training, and what `gradus show` repeats: curves, closing table, where the run lies, what to try next. */
import type { RunResult } from "../../store/run-record.ts";
import type { EpochFigures } from "../../train/events.ts";
import type { Metrics } from "../../train/experiment-events.ts";
import { printableValue } from "../../util/printable.ts";
import { counted, duration, grouped } from "./format.ts";
import { line } from "./lines.ts";
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
          { name: "validation", metrics: metrics.validation },
          ...(test ? [{ name: "test", metrics: test.metrics }] : locked),
        ],
        baseline: closing.baseline,
      },
      p,
    ),
    ...(rows.test === 0 ? [line("test", "none: the split left no rows for it", width)] : []),
    ...(test ? [line("", p.dim(`test set opened ${counted(test.openings, "time")}`), width)] : []),
    "",
    line(
      "parameters",
      `${grouped(closing.parameters)} · ${duration(closing.seconds)} in all, ${duration(closing.fitSeconds)} of it training`,
      width,
    ),
    line("run", `${p.bold(run)} (weights, model.onnx, metrics, the resolved experiment)`, width),
    ...(closing.error ? [] : [line("next", `gradus predict ${shellWord(run)} ${shellWord(closing.data)}`, width)]),
  ];
}

const shellWord = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

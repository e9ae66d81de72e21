/** Every metric of an evaluation as small tables: figures, classes with the confusion matrix; folds; thresholds; what columns are worth. */
import type { Decision } from "../../metrics/decision.ts";
import type { MetricReport } from "../../metrics/measure.ts";
import type { CrossValidation, FoldFigures } from "../../train/experiment-events.ts";
import type { Importance } from "../../train/importance.ts";
import { printableValue } from "../../util/printable.ts";
import type { Interval } from "../../util/statistics.ts";
import { formatFigure, formatInterval, grouped, short, type Unit } from "./format.ts";
import { columns, line } from "./lines.ts";
import type { Paint } from "./paint.ts";

/** What a person is shown, in this order; the rest is in `--json`. */
const titles: Readonly<Record<string, string>> = {
  balanced_accuracy: "balanced accuracy",
  top_3_accuracy: "true class in top 3",
  top_5_accuracy: "true class in top 5",
  f1_macro: "F1, mean of classes",
  roc_auc: "ROC-AUC",
  roc_auc_macro: "ROC-AUC, one v. rest",
  pr_auc: "PR-AUC",
  pr_auc_macro: "PR-AUC, one v. rest",
  log_loss: "log loss",
  brier: "Brier score",
  calibration_error: "calibration error",
  calibration_slope: "calibration slope",
  mae: "mean abs. error",
  median_absolute_error: "median abs. error",
  absolute_error_q90: "90 % of errors below",
};
const share = /accuracy|^error$|^precision|^recall|^calibration_error$/;
const unitOf = (name: string): Unit => (share.test(name) ? "share" : "number");

const MOST_CLASSES = 10;

/** @param own names of metrics that are the user's, shown last */
export function metricLines(given: MetricReport, own: readonly string[], p: Paint): string[] {
  const report = printableValue(given);
  const row = (title: string, name: string, interval: Interval): string[] => {
    const { value, range } = formatInterval(interval, unitOf(name));
    return [title, value, range];
  };
  const found = [
    ...Object.entries(titles).flatMap(([name, title]) => (report.metrics[name] ? [row(title, name, report.metrics[name])] : [])),
    ...own.flatMap((name) => (report.metrics[name] ? [row(name, "", report.metrics[name])] : [])),
  ];
  const table = columns([["", "value", "95 % interval"].map((cell) => p.dim(cell)), ...found]);
  return [...table, ...classLines(report, p)];
}

/** A line a class: how often it was answered with each, and how well it was found. */
function classLines({ classes, confusion }: MetricReport, p: Paint): string[] {
  if (!classes || !confusion || classes.length > MOST_CLASSES) return [];
  const brief = (name: string) => (name.length > 12 ? `${name.slice(0, 11)}…` : name);
  const figure = (interval: Interval | undefined) =>
    interval && Number.isFinite(interval.value) ? formatFigure(interval.value, "share") : "–";
  const head = ["true ↓ answered →", ...classes.map(({ name }) => brief(name)), "recall", "precision", "F1"].map((cell) => p.dim(cell));
  const rows = classes.map(({ name, metrics }, c) => [
    name,
    ...confusion[c]!.map((count, other) => (other === c ? p.bold(grouped(count)) : grouped(count))),
    figure(metrics["recall"]),
    figure(metrics["precision"]),
    metrics["f1"] && Number.isFinite(metrics["f1"].value) ? metrics["f1"].value.toFixed(3) : "–",
  ]);
  return ["", ...columns([head, ...rows])];
}

/** `fold 3 of 5, round 2: error 18.2 %`. */
export function foldLine(
  { folds, repeats, repeat, fold, metrics }: FoldFigures & { folds: number; repeats: number },
  width: number,
): string {
  const name = "error" in metrics ? "error" : "rmse";
  const which = `${fold} of ${folds}${repeats > 1 ? `, round ${repeat} of ${repeats}` : ""}`;
  return line("fold", `${which}: ${name} ${formatFigure(metrics[name]!, unitOf(name))}`, width);
}

/** The figures of a cross-validation that a person is shown. */
export function crossValidationLines({ folds, repeats, metrics, trainings }: CrossValidation, width: number, p: Paint): string[] {
  const names = ["error", "r2", "rmse"].filter((name) => name in metrics);
  const rows = [...names, ...Object.keys(titles).filter((name) => name in metrics && Number.isFinite(metrics[name]!.value))].map((name) => {
    const { value, range } = formatInterval(metrics[name]!, unitOf(name));
    return [titles[name] ?? { r2: "R²" }[name] ?? name, value, range];
  });
  const trained = `${trainings.length} trainings: ${folds} folds${repeats > 1 ? ` × ${repeats}` : ""}; means, intervals by Nadeau and Bengio`;
  return [line("out of fold", trained, width), ...columns([["", "mean", "95 % interval"].map((cell) => p.dim(cell)), ...rows])];
}

/** The threshold, what it costs and saves. */
export function decisionLines({ threshold, costs, cost, likelier }: Decision, width: number): string[] {
  const { value, range } = formatInterval(threshold, "number");
  const paid = formatInterval(cost, "number");
  const text = `${value} (${range}): least cost on validation, ${short(costs.falsePositive)} a false positive, ${short(costs.falseNegative)} a false negative`;
  const expected = `${paid.value} an example (${paid.range}); answering the likelier class ${short(likelier.value)}`;
  return [line("threshold", text, width), line("cost", expected, width)];
}

const MOST_COLUMNS = 20;

/** The columns by worth. */
export function importanceLines(given: Importance, p: Paint): string[] {
  const { metric, columns: found, repeats } = printableValue(given);
  const unit: Unit = metric === "error" ? "share" : "number";
  const rows = found.slice(0, MOST_COLUMNS).map(({ column, increase }) => {
    const { value, range } = formatInterval(increase, unit);
    return [column, value, range];
  });
  const head = ["permuted", `${metric} rises by`, "95 % interval"].map((cell) => p.dim(cell));
  const more = found.length > MOST_COLUMNS ? [p.dim(`  … ${found.length - MOST_COLUMNS} more: --json`)] : [];
  return [
    ...columns([head, ...rows]),
    ...more,
    p.dim(`  ${repeats} permutations of each column; columns that say the same share what they are worth`),
  ];
}

/** The section of what regularisation does to the gap. */
import type { Interval } from "../src/util/statistics.ts";
import { mean, type Errors } from "./paired-change.ts";
import type { RegulariserResult, RegulariserRow, WayResult } from "./regularisers.ts";
import { again, where, type Stored } from "./report-text.ts";

export function regulariserSection({ command, machine, versions, rows, ...result }: Stored<RegulariserResult>): string[] {
  const { hiddenLayers, learningRate, choosing } = result;
  return [
    "## What regularisation does to the gap",
    `\`${command}\``,
    `Dense networks of ${hiddenLayers.join(" and ")} units, Adam at ${learningRate} throughout, no weight decay. Training and validation error in evaluation mode, of the whole parts,
after the last epoch (the best epoch's weights are not put back; with early stopping they are, which chooses its epoch on the validation part that is measured). Each way's strength is the one of the grid with the lowest mean validation error
over ${choosing} seeds that choose and are not compared; then every way and none on the same splits and seeds. The gap is validation less training error; changes are against no
regularisation, per seed, in points, with Student's 95 % interval over seeds. Met: the gap's interval lies below 0, and the validation error's below δ, which is a point, or a
tenth of the error without where that is more. ${where(machine, versions)}${again(command)}`,
    ...rows.map(table),
  ];
}

function table({ name, what, rows, epochs, batchSize, without, ways, seeds }: RegulariserRow): string {
  return [
    `### ${name}`,
    "",
    `${upper(what)}: ${rows.train} and ${rows.validation} rows; ${epochs} epochs, batches of ${batchSize}, ${seeds} seeds, δ = ${(100 * ways[0]!.delta).toFixed(1)} points.`,
    "",
    "| way | strength chosen | of | mean epoch | training error | validation error | change of the gap, points | 95 % | change of validation error, points | 95 % | verdict |",
    "|---|---|---|---:|---:|---:|---:|---|---:|---|---|",
    `| none | | | ${epochs} | ${errors(without)} | | | | | |`,
    ...ways.map(line),
  ].join("\n");
}

function line(way: WayResult): string {
  const { name, chosen, grid, epoch, gap, validation } = way;
  const labels = grid.map((one) => one.label).join("; ");
  const cells = [name, chosen, labels, epoch.toFixed(0), errors(way.errors), ...change(gap), ...change(validation), verdict(way)];
  return `| ${cells.join(" | ")} |`;
}

function verdict({ shrinks, raised, gap }: WayResult): string {
  if (shrinks && raised === "no") return "met";
  const reasons = [
    ...(shrinks ? [] : [gap.low > 0 ? "the gap grows" : "cannot tell whether the gap shrinks"]),
    ...(raised === "yes" ? ["validation error rises by more than δ"] : []),
    ...(raised === "cannot tell" ? ["cannot tell whether validation error rises by more than δ"] : []),
  ];
  return `**not met**: ${reasons.join("; ")}`;
}

/** Two cells: the means of training and of validation error. */
function errors(all: readonly Errors[]): string {
  return [all.map(({ train }) => train), all.map(({ validation }) => validation)].map((part) => mean(part).toFixed(4)).join(" | ");
}

function change({ value, low, high }: Interval): string[] {
  return [`**${points(value)}**`, `${points(low)} … ${points(high)}`];
}

function points(share: number): string {
  return `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}`;
}

const upper = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

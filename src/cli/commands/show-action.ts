/** `gradus show`: a run as it was reported, and how often its test set was opened. */
import { loadRunExperiment, loadRunHistory, loadRunModel, loadRunResult, loadRunSplit } from "../../store/load-run.ts";
import { describeNetwork } from "../../nn/describe.ts";
import type { ResolvedModel } from "../../train/experiment.ts";
import { readOpenings } from "../../store/test-openings.ts";
import { printable, printableValue } from "../../util/printable.ts";
import type { Action } from "../command.ts";
import { closingLines } from "../render/closing.ts";
import { counted, grouped, short } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { networkLines } from "../render/network.ts";
import { paint } from "../render/paint.ts";

export const showAction: Action = async ({ arguments: [run = ""] }, { terminal, json, emit }) => {
  const [found, history, { openings, count, note }] = [
    { experiment: await loadRunExperiment(run), result: await loadRunResult(run) },
    await loadRunHistory(run),
    await readOpenings(run),
  ];
  emit({ type: "result", command: "show", run, ...found, history, testOpenings: openings });
  if (json) return 0;
  const { plan, network } = await loadRunModel(run);
  const { width } = terminal;
  const p = paint(terminal.color);
  const { experiment, result, policy } = printableValue({ ...found, policy: (await loadRunSplit(run)).policy });
  const { data, model, optimizer, loss } = experiment;
  const last = openings[openings.length - 1];
  const { train, validation, test } = result.rows;
  const told = [
    line(
      "data",
      `${data.path} · target ${data.target} · ${result.task} · ${counted(plan.columns.length, "column")} → ${counted(plan.features.length, "input")}`,
      width,
    ),
    line("split", `${policy} → ${[train, validation, test].map(grouped).join(" / ")}`, width),
    line("model", `${modelText(model)} · ${loss}`, width),
    line(
      "training",
      `${optimizer.kind}, learning rate ${short(optimizer.learningRate)} · batches of ${experiment.batchSize} · ${counted(experiment.epochs, "epoch")} at most · seed ${experiment.seed}`,
      width,
    ),
    line("trained", `${result.finished.slice(0, 16).replace("T", " ")} UTC, gradus ${result.gradus}`, width),
  ];
  const closing = closingLines(
    { ...result, history, data: data.path, ...(last ? { test: { metrics: last.metrics, openings: count } } : {}) },
    width,
    p,
  );
  if (note) closing.push(line("note", printable(note), width));
  const table = networkLines(describeNetwork(network, [plan.features.length]), p);
  terminal.out(`${[...told, "", ...table, "", ...closing].join("\n")}\n`);
  return 0;
};

function modelText(model: ResolvedModel): string {
  if (!("from" in model)) return `${model.kind} · ${model.layers.join(" → ") || "no hidden layers"} · ${model.activation}`;
  const head = model.head === 0 ? "its own output" : `a new head in place of ${counted(model.head, "layer")}`;
  return [`from ${model.from}`, head, ...(model.freeze.length > 0 ? [`frozen: ${model.freeze.join(", ")}`] : [])].join(" · ");
}

/** `gradus lr`: the range test of an experiment's network, as a curve and a figure. */
import { compile } from "../../exec/executor.ts";
import { optimizerByName } from "../../optim/optimizers/index.ts";
import { readModelFile } from "../../store/onnx-file.ts";
import { readSplitFile } from "../../store/split-file.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import { experimentProblem } from "../../train/experiment-problem.ts";
import { learningRateRange, type RangeTest } from "../../train/learning-rate-range.ts";
import type { Action } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { counted, duration, grouped, short } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { paint, type Paint } from "../render/paint.ts";
import { plotCurves } from "../render/plot.ts";
import { runtimeOptions } from "../runtime-options.ts";

/** Training rows that are taken at most: far more than the steps of a test see. */
const mostRows = 50_000;

export const learningRateAction: Action = async ({ arguments: [data], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const p = paint(terminal.color);
  const flags = experimentFromFlags(data, options);
  const { experiment: file } = options;
  const given = checkExperiment(typeof file === "string" ? overrideExperiment(await readExperimentSource(file), flags) : flags);
  const found = await experimentProblem(given, mostRows, { readModel: readModelFile, readSplit: readSplitFile });
  const { experiment, problem, trainRows } = found;
  const { kind, learningRate: _, schedule: __, ...settings } = experiment.optimizer;
  const { regularizer, clip, labelSmoothing, accumulate, batchSize, seed } = experiment;
  const test = await learningRateRange(problem, found.data, {
    optimizer: optimizerByName(kind, settings),
    ...{ regularizer, clip, labelSmoothing, accumulate, batchSize, seed, examples: trainRows },
    executor: { name: "platform", compile },
    ...runtimeOptions(options),
  });
  const seconds = (performance.now() - started) / 1000;
  emit({ type: "result", command: "lr", optimizer: kind, batchSize, ...test, seconds });
  if (!json) terminal.out(`${rangeLines(test, { kind, batchSize, rows: trainRows, seconds }, terminal.width, p).join("\n")}\n`);
  return test.suggestion === undefined ? 1 : 0;
};

interface Facts {
  readonly kind: string;
  readonly batchSize: number;
  readonly rows: number;
  readonly seconds: number;
}

function rangeLines(test: RangeTest, { kind, batchSize, rows, seconds }: Facts, width: number, p: Paint): string[] {
  const { curves, suggestion, decades, reason } = test;
  const longest = curves.reduce((a, b) => (b.rates.length > a.rates.length ? b : a));
  const [first, last] = [longest.rates[0]!, longest.rates[longest.rates.length - 1]!];
  const nearest = longest.rates.findIndex((rate) => suggestion !== undefined && rate >= suggestion);
  const drawn = plotCurves(
    curves.map(({ seed, losses }, i) => ({
      label: `seed ${seed}`,
      values: losses,
      stroke: i % 2 === 0 ? ("light" as const) : ("heavy" as const),
      color: i % 2 === 0 ? ("cyan" as const) : ("yellow" as const),
    })),
    {
      title: "loss",
      width,
      paint: p,
      ends: [short(first), `learning rate ${short(last)}`],
      ...(nearest > 0 ? { mark: { at: nearest, label: "suggested" } } : {}),
    },
  );
  const each = curves.map(({ seed, suggestion: own }) => `seed ${seed}: ${own === undefined ? "none" : short(own)}`).join(" · ");
  const answer =
    suggestion === undefined
      ? p.yellow(`no suggestion: ${reason}`)
      : `${p.bold(short(suggestion))}, a tenth of where the loss was lowest; the seeds lie within 10^${decades!.toFixed(1)}`;
  return [
    line("range test", `${kind} · batches of ${grouped(batchSize)} · ${counted(rows, "training row")} · ${duration(seconds)}`, width),
    "",
    ...drawn,
    "",
    line("each", each, width),
    line("learning rate", answer, width),
    ...(suggestion === undefined ? [] : [line("next", `gradus train … --learning-rate ${suggestion}`, width)]),
  ];
}

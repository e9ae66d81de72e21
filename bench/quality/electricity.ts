/** The ready `gru` on half-hourly electricity demand: the next day, against the same half-hours of the week before. */
import { readFile } from "node:fs/promises";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import type { Dataset } from "../../src/train/dataset.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { meanInterval } from "../../src/util/statistics.ts";
import type { QualityRow } from "../quality.ts";

const day = 48;
const week = 7 * day;
const testDays = 14;
const epochs = 40;

/**
 * From each half-hour of the last 14 days, the 48 after it are forecast from what lay before. The network sees, for the last day, the
 * demand and its change on the week before, and gives the change of the next day on the week before it; the last 14 days are never trained on.
 */
export async function electricityQuality(data: string, say: (line: string) => void): Promise<QualityRow> {
  const text = await readFile(`${data}/taylor-electricity/taylor-electricity.csv`, "utf8");
  const demand = text
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => Number(line.split(",")[1]));
  const end = demand.length - day;
  const testFrom = demand.length - testDays * day;
  const validationFrom = testFrom - 7 * day;
  const origins = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  // A forecast of the training or validation part ends before the next part begins.
  const train = origins(week + day, validationFrom - day);
  const [validation, test] = [origins(validationFrom, testFrom - day), origins(testFrom, end)];
  const known = demand.slice(0, validationFrom);
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const scale = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / known.length);
  const change = (t: number) => (demand[t]! - demand[t - week]!) / scale;
  const dataset = (from: readonly number[]): Dataset => {
    const features = new Float32Array(from.length * day * 2);
    const targets = new Float32Array(from.length * day);
    from.forEach((origin, row) => {
      for (let i = 0; i < day; i++) {
        features[(row * day + i) * 2] = (demand[origin - day + i]! - mean) / scale;
        features[(row * day + i) * 2 + 1] = change(origin - day + i);
        targets[row * day + i] = change(origin + i);
      }
    });
    return { features: tensor("float32", features, [from.length, day, 2]), targets: tensor("float32", targets, [from.length, day]) };
  };
  const problem: Problem = {
    network: architectures.gru.build({ inputShape: [day, 2], outputs: day }, { layers: [64], keepProbability: 0.8 }),
    loss: losses.meanSquared,
    inputShape: [day, 2],
    outputs: day,
  };
  const started = performance.now();
  const { theta, bestEpoch } = await fit(
    problem,
    { train: dataset(train), validation: dataset(validation) },
    {
      optimizer: optimizerByName("adamw"),
      learningRate: 0.002,
      schedule: scheduleByName("cosine"),
      epochs,
      batchSize: 64,
      seed: 1,
      executor,
    },
  );
  const seconds = (performance.now() - started) / 1000;
  const evaluator = await createEvaluator(problem, layoutOf(problem), executor);
  const { prediction } = await evaluator.evaluate(theta, dataset(test));
  await evaluator.dispose();
  const errors = test.map((origin, row) => {
    let [ours, naive] = [0, 0];
    for (let i = 0; i < day; i++) {
      ours += Math.abs(scale * (change(origin + i) - prediction[row * day + i]!)) / day;
      naive += Math.abs(scale * change(origin + i)) / day;
    }
    return { ours, naive };
  });
  const average = (of: (error: (typeof errors)[number]) => number) => errors.reduce((sum, error) => sum + of(error), 0) / errors.length;
  const [ours, naive] = [average((error) => error.ours), average((error) => error.naive)];
  say(`  electricity: ${ours.toFixed(0)} MW against ${naive.toFixed(0)} MW (best epoch ${bestEpoch})`);
  // Forecasts from neighbouring half-hours overlap: one figure a day.
  const daily = Array.from({ length: Math.floor(errors.length / day) }, (_, i) => errors.slice(i * day, (i + 1) * day)).map(
    (some) => some.reduce((sum, error) => sum + error.ours - error.naive, 0) / some.length,
  );
  return {
    name: "taylor-electricity",
    what:
      `\`gru\` of 64 units over a day, 48 half-hours ahead from each half-hour of the last ${testDays} days; mean absolute error ${ours.toFixed(0)} MW, ` +
      `the same half-hour of the week before ${naive.toFixed(0)} MW; the figure is the difference in MW, its interval over days`,
    figure: { ...meanInterval(daily), value: ours - naive },
    wanted: "below 0",
    met: ours < naive,
    seconds,
  };
}

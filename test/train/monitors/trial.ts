/** One training of the study: a subject with a fault or without, what the monitors said, and what was measured apart from them. */
import { compile } from "../../../src/exec/executor.ts";
import type { Session } from "../../../src/exec/session.ts";
import { tensor, type Tensor } from "../../../src/ir/tensor.ts";
import type { AnyLayer } from "../../../src/nn/layers/index.ts";
import type { Loss } from "../../../src/nn/loss.ts";
import { sequential } from "../../../src/nn/network.ts";
import { isTrainable, parameterViews, type ParameterLayout } from "../../../src/nn/parameters.ts";
import { optimizerByName } from "../../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../../src/optim/schedules/index.ts";
import { rowsOf, type Dataset } from "../../../src/train/dataset.ts";
import { fit, type FitOptions } from "../../../src/train/fit.ts";
import { trainingModeGraph, unitGraph } from "../../../src/train/health-graphs.ts";
import { watchHealth } from "../../../src/train/health.ts";
import { createMasks } from "../../../src/train/masks.ts";
import type { HealthRecord } from "../../../src/train/monitor.ts";
import { monitors } from "../../../src/train/monitors/index.ts";
import { gradientGraph, layoutOf, masksOf, type Problem } from "../../../src/train/step-graph.ts";
import { layersOf, type Subject } from "./subjects.ts";

/** What a fault changes. */
export interface Change {
  readonly subject?: Partial<Subject>;
  /** In place of the subject's own. */
  readonly layers?: readonly AnyLayer[];
  readonly loss?: Loss;
  readonly data?: (data: Dataset) => Dataset;
  readonly initialize?: (theta: Float32Array, layout: ParameterLayout) => void;
  readonly options?: Partial<FitOptions>;
  /** What the first non-finite tensor must be of. */
  readonly place?: RegExp;
}

/** Measured on the whole training part, in float64 where sums are concerned, from the weights at the ends of epochs. */
export interface Measures {
  /** Mean training loss by epoch over what knowing nothing costs; Infinity from a divergence on. */
  readonly curve: readonly number[];
  /** log₁₀ of the largest and the smallest rms of a weight tensor's gradient against the last one's, over the first epochs. */
  readonly up: number;
  readonly down: number;
  /** ‖Δθ‖/‖θ‖ over one epoch, median over epochs: of the tensor that moves most; log₁₀. */
  readonly stride: number;
  /** The first weights' way against the last ones', each against its length; log₁₀. */
  readonly still: number;
  /** Largest share of dead ReLU units of a layer at the end, and of saturated units after the first epoch. */
  readonly dead: number;
  readonly saturated: number;
  /** Evaluation less training mode, over training mode, at the end; 0 without modes. */
  readonly modes: number;
  /** The same difference over what knowing nothing costs. */
  readonly behind: number;
  /** log₁₀ of the gradient's noise scale over the batch, after the first epoch. */
  readonly noise: number;
  /** Of all weights, against the start; log₁₀. */
  readonly shrunk: number;
}

export interface Trial {
  readonly name: string;
  readonly diverged: boolean;
  readonly findings: readonly { readonly rule: string; readonly severity: string; readonly subject?: string; readonly follows?: string }[];
  readonly measures: Measures;
  readonly record: HealthRecord;
}

const executor = { name: "platform", compile };

export async function runTrial(base: Subject, change: Change, seed: number, limits?: Parameters<typeof watchHealth>[0]): Promise<Trial> {
  const subject = { ...base, ...change.subject };
  const { rows } = subject;
  const problem: Problem = {
    network: sequential(change.layers ?? layersOf(subject)),
    loss: change.loss ?? rows.loss,
    inputShape: [rows.inputs],
    outputs: rows.outputs,
  };
  const data = change.data?.(rows.data) ?? rows.data;
  const optimizer = optimizerByName(subject.optimizer, {});
  const thetas: Float32Array[] = [];
  let record: HealthRecord | undefined;
  const watch = watchHealth({ ...limits, onRecord: (seen) => (record = seen) });
  const result = await fit(
    problem,
    { train: data },
    {
      optimizer,
      learningRate: subject.learningRate,
      schedule: scheduleByName("constant"),
      epochs: subject.epochs,
      batchSize: subject.batchSize,
      seed,
      executor,
      threads: 1,
      ...(change.initialize ? { initialize: change.initialize } : {}),
      async observe(training) {
        const observer = await watch(training);
        return {
          ...observer,
          seeEpoch(figures, theta) {
            thetas.push(theta.slice());
            return observer.seeEpoch(figures, theta);
          },
        };
      },
      ...change.options,
    },
  );
  const diverged = result.reason === "diverged";
  const nothing = record!.facts.constantLoss ?? result.history[0]!.train.loss;
  const curve = Array.from({ length: subject.epochs + 1 }, (_, epoch) => (result.history[epoch]?.train.loss ?? Infinity) / nothing);
  const measures = await measure(problem, data, thetas, { curve, batch: subject.batchSize });
  const findings = result.findings
    .filter(({ source, rule }) => source !== undefined && record && rule in known)
    .map(({ rule, severity, subject: about, follows }) => ({
      rule,
      severity,
      ...(about ? { subject: about } : {}),
      ...(follows ? { follows } : {}),
    }));
  return { name: subject.name, diverged, findings, measures, record: record! };
}

/** Rules of the curves' judgement at the end of a training are none of the monitors'. */
const known = Object.fromEntries(monitors.map(({ name }) => [name, true]));

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
const log = (value: number) => Math.log10(Math.max(value, 1e-30));

async function measure(
  problem: Problem,
  data: Dataset,
  thetas: readonly Float32Array[],
  { curve, batch }: { readonly curve: readonly number[]; readonly batch: number },
): Promise<Measures> {
  const layout = layoutOf(problem);
  const weights = layout.slots.filter((slot) => isTrainable(layout, slot) && slot.role === "weight");
  const [first, last] = [weights[0]!, weights.at(-1)!];
  const of = (theta: Float32Array, { offset, size }: (typeof weights)[number]) => theta.subarray(offset, offset + size);
  const [start, end] = [thetas[0]!, thetas.at(-1)!];
  const ways = (slot: (typeof weights)[number]) =>
    thetas.slice(1).map((theta, i) => {
      const [before, after] = [of(thetas[i]!, slot), of(theta, slot)];
      return norm(after.map((value, k) => value - before[k]!)) / norm(before);
    });
  const gradients = await session(gradientGraph(problem, layout));
  const units = unitGraph(problem, layout);
  const unitSession = await session(units.graph);
  const ratios: { up: number; down: number }[] = [];
  for (const theta of thetas.slice(0, 4)) {
    const found = await gradients.run(feeds(problem, layout, data, theta));
    const size = ({ name, size: n }: (typeof weights)[number]) => norm(found[`gradient/${name}`]!.data as Float32Array) / Math.sqrt(n);
    const all = weights.slice(0, -1).map((slot) => log(size(slot)) - log(size(last)));
    ratios.push({ up: Math.max(...all, 0), down: Math.min(...all, 0) });
  }
  const found = await unitSession.run(plainFeeds(data, layout, end));
  const begun = await unitSession.run(plainFeeds(data, layout, thetas[Math.min(1, thetas.length - 1)]!));
  const shares = (seen: typeof found, activation: (name: string) => boolean, is: (figure: number) => boolean) =>
    units.layers
      .filter((layer) => activation(layer.activation))
      .map(({ name }) => {
        const figures = seen[`units/${name}`]!.data as Float32Array;
        return figures.filter(is).length / figures.length;
      });
  const evaluation = (found["loss"]!.data as Float32Array).reduce((sum, value) => sum + value, 0) / rowsOf(data);
  const other = { share: await modes(problem, layout, data, end, { batch, evaluation }) };
  const early = thetas
    .slice(1)
    .filter((_, i) => curve[i + 1]! > 0.5)
    .slice(0, 2);
  const descent = early.length > 0 ? early : [start];
  const measures: Measures = {
    curve,
    up: middle(ratios.slice(0, 2).map(({ up }) => up)),
    down: middle(ratios.map(({ down }) => down)),
    stride: thetas.length < 2 ? NaN : Math.max(...weights.map((slot) => log(middle(ways(slot))))),
    still: thetas.length < 2 ? NaN : log(middle(ways(first))) - log(middle(ways(last))),
    dead: Math.max(
      0,
      ...shares(
        found,
        (name) => name === "relu",
        (largest) => !(largest > 0),
      ),
    ),
    saturated: Math.max(
      0,
      ...shares(
        begun,
        (name) => name !== "relu",
        (share) => share > 0.5,
      ),
    ),
    modes: other.share,
    behind: (other.share / (1 + other.share)) * curve.at(-1)!,
    noise: log((await noiseScale(gradients, problem, layout, data, descent)) / batch),
    shrunk: Math.min(...weights.map((slot) => log(norm(of(end, slot)) / norm(of(start, slot))))),
  };
  await gradients.dispose();
  await unitSession.dispose();
  return measures;
}

const session = (wanted: Parameters<typeof compile>[0]): Promise<Session> => compile(wanted, { threads: 1 });

function plainFeeds(data: Dataset, layout: ParameterLayout, theta: Float32Array, rows?: Int32Array): Record<string, Tensor> {
  const chosen = rows ?? Int32Array.from({ length: rowsOf(data) }, (_, row) => row);
  return { features: data.features, targets: data.targets, rows: tensor("int32", chosen), ...parameterViews(layout, theta) };
}

/** A step on chosen rows, nothing dropped. */
function feeds(problem: Problem, layout: ParameterLayout, data: Dataset, theta: Float32Array, rows?: Int32Array): Record<string, Tensor> {
  const n = rows?.length ?? rowsOf(data);
  const masks = masksOf(problem).map(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, n);
    return [`mask/${name}`, tensor("float32", new Float32Array(size).fill(1), [n, ...shape])] as const;
  });
  return { ...plainFeeds(data, layout, theta, rows), share: tensor("float32", 1 / n), ...Object.fromEntries(masks) };
}

/** (evaluation − training)/training, over whole batches in order and eight draws of masks. */
async function modes(
  problem: Problem,
  layout: ParameterLayout,
  data: Dataset,
  theta: Float32Array,
  { batch, evaluation }: { readonly batch: number; readonly evaluation: number },
): Promise<number> {
  const graph = trainingModeGraph(problem, layout);
  if (!graph) return 0;
  const run = await session(graph);
  const masks = createMasks(masksOf(problem), 77);
  let [sum, count] = [0, 0];
  for (let draw = 0; draw < 8; draw++) {
    for (let at = 0; at + batch <= rowsOf(data); at += batch) {
      const rows = Int32Array.from({ length: batch }, (_, i) => at + i);
      const found = await run.run({ ...plainFeeds(data, layout, theta, rows), ...masks.draw(draw * 1000 + at, batch) });
      for (const loss of found["loss"]!.data as Float32Array) sum += loss;
      count += batch;
    }
  }
  await run.dispose();
  return (evaluation - sum / count) / (sum / count);
}

/** tr Σ/‖G‖² from the gradients of single rows, at most 120 of them, summed over points of the descent; ‖G‖² without its bias. */
async function noiseScale(
  run: Session,
  problem: Problem,
  layout: ParameterLayout,
  data: Dataset,
  thetas: readonly Float32Array[],
): Promise<number> {
  const n = Math.min(120, rowsOf(data));
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot));
  let [signal, variance, largest] = [0, 0, 0];
  for (const theta of thetas) {
    const sum = new Float64Array(layout.trainable);
    let squares = 0;
    for (let row = 0; row < n; row++) {
      const found = await run.run(feeds(problem, layout, data, theta, Int32Array.of(row)));
      for (const { name, offset } of trained) {
        const g = found[`gradient/${name}`]!.data as Float32Array;
        for (let i = 0; i < g.length; i++) {
          sum[offset + i]! += g[i]!;
          squares += g[i]! ** 2;
        }
      }
    }
    const whole = sum.reduce((total, value) => total + (value / n) ** 2, 0);
    const own = (squares / n - whole) * (n / (n - 1));
    variance += own;
    signal += whole - own / n;
    largest += whole;
  }
  return variance / Math.max(signal, 1e-3 * largest);
}

/** Faults to plant, one kind for each monitor, from barely visible to gross; and whether a training has what a monitor is for. */
import { tensor } from "../../../src/ir/tensor.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { batchNorm } from "../../../src/nn/layers/batch-norm.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { dropout } from "../../../src/nn/layers/dropout.ts";
import type { AnyLayer } from "../../../src/nn/layers/index.ts";
import { defineLayer } from "../../../src/nn/own-layer.ts";
import type { ParameterLayout } from "../../../src/nn/parameters.ts";
import { ops } from "../../../src/ops/build.ts";
import { pickDataset, rowsOf, type Dataset } from "../../../src/train/dataset.ts";
import type { Schedule } from "../../../src/optim/schedule.ts";
import type { Rng } from "../../../src/util/rng.ts";
import { layersOf, type Subject } from "./subjects.ts";
import type { Change, Measures, Trial } from "./trial.ts";

export interface Fault {
  /** The monitor that is to find it. */
  readonly monitor: string;
  /** What is planted, in words. */
  readonly what: string;
  /** @param strength 0 to 1, from nearly nothing to gross */
  plant(subject: Subject, strength: number, draw: Rng): Change;
}

/** From a to b, even on the logarithm. */
const between = (a: number, b: number, strength: number) => a * (b / a) ** strength;

const overflow = defineLayer({ kind: "overflow", build: ({ k }: { readonly k: number }, x) => ops.Log(ops.Sub(k, ops.Abs(x))) });
const misscaled = defineLayer({
  kind: "misscaled",
  build: ({ k }: { readonly k: number }, x, { training }) => (training ? x : ops.Mul(x, k)),
});

const scaled =
  (factor: number, which: (name: string) => boolean = () => true) =>
  (theta: Float32Array, layout: ParameterLayout) => {
    for (const { name, role, offset, size } of layout.slots)
      if (role === "weight" && which(name)) for (let i = offset; i < offset + size; i++) theta[i]! *= factor;
  };

const deep = (subject: Subject, depth: number, kind: Subject["activation"]): AnyLayer[] => [
  ...Array.from({ length: depth }, () => [dense(16), activation(kind)]).flat(),
  dense(subject.rows.outputs),
];

const changed = (data: Dataset, change: (features: Float32Array) => void): Dataset => {
  const features = (data.features.data as Float32Array).slice();
  change(features);
  return { ...data, features: tensor("float32", features, data.features.shape) };
};

const descent = (subject: Subject): Partial<Subject> => ({
  optimizer: "sgd",
  learningRate: subject.activation === "sigmoid" ? 0.4 : 0.1,
});

const faster = (subject: Subject, strength: number, from: number, to: number): Change => ({
  subject: { learningRate: subject.learningRate * between(from, to, strength) },
});

export const faults: readonly Fault[] = [
  {
    monitor: "non-finite",
    what: "an infinite weight or input, log of a number that turns negative, a learning rate that overflows",
    plant(subject, strength, draw) {
      const kind = draw.integer(4);
      if (kind === 0) {
        const at = draw.uniform();
        return {
          initialize: (theta, layout) => void (theta[Math.floor(at * layout.trainable)] = strength < 0.5 ? NaN : Infinity),
          place: /dense/,
        };
      }
      if (kind === 1) {
        const at = draw.uniform();
        const data = (rows: Dataset) => changed(rows, (features) => void (features[Math.floor(at * features.length)] = Infinity));
        return { data, place: /output of dense_1/ };
      }
      // Below strength ½ the logarithm breaks after some steps, above it at once.
      if (kind === 2) return { layers: layersOf(subject, [overflow({ k: between(8, 0.5, strength) })]), place: /overflow_1/ };
      return { subject: { optimizer: "sgd", learningRate: between(30, 3e4, strength) } };
    },
  },
  {
    monitor: "vanishing-gradient",
    what: "deep sigmoid or tanh networks under plain descent, weights at the start too small",
    plant(subject, strength, draw) {
      const kind = draw.integer(2) === 0 ? "sigmoid" : "tanh";
      const depth = 3 + Math.round(5 * strength);
      const factor = kind === "sigmoid" ? between(1, 0.5, strength) : between(0.5, 0.15, strength);
      return {
        subject: descent(subject),
        layers: deep(subject, depth, kind),
        initialize: scaled(factor, (name) => !/dense_1\//.test(name)),
      };
    },
  },
  {
    monitor: "exploding-gradient",
    what: "layers of unlike scale: weights of the first too small and of the last too large, so that gradients grow on their way back",
    plant(subject, strength) {
      const factor = between(4, 200, strength);
      const last = `dense_${subject.hidden.length + 1}/`;
      const initialize = (theta: Float32Array, layout: ParameterLayout) => {
        scaled(1 / factor, (name) => name.startsWith("dense_1/"))(theta, layout);
        scaled(factor, (name) => name.startsWith(last))(theta, layout);
      };
      return { subject: descent(subject), initialize };
    },
  },
  {
    monitor: "update-ratio",
    what: "a learning rate too high or too low",
    plant(subject, strength, draw) {
      return draw.integer(2) === 0 ? faster(subject, strength, 4, 1000) : faster(subject, strength, 0.25, 1e-5);
    },
  },
  {
    monitor: "dead-units",
    what: "biases of a ReLU layer that start too low",
    plant(_, strength) {
      const start = -between(0.5, 20, strength);
      const initialize = (theta: Float32Array, layout: ParameterLayout) => {
        const bias = layout.slots.find(({ name }) => name === "dense_1/b")!;
        theta.fill(start, bias.offset, bias.offset + bias.size);
      };
      return { subject: { activation: "relu" }, initialize };
    },
  },
  {
    monitor: "saturation",
    what: "weights of tanh and sigmoid layers too large at the start, or inputs that were not standardised",
    plant(subject, strength, draw) {
      const kind = subject.activation === "relu" ? "tanh" : subject.activation;
      const factor = between(1.5, 60, strength) * (kind === "sigmoid" ? 2 : 1);
      if (draw.integer(2) === 0) return { subject: { activation: kind }, initialize: scaled(factor, (name) => /dense_1\//.test(name)) };
      const data = (rows: Dataset) =>
        changed(rows, (features) => {
          for (let i = 0; i < features.length; i++) features[i]! *= factor;
        });
      return { subject: { activation: kind }, data };
    },
  },
  {
    monitor: "not-decreasing",
    what: "inputs that say nothing (their rows shuffled, a large part or all of them 0), gradients cut off by tiny steps",
    plant(subject, strength, draw) {
      if (draw.integer(2) === 0) return faster(subject, strength, 1e-3, 1e-7);
      const order = draw.permutation(1 << 16);
      const share = between(0.97, 1, strength);
      const data = (rows: Dataset) =>
        changed(rows, (features) => {
          for (let i = 0; i < features.length; i++) if (order[i % order.length]! < share * order.length) features[i] = 0;
        });
      return { data };
    },
  },
  {
    monitor: "oscillating",
    what: "a learning rate at the edge of what is stable, or one that a schedule raises in every other epoch",
    plant(subject, strength, draw) {
      if (draw.integer(3) > 0) {
        const k = between(4, 100, strength);
        const factor: Schedule["factor"] = ({ done, perEpoch }) => (Math.floor(done / perEpoch) % 2 === 0 ? 1 : k);
        return { options: { schedule: { kind: "constant", settings: {}, factor } } };
      }
      const edge = { sgd: 1, momentum: 0.1, nesterov: 0.1, rmsprop: 0.05, adam: 0.08, adamw: 0.08 }[subject.optimizer];
      return { subject: { learningRate: edge * between(1, 6, strength), epochs: 20 } };
    },
  },
  {
    monitor: "diverging",
    what: "a learning rate beyond what is stable",
    plant: (subject, strength) => ({
      subject: {
        learningRate:
          { sgd: 2, momentum: 0.3, nesterov: 0.3, rmsprop: 0.3, adam: 0.4, adamw: 0.4 }[subject.optimizer] * between(1, 30, strength),
      },
    }),
  },
  {
    monitor: "penalty-dominates",
    what: "λ of L2 too large",
    plant: (subject, strength) => ({
      subject: subject.optimizer === "adamw" ? { optimizer: "adam" } : {},
      options: { regularizer: { l2: rowsOf(subject.rows.data) * between(0.01, 3, strength) } },
    }),
  },
  {
    monitor: "train-eval-switch",
    what: "a layer whose scale differs between the modes, running statistics that do not follow",
    plant(subject, strength, draw) {
      if (draw.integer(2) === 0) {
        const k = between(1.3, 8, strength);
        return { layers: layersOf(subject, [misscaled({ k: draw.integer(2) === 0 ? k : 1 / k })]) };
      }
      const stale = { ...batchNorm(), momentum: 1 - between(0.02, 1e-4, strength) } as AnyLayer;
      const data = (rows: Dataset) =>
        changed(rows, (features) => {
          for (let i = 0; i < features.length; i++) features[i]! *= 4;
        });
      return { layers: layersOf(subject, [stale]), data };
    },
  },
  {
    monitor: "batch-size",
    what: "a batch far below the noise scale: few rows, labels partly drawn at random",
    plant(subject, strength, draw) {
      const share = between(0.3, 0.9, strength);
      const order = draw.permutation(rowsOf(subject.rows.data));
      const mixed = Math.round(share * order.length);
      const data = (rows: Dataset): Dataset => {
        const from = Int32Array.from(order.keys());
        for (let i = 0; i < mixed; i++) from[order[i]!] = order[(i + 1) % mixed]!;
        return { ...rows, targets: pickDataset({ features: rows.targets, targets: rows.targets }, from).targets };
      };
      return { data, subject: { batchSize: 4, epochs: 6, learningRate: subject.learningRate / 4 } };
    },
  },
];

/** Healthy trainings that have what monitors look at: dropout, batch normalisation, penalties of a usual strength. */
export function harmless(subject: Subject, draw: Rng): Change {
  switch (draw.integer(5)) {
    case 0:
      return { layers: layersOf(subject, [dropout(0.8)]) };
    case 1:
      return { layers: layersOf(subject, [batchNorm()]) };
    case 2:
      return { options: { regularizer: { l2: 0.5 } } };
    default:
      return {};
  }
}

/** Means and standard deviations of the same subjects without a fault, over seeds. */
export type Healthy = { readonly [M in Exclude<keyof Measures, "curve" | "behind">]: Spread } & {
  readonly end: Spread;
  readonly swing: Spread;
};
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

const tail = (curve: readonly number[]) => curve.slice(-3).reduce((sum, value) => sum + value, 0) / 3;

/** log₁₀ of the loss at the end over what knowing nothing costs. */
export const endOf = ({ curve }: Measures) => Math.log10(Math.max(tail(curve), 1e-6));

/** Median change from epoch to epoch over the second half, over what knowing nothing costs, where more than half of the changes turn; else 0. */
export function swingOf({ curve }: Measures): number {
  const seen = curve.slice(1);
  const steps = seen.slice(1).map((value, i) => value - seen[i]!);
  let most = 0;
  for (let at = 0; at + 7 <= steps.length; at++) {
    const part = steps.slice(at, at + 7);
    const turns = part.slice(1).filter((step, i) => step * part[i]! < 0).length;
    if (turns > 3) most = Math.max(most, part.map(Math.abs).toSorted((a, b) => a - b)[3]!);
  }
  return most;
}

/** By how many standard deviations a figure is above the healthy ones. */
const above = (value: number, { mean, deviation }: Spread) => (value - mean) / deviation;

/**
 * What a monitor is for, by its effect on a training. `certain`: at least twice the noise of healthy trainings, and harmful where harm is
 * meant. `absent`: within the noise. What lies between counts neither way.
 */
export const effects: Readonly<
  Record<string, { certain(trial: Trial, healthy: Healthy): boolean; absent(trial: Trial, healthy: Healthy): boolean }>
> = {
  "non-finite": { certain: ({ diverged }) => diverged, absent: ({ diverged }) => !diverged },
  "vanishing-gradient": {
    certain: (t, h) => worse(t, h) && below(t.measures.down, h.down) > 2 && t.measures.down < -1.5 && t.measures.still < -1.3,
    absent: ({ measures: { down, still } }) => down > -1 || still > -0.7,
  },
  "exploding-gradient": {
    certain: ({ measures: { up } }, h) => above(up, h.up) > 2 && up > 1.1,
    absent: ({ diverged, measures: { up } }) => up < 0.5 && !diverged,
  },
  "update-ratio": {
    certain: (t, h) => worse(t, h) && Math.abs(above(t.measures.stride, h.stride)) > 2,
    absent: (t, h) => Math.abs(above(t.measures.stride, h.stride)) < 2 && !t.diverged,
  },
  "dead-units": {
    certain: (t, h) => above(t.measures.dead, h.dead) > 2 && t.measures.dead > 0.3,
    absent: (t, h) => above(t.measures.dead, h.dead) < 2 && t.measures.dead < 0.2,
  },
  saturation: {
    certain: (t, h) => above(t.measures.saturated, h.saturated) > 2 && t.measures.saturated > 0.6 && t.measures.curve[1]! > 0.15,
    absent: (t, h) => above(t.measures.saturated, h.saturated) < 2 && t.measures.saturated < 0.5,
  },
  "not-decreasing": {
    certain: ({ measures: { curve } }) => tail(curve) > 0.93 && tail(curve) > 0.93 * curve[0]! && tail(curve) < 1.5,
    absent: ({ measures: { curve } }) => tail(curve) < 0.85,
  },
  oscillating: {
    certain: (t, h) => above(swingOf(t.measures), h.swing) > 2 && swingOf(t.measures) > 0.07,
    absent: (t, h) => above(swingOf(t.measures), h.swing) < 2 || swingOf(t.measures) < 0.03,
  },
  diverging: {
    certain: ({ diverged, measures: { curve } }) => !diverged && usual(curve) > 2 && usual(curve) > 2 * Math.min(...curve),
    absent: ({ diverged, measures: { curve } }) => !diverged && usual(curve) < 1.2,
  },
  "penalty-dominates": {
    certain: (t, h) => worse(t, h) && t.measures.shrunk < -0.5,
    absent: ({ measures: { shrunk } }) => shrunk > -0.3,
  },
  "train-eval-switch": {
    certain: (t, h) => above(t.measures.modes, h.modes) > 2 && t.measures.modes > 0.7 && t.measures.behind > 0.05,
    absent: (t, h) => above(t.measures.modes, h.modes) < 2 || t.measures.modes < 0.3,
  },
  "batch-size": { certain: ({ measures: { noise } }) => noise > 1.3, absent: ({ measures: { noise } }) => noise < 0.5 },
};

const usual = (curve: readonly number[]) => curve.slice(-5).toSorted((a, b) => a - b)[2]!;
const below = (value: number, { mean, deviation }: Spread) => (mean - value) / deviation;
const worse = ({ measures }: Trial, { end }: Healthy) => above(endOf(measures), end) > 2;

/** Measures what the health monitors judge: a step from inside, and units and modes over a sample. Sessions are made when first needed. */
import type { Device, Executor, Session } from "../exec/session.ts";
import type { Graph } from "../ir/graph.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { isTrainable, parameterViews, type ParameterLayout, type Slot } from "../nn/parameters.ts";
import { pickDataset, rowsOf, type Dataset, type TrainingData } from "./dataset.ts";
import { lookGraph, trainingModeGraph, unitGraph, type WatchedLayer } from "./health-graphs.ts";
import { createMasks } from "./masks.ts";
import type { LayerUnits, StepLook, TensorLook, UnitLook } from "./monitor.ts";
import type { ObservedStep } from "./observer.ts";
import { masksOf, type Problem } from "./step-graph.ts";
import { rng } from "../util/rng.ts";

/** What the weights are pulled by besides the data. */
export interface Pull {
  /** ‖∇ penalty‖ of a tensor; 0 where it has none. */
  readonly penalty: (slot: Slot, theta: Float32Array) => number;
  /** Decoupled decay of weights, 1/step at learning rate 1. */
  readonly weightDecay: number;
}

export interface LookOptions {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  readonly train: TrainingData;
  readonly batch: number;
  readonly seed: number;
  readonly executor: Executor;
  readonly runtime: { readonly threads?: number; readonly device?: Device };
  readonly pull: Pull;
}

export interface Looks {
  step(seen: ObservedStep): Promise<StepLook>;
  units(at: { readonly step: number; readonly epoch: number }, theta: Float32Array): Promise<UnitLook>;
  dispose(): Promise<void>;
}

/** Examples that units and modes are seen on, where the training part has so many. */
const sampleRows = 1024;
/** Of these in one call: what a convolution makes of all of them at once would take more memory than the steps do. */
const callRows = 128;
/** Fewer rows have no two halves. */
const leastForNoise = 4;

export function createLooks(options: LookOptions): Looks {
  const { executor, runtime } = options;
  const sessions: Session[] = [];
  const opened: Open = async (graph, ...batches) => {
    const session = await executor.compile(graph, { ...runtime, sizes: batches.map((batch) => ({ batch })) });
    sessions.push(session);
    return session;
  };
  let step: Promise<Looks["step"]> | undefined;
  let units: Promise<Looks["units"]> | undefined;
  return {
    step: async (seen) => (await (step ??= stepLooks(options, opened)))(seen),
    units: async (at, theta) => (await (units ??= unitLooks(options, opened)))(at, theta),
    async dispose() {
      await Promise.all(sessions.map((session) => session.dispose()));
    },
  };
}

type Open = (graph: Graph, ...batches: number[]) => Promise<Session>;

const feedsOf = ({ features, targets, lengths }: Dataset) => ({ features, targets, ...(lengths ? { lengths } : {}) });

async function stepLooks({ problem, layout, batch, seed, pull }: LookOptions, open: Open): Promise<Looks["step"]> {
  const graph = lookGraph(problem, layout);
  const session = await open(graph, batch >> 1);
  const masks = createMasks(masksOf(problem), seed);
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot));
  const signals = graph.outputs.flatMap(({ name }) => (name.startsWith("square/") ? [name.slice("square/".length)] : []));
  const gradients = [new Float32Array(layout.trainable), new Float32Array(layout.trainable)] as const;
  const into = gradients.map((g) =>
    Object.fromEntries(
      trained.map(({ name, shape, offset, size }) => [`gradient/${name}`, tensor("float32", g.subarray(offset, offset + size), shape)]),
    ),
  );
  return async (seen) => {
    const { data, rows } = seen.examples();
    const drawn = masks.draw(seen.step, rows.length);
    const parameters = parameterViews(layout, seen.before);
    const part = async (from: number, to: number, half: 0 | 1) => {
      const feeds = {
        ...feedsOf(data),
        ...parameters,
        ...Object.fromEntries(Object.entries(drawn).map(([name, mask]) => [name, cut(mask, from, to)])),
        rows: tensor("int32", rows.slice(from, to)),
        share: sharesOf(data, rows, from, to),
      };
      const found = await session.run(feeds, into[half]!);
      const loss = mean(found["loss"]!.data as Float32Array);
      return { loss, squares: signals.map((name) => Number(found[`square/${name}`]!.data[0])) };
    };
    const half = rows.length >> 1;
    const halved = rows.length >= leastForNoise;
    const first = await part(0, halved ? half : rows.length, 0);
    const second = halved ? await part(half, 2 * half, 1) : first;
    const [a, b] = [gradients[0], halved ? gradients[1] : gradients[0]];
    let [own, crossed] = [0, 0];
    const tensors = trained.map((slot): TensorLook => {
      const { name, role, offset, size } = slot;
      const end = offset + size;
      const [aa, bb, ab] = [dot(a, a, offset, end), dot(b, b, offset, end), dot(a, b, offset, end)];
      own += (aa + bb) / 2;
      crossed += ab;
      const weight = Math.sqrt(dot(seen.before, seen.before, offset, end));
      const [changed, along] = change(seen.before, seen.after, offset, end);
      const decay = role === "weight" ? seen.learningRate * pull.weightDecay : 0;
      const penalty = decay > 0 ? decay * weight : pull.penalty(slot, seen.before);
      return {
        name,
        role: role as TensorLook["role"],
        size,
        weight,
        gradient: Math.sqrt(Math.max(0, (aa + bb + 2 * ab) / 4)),
        update: Math.sqrt(changed),
        ...(penalty > 0 ? { penalty } : {}),
        // ‖Δ + δw‖² = ‖Δ‖² + 2δ⟨Δ, w⟩ + δ²‖w‖².
        ...(decay > 0 ? { learnt: Math.sqrt(Math.max(0, changed + 2 * decay * along + (decay * weight) ** 2)) } : {}),
      };
    });
    return {
      step: seen.step,
      epoch: seen.epoch,
      learningRate: seen.learningRate,
      loss: (first.loss + second.loss) / 2,
      signals: signals.map((name, i) => ({ name, rms: Math.sqrt((first.squares[i]! + second.squares[i]!) / 2) })),
      tensors,
      // E⟨g₁, g₂⟩ = ‖G‖² and E‖g₁‖² = ‖G‖² + tr Σ/half.
      ...(halved ? { noise: { signal: crossed, variance: half * (own - crossed) } } : {}),
    };
  };
}

/** 1/rows each, times the row's weight where rows have weights. */
function sharesOf({ weights }: Dataset, rows: Int32Array, from: number, to: number): Tensor {
  const known = weights?.data as Float32Array | undefined;
  return tensor(
    "float32",
    Float32Array.from({ length: to - from }, (_, i) => (known ? known[rows[from + i]!]! : 1) / (to - from)),
  );
}

function cut({ data, shape }: Tensor, from: number, to: number): Tensor {
  const width = data.length / shape[0]!;
  return tensor("float32", (data as Float32Array).subarray(from * width, to * width), [to - from, ...shape.slice(1)]);
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Σ aᵢbᵢ in float64; four sums at once, since one would wait for each addition. */
function dot(a: Float32Array, b: Float32Array, from: number, to: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = from;
  for (; i + 3 < to; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (; i < to; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + s2 + s3;
}

/** ‖Δ‖² and ⟨Δ, before⟩. */
function change(before: Float32Array, after: Float32Array, from: number, to: number): readonly [squares: number, along: number] {
  let [s0, s1, t0, t1] = [0, 0, 0, 0];
  let i = from;
  for (; i + 1 < to; i += 2) {
    const [x, y] = [before[i]!, before[i + 1]!];
    const [d, e] = [after[i]! - x, after[i + 1]! - y];
    s0 += d * d;
    s1 += e * e;
    t0 += d * x;
    t1 += e * y;
  }
  for (; i < to; i++) {
    const d = after[i]! - before[i]!;
    s0 += d * d;
    t0 += d * before[i]!;
  }
  return [s0 + s1, t0 + t1];
}

async function unitLooks(options: LookOptions, open: Open): Promise<Looks["units"]> {
  const { problem, layout, train, seed } = options;
  const n = Math.min(sampleRows, rowsOf(train));
  const sample = pickDataset(train, rng(seed, "health sample").permutation(rowsOf(train)).subarray(0, n).sort());
  const { graph, layers } = unitGraph(problem, layout);
  const calls = callsOf(n, callRows);
  const session = await open(graph, ...new Set(calls.map(({ length }) => length)));
  const inTraining = trainingModeGraph(problem, layout);
  const batch = Math.min(options.batch, n);
  const trainingMode = inTraining && (await trainingLosses(options, sample, await open(inTraining, batch), batch));
  return async ({ step, epoch }, theta) => {
    const parameters = parameterViews(layout, theta);
    const losses = new Float32Array(n);
    const figures = new Map<string, Float32Array>();
    for (const rows of calls) {
      const found = await session.run({ ...feedsOf(sample), rows: tensor("int32", rows), ...parameters });
      losses.set(found["loss"]!.data as Float32Array, rows[0]!);
      for (const { name, activation } of layers) {
        const own = found[`units/${name}`]!.data as Float32Array;
        const joined = figures.get(name) ?? new Float32Array(own.length).fill(activation === "relu" ? -Infinity : 0);
        own.forEach((figure, unit) => {
          joined[unit] = activation === "relu" ? Math.max(joined[unit]!, figure) : joined[unit]! + (figure * rows.length) / n;
        });
        figures.set(name, joined);
      }
    }
    const loss = mean(losses);
    let squares = 0;
    for (const value of losses) squares += (value - loss) ** 2;
    const other = await trainingMode?.(step, parameters);
    return {
      step,
      epoch,
      examples: n,
      layers: layers.map((layer) => unitsOf(layer, figures.get(layer.name)!)),
      loss,
      deviation: Math.sqrt(squares / Math.max(1, n - 1)),
      ...(other ? { switch: compareModes(losses, other) } : {}),
    };
  };
}

/** Consecutive rows, as many in each call as nearly as can be, at most so many. */
function callsOf(n: number, most: number): Int32Array[] {
  const calls = Math.ceil(n / most);
  const at = (call: number) => Math.floor((call * n) / calls);
  return Array.from({ length: calls }, (_, call) => Int32Array.from({ length: at(call + 1) - at(call) }, (_, i) => at(call) + i));
}

function unitsOf({ name, activation }: WatchedLayer, figures: Float32Array): LayerUnits {
  const count = (is: (figure: number) => boolean) => figures.reduce((sum, figure) => sum + (is(figure) ? 1 : 0), 0);
  const relu = activation === "relu";
  const dead = relu ? count((largest) => !(largest > 0)) : 0;
  return { name, activation, units: figures.length, dead, saturated: relu ? 0 : count((share) => share > 0.5) };
}

/** The losses of the sample's whole batches in training mode, masks drawn apart from those of the steps. */
async function trainingLosses({ problem, seed }: LookOptions, sample: Dataset, session: Session, batch: number) {
  const masks = createMasks(masksOf(problem), rng(seed, "health masks").integer(2 ** 32));
  const whole = Math.floor(rowsOf(sample) / batch);
  return async (step: number, parameters: Readonly<Record<string, Tensor>>): Promise<Float32Array> => {
    const losses = new Float32Array(whole * batch);
    for (let k = 0; k < whole; k++) {
      const rows = tensor(
        "int32",
        Int32Array.from({ length: batch }, (_, i) => k * batch + i),
      );
      const drawn = masks.draw(step * whole + k, batch);
      const found = await session.run({ ...feedsOf(sample), rows, ...parameters, ...drawn });
      losses.set(found["loss"]!.data as Float32Array, k * batch);
    }
    return losses;
  };
}

function compareModes(evaluation: Float32Array, training: Float32Array): NonNullable<UnitLook["switch"]> {
  const n = training.length;
  const differences = training.map((loss, i) => evaluation[i]! - loss);
  const difference = mean(differences);
  let squares = 0;
  for (const value of differences) squares += (value - difference) ** 2;
  return { training: mean(training), difference, error: Math.sqrt(squares / Math.max(1, n * (n - 1))) };
}

/** Runs training steps: small models many steps a call inside Scan, larger ones a call a step with a fused update. */
import type { CompileOptions, Device, Executor, Session } from "../exec/session.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { BatchSource } from "../data/augment-batches.ts";
import { isBuffer, isTrainable, parameterViews, type ParameterLayout } from "../nn/parameters.ts";
import { arenaBytes, createArena } from "../optim/kernels/memory.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { batchDataset, isLazy, rowsOf, sliceRows, type Dataset, type TrainingData } from "./dataset.ts";
import { noClock, type Clock } from "./clock.ts";
import { createMasks } from "./masks.ts";
import { gradientGraph, masksOf, scanGraph, type Problem } from "./step-graph.ts";
import { checkStepOptions, stateNames, stepScalars, updateInPlace, updateRule, type StepOptions } from "./update.ts";

export interface Stepper {
  /** The parameters now. The array may be another one after `run`. */
  readonly theta: Float32Array;
  /** Optimizer state now, one vector per slot. */
  readonly slots: readonly Float32Array[];
  /** The weights to measure and to keep: their average where there is one, else θ. */
  readonly measured: Float32Array;
  /** All that goes from step to step, by name (`theta`, the optimizer's, `average`): written over, a training goes on from there. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Steps that `run` does best at once. */
  readonly stepsPerCall: number;
  /**
   * Consecutive steps of one batch size. Ends early at a loss that is not finite, with θ as it was for that loss.
   * @param rows row numbers, [steps·batch], a batch being all that one update is made of
   * @param firstStep 1 for the first step of the training
   * @param learningRate at each step
   * @returns the loss of each step that was taken, before its update, without the penalty
   */
  run(rows: Int32Array, batch: number, firstStep: number, learningRate: (step: number) => number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface StepperOptions extends StepOptions {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  readonly optimizer: Optimizer;
  readonly data: TrainingData;
  /** Rows per step; the last step of an epoch may have fewer. Where gradients are accumulated, those of one update. */
  readonly batch: number;
  /** m of the penalty; the rows of `data` where left out. */
  readonly examples?: number;
  /** Of the whole training, for an average that begins late; without end where left out. */
  readonly steps?: number;
  readonly executor: Executor;
  readonly threads?: number;
  readonly device?: Device;
  /** Chosen by the number of parameters where left out. */
  readonly form?: "scan" | "fused";
  /** Of the masks' random streams. */
  readonly seed?: number;
  /**
   * Where the examples of a step come from, in place of `data`: an epoch of it has begun with the very rows that `run` is given; where
   * gradients are accumulated its batches are ⌈batch/accumulate⌉ rows.
   */
  readonly batches?: BatchSource;
  /** Told where the time goes. */
  readonly clock?: Clock | undefined;
}

/** Up to this many parameters the copies inside Scan cost less than a call a step saves. */
const scanLimit = 65_536;
/** Below this many parameters a second thread costs more than it brings. */
export const oneThreadLimit = 8192;
const scannedSteps = 32;

/** θ starts at zero: fill it (initialisers, or a saved model) before the first run. */
export function createStepper(options: StepperOptions): Promise<Stepper> {
  checkStepOptions(options);
  const form = options.form ?? (scans(options) ? "scan" : "fused");
  return form === "scan" ? scanStepper(options) : fusedStepper(options);
}

/** Scan is for small networks on rows of numbers, whose parameters all take part and whose steps need nothing but rows. */
function scans({ problem, layout, batches, accumulate = 1 }: StepperOptions): boolean {
  const plain = problem.inputShape.length === 1 && !problem.variableLength && layout.trainable === layout.size && !batches;
  return plain && layout.size <= scanLimit && accumulate === 1;
}

/** How θ changes, and how the loss is made. */
function rulesOf(options: StepperOptions) {
  const { optimizer, layout, data, labelSmoothing, examples = rowsOf(data) } = options;
  const loss = { weighted: data.weights !== undefined, labelSmoothing };
  return { rule: updateRule(optimizer, layout, options, examples), loss };
}

/** Rows whose gradients are computed at once. */
const pieceOf = ({ batch, accumulate = 1 }: Pick<StepperOptions, "batch" | "accumulate">): number => Math.ceil(batch / accumulate);

function compileOptions({ threads, device, layout, data, batch, batches, accumulate = 1 }: StepperOptions): CompileOptions {
  const count = threads ?? (layout.size < oneThreadLimit ? 1 : undefined);
  const rows = rowsOf(data);
  const piece = pieceOf({ batch, accumulate });
  const pieces = [piece, batch % piece, (rows % batch) % piece];
  const sizes = pieces.filter((size) => size > 0).map((size) => ({ rows: batches ? size : rows, batch: size }));
  return { repeated: true, sizes, ...(count === undefined ? {} : { threads: count }), ...(device === undefined ? {} : { device }) };
}

/** Each example's part in the losses of steps: 1/batch, or its weight's share where examples are weighted, of the rows' shape. */
function sharesOf({ weights }: TrainingData): (rows: Int32Array, batch: number, shape: readonly number[]) => Tensor {
  const known = new Map<string, Tensor>();
  const kept = (key: string, make: () => Tensor): Tensor => {
    const found = known.get(key) ?? make();
    known.set(key, found);
    return found;
  };
  if (!weights) return (_, batch) => kept(String(batch), () => tensor("float32", 1 / batch));
  const from = weights.data as Float32Array;
  return (rows, batch, shape) => {
    const share = kept(shape.join(), () => tensor("float32", new Float32Array(rows.length), shape));
    const to = share.data as Float32Array;
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]! / batch;
    return share;
  };
}

async function scanStepper(options: StepperOptions): Promise<Stepper> {
  const { problem, layout, data, executor, steps: planned = Infinity, clock = noClock } = options;
  const { rule, loss } = rulesOf(options);
  const session = await executor.compile(scanGraph(problem, layout, rule, loss), compileOptions(options));
  const names = stateNames(rule);
  const makeState = () => names.map(() => tensor("float32", new Float32Array(layout.size)));
  // Two sets of buffers in turn: a run reads one and writes the other.
  let [now, next] = [makeState(), makeState()];
  const vector = (at: number) => now[at]!.data as Float32Array;
  const width = stepScalars(rule, 1, 1, planned).length;
  const [examples, shares] = [examplesOf(data), sharesOf(data)];
  const masks = createMasks(masksOf(problem), options.seed ?? 0);
  const averaged = names.indexOf("average");
  const stepper: Stepper = {
    get theta() {
      return vector(0);
    },
    get slots() {
      return rule.optimizer.slots.map((_, i) => vector(1 + i));
    },
    get measured() {
      return vector(Math.max(0, averaged));
    },
    get state() {
      return Object.fromEntries(names.map((name, i) => [name, vector(i)]));
    },
    stepsPerCall: stepsPerCall(options),
    async run(rows, batch, firstStep, learningRate) {
      const steps = rows.length / batch;
      const before = clock.enter("data");
      const scalars = new Float32Array(steps * width);
      for (let k = 0; k < steps; k++) scalars.set(stepScalars(rule, firstStep + k, learningRate(firstStep + k), planned), k * width);
      const losses = tensor("float32", new Float32Array(steps));
      const feeds: Record<string, Tensor> = {
        ...examples(rows, [steps, batch]),
        ...masks.drawSteps(firstStep, steps, batch),
        scalars: tensor("float32", scalars, [steps, width]),
        share: shares(rows, batch, [steps, batch]),
      };
      const into: Record<string, Tensor> = { losses };
      names.forEach((name, i) => {
        feeds[name] = now[i]!;
        into[`${name}/next`] = next[i]!;
      });
      clock.enter("network");
      await session.run(feeds, into);
      clock.enter(before);
      const found = losses.data as Float32Array;
      const bad = found.findIndex((loss) => !Number.isFinite(loss));
      if (bad < 0) [now, next] = [next, now];
      // Take the good steps again and stop at the θ whose loss is not finite, as the other stepper does.
      else if (bad > 0) await stepper.run(rows.subarray(0, bad * batch), batch, firstStep, learningRate);
      return bad < 0 ? found : found.subarray(0, bad + 1);
    },
    dispose: () => session.dispose(),
  };
  return stepper;
}

async function fusedStepper(options: StepperOptions): Promise<Stepper> {
  const { problem, layout, optimizer, data, executor, accumulate = 1, steps: planned = Infinity, clock = noClock } = options;
  const { rule, loss: lossOptions } = rulesOf(options);
  const session: Session = await executor.compile(gradientGraph(problem, layout, lossOptions), compileOptions(options));
  const { trainable } = layout;
  const buffers = layout.slots.filter(isBuffer);
  const buffersAt = buffers[0]?.offset ?? layout.size;
  const lengths = [
    layout.size,
    layout.size - buffersAt,
    trainable,
    accumulate > 1 ? trainable : 0,
    rule.average ? layout.size : 0,
    ...optimizer.slots.map(() => trainable),
  ];
  const arena = createArena(arenaBytes(lengths));
  const [theta, updated, g, sum, average, ...slots] = lengths.map((length) => arena.float32(length)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const { kernels } = arena;
  const vectors = { theta, g: accumulate > 1 ? sum : g, slots, ...(rule.average ? { average } : {}) };
  const update = updateInPlace(rule, kernels, vectors);
  const loss = tensor("float32", new Float32Array(1), []);
  const into: Record<string, Tensor> = { loss };
  for (const { name, shape, offset, size } of layout.slots.filter((slot) => isTrainable(layout, slot)))
    into[`gradient/${name}`] = tensor("float32", g.subarray(offset, offset + size), shape);
  for (const { name, shape, offset, size } of buffers) {
    into[`update/${name}`] = tensor("float32", updated.subarray(offset - buffersAt, offset - buffersAt + size), shape);
  }
  const masks = createMasks(masksOf(problem), options.seed ?? 0);
  const made = options.batches && madeBatches(options.batches, data);
  const [examples, shares] = [examplesOf(data), sharesOf(data)];
  const feeds: Record<string, Tensor> = { ...parameterViews(layout, theta) };
  /** The loss of some rows of a step, their gradients in g, statistics in place where it is finite. */
  const take = async (rows: Int32Array, batch: number, drawn: Readonly<Record<string, Tensor>>): Promise<number> => {
    Object.assign(feeds, made ? made() : examples(rows, [rows.length]), drawn);
    feeds["share"] = shares(rows, batch, [rows.length]);
    clock.enter("network");
    await session.run(feeds, into);
    clock.enter("optimizer");
    const found = (loss.data as Float32Array)[0]!;
    if (Number.isFinite(found)) theta.set(updated, buffersAt);
    return found;
  };
  /** The same over pieces of the step, their gradients added up; at a loss that is not finite statistics are as they were. */
  const takePieces = async (rows: Int32Array, drawn: Readonly<Record<string, Tensor>>): Promise<number> => {
    const before = theta.slice(buffersAt);
    sum.fill(0);
    const size = pieceOf(options);
    let whole = 0;
    for (let at = 0; at < rows.length; at += size) {
      const piece = rows.subarray(at, at + size);
      clock.enter("data");
      const masksOfPiece = Object.entries(drawn).map(([name, mask]) => [name, sliceRows(mask, at, at + piece.length)] as const);
      whole += await take(piece, rows.length, Object.fromEntries(masksOfPiece));
      if (!Number.isFinite(whole)) break;
      kernels.axpy(sum, g, 1);
    }
    if (!Number.isFinite(whole)) theta.set(before, buffersAt);
    return whole;
  };
  return {
    theta,
    slots,
    measured: rule.average ? average : theta,
    state: {
      theta,
      ...Object.fromEntries(optimizer.slots.map((name, i) => [name, slots[i]!])),
      ...(rule.average ? { average } : {}),
    },
    stepsPerCall: 1,
    async run(rows, batch, firstStep, learningRate) {
      const steps = rows.length / batch;
      const losses = new Float32Array(steps);
      for (let k = 0; k < steps; k++) {
        const chosen = rows.subarray(k * batch, (k + 1) * batch);
        const before = clock.enter("data");
        const drawn = masks.draw(firstStep + k, batch);
        losses[k] = accumulate > 1 ? await takePieces(chosen, drawn) : await take(chosen, batch, drawn);
        if (Number.isFinite(losses[k])) update(firstStep + k, learningRate(firstStep + k), planned);
        clock.enter(before);
        if (!Number.isFinite(losses[k])) return losses.subarray(0, k + 1);
      }
      return losses;
    },
    dispose: () => session.dispose(),
  };
}

/** Numbers 0, 1, …: all rows of what was made for a step. */
const everyRow = (shape: readonly number[]): Tensor =>
  tensor(
    "int32",
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, row) => row),
    shape,
  );

/** What of a dataset the network reads. */
const inputsOf = ({ features, targets, lengths }: Dataset): Record<string, Tensor> => ({
  features,
  targets,
  ...(lengths ? { lengths } : {}),
});

/** Examples of steps as feeds, `rows` of a shape: those of all data, or where inputs are made, these examples alone and every one of them. */
function examplesOf(data: TrainingData): (rows: Int32Array, shape: readonly number[]) => Readonly<Record<string, Tensor>> {
  const known = new Map<string, Record<string, Tensor>>();
  const found = (shape: readonly number[], make: () => Record<string, Tensor>): Record<string, Tensor> => {
    const key = shape.join();
    let feeds = known.get(key);
    if (!feeds) known.set(key, (feeds = make()));
    return feeds;
  };
  if (!isLazy(data))
    return (rows, shape) => {
      const feeds = found(shape, () => ({ ...inputsOf(data), rows: tensor("int32", new Int32Array(rows.length), shape) }));
      (feeds["rows"]!.data as Int32Array).set(rows);
      return feeds;
    };
  const { width, targets, write } = data;
  const outputs = targets.shape[1]!;
  let memory = new Float32Array(0);
  return (rows, shape) => {
    const n = rows.length;
    if (memory.length < n * width) {
      memory = new Float32Array(n * width);
      known.clear();
    }
    const feeds = found(shape, () => ({
      features: tensor("float32", memory.subarray(0, n * width), [n, width]),
      targets: tensor("float32", new Float32Array(n * outputs), [n, outputs]),
      rows: everyRow(shape),
    }));
    write(rows, feeds["features"]!.data as Float32Array);
    const [from, to] = [targets.data as Float32Array, feeds["targets"]!.data as Float32Array];
    for (let i = 0; i < n; i++) for (let k = 0; k < outputs; k++) to[i * outputs + k] = from[rows[i]! * outputs + k]!;
    return feeds;
  };
}

/** Inputs that are made for one call take no more bytes than this, or are of one step. */
const madeBytes = 2 ** 24;

function stepsPerCall({ problem, data, batch }: StepperOptions): number {
  const drawn = masksOf(problem).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const width = drawn + (isLazy(data) ? data.width : 0);
  return width === 0 ? scannedSteps : Math.max(1, Math.min(scannedSteps, Math.floor(madeBytes / (4 * batch * width))));
}

/** Batches of a source as feeds: the same tensors as long as they lie in the same memory, one set for each size. */
function madeBatches(source: BatchSource, like: TrainingData): () => Readonly<Record<string, Tensor>> {
  const bySize = new Map<number, Record<string, Tensor>>();
  return () => {
    const batch = source.next();
    let found = bySize.get(batch.size);
    if ((found?.["features"]?.data as Float32Array | undefined)?.buffer !== batch.features.buffer)
      bySize.set(batch.size, (found = { ...batchDataset(batch, like), rows: everyRow([batch.size]) }));
    return found!;
  };
}

/** Runs training steps: small models many steps a call inside Scan, larger ones a call a step with a fused update. */
import type { CompileOptions, Device, Executor, Session } from "../exec/session.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { BatchSource } from "../data/augment-batches.ts";
import { isBuffer, isTrainable, parameterViews, type ParameterLayout } from "../nn/parameters.ts";
import { arenaBytes, createArena } from "../optim/kernels/memory.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { batchDataset, isLazy, rowsOf, type TrainingData } from "./dataset.ts";
import { createMasks } from "./masks.ts";
import { gradientGraph, masksOf, scanGraph, type Problem } from "./step-graph.ts";

export interface Stepper {
  /** The parameters now. The array may be another one after `run`. */
  readonly theta: Float32Array;
  /** Optimizer state now, one vector per slot. */
  readonly slots: readonly Float32Array[];
  /** Steps that `run` does best at once. */
  readonly stepsPerCall: number;
  /**
   * Consecutive steps of one batch size. Ends early at a loss that is not finite, with θ as it was for that loss.
   * @param rows row numbers, [steps·batch]
   * @param firstStep 1 for the first step of the training
   * @param learningRate at each step
   * @returns the loss of each step that was taken, before its update
   */
  run(rows: Int32Array, batch: number, firstStep: number, learningRate: (step: number) => number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface StepperOptions {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  readonly optimizer: Optimizer;
  readonly data: TrainingData;
  /** Rows per step; the last step of an epoch may have fewer. */
  readonly batch: number;
  readonly executor: Executor;
  readonly threads?: number;
  readonly device?: Device;
  /** Chosen by the number of parameters where left out. */
  readonly form?: "scan" | "fused";
  /** Of the masks' random streams. */
  readonly seed?: number;
  /** Where the examples of a step come from, in place of `data`: an epoch of it has begun with the very rows that `run` is given. */
  readonly batches?: BatchSource;
}

/** Up to this many parameters the copies inside Scan cost less than a call a step saves. */
const scanLimit = 65_536;
/** Below this many parameters a second thread costs more than it brings. */
const oneThreadLimit = 8192;
const scannedSteps = 32;

/** θ starts at zero: fill it (initialisers, or a saved model) before the first run. */
export function createStepper(options: StepperOptions): Promise<Stepper> {
  const form = options.form ?? (scans(options) ? "scan" : "fused");
  return form === "scan" ? scanStepper(options) : fusedStepper(options);
}

/** Scan is for small networks on rows of numbers, whose parameters all take part and whose steps need nothing but rows. */
function scans({ problem, layout, batches }: StepperOptions): boolean {
  const plain = problem.inputShape.length === 1 && !problem.variableLength && layout.trainable === layout.size && !batches;
  return plain && layout.size <= scanLimit && masksOf(problem).length === 0;
}

function compileOptions({ threads, device, layout, data, batch, batches }: StepperOptions): CompileOptions {
  const count = threads ?? (layout.size < oneThreadLimit ? 1 : undefined);
  const rows = rowsOf(data);
  const sizes = [batch, rows % batch].filter((size) => size > 0).map((size) => ({ rows: batches ? size : rows, batch: size }));
  return { repeated: true, sizes, ...(count === undefined ? {} : { threads: count }), ...(device === undefined ? {} : { device }) };
}

/** The optimizer's numbers for a step, the decay factor behind them where there is one. */
function stepScalars(optimizer: Optimizer, step: number, learningRate: number): readonly number[] {
  const scalars = optimizer.scalars(step, learningRate);
  return optimizer.weightDecay > 0 ? [...scalars, 1 - learningRate * optimizer.weightDecay] : scalars;
}

const shares = new Map<number, Tensor>();

/** One example's part in a batch's mean loss. */
function share(batch: number): Tensor {
  let found = shares.get(batch);
  if (!found) shares.set(batch, (found = tensor("float32", 1 / batch)));
  return found;
}

async function scanStepper(options: StepperOptions): Promise<Stepper> {
  const { problem, layout, optimizer, data, executor } = options;
  const session = await executor.compile(scanGraph(problem, layout, optimizer), compileOptions(options));
  const names = ["theta", ...optimizer.slots];
  const makeState = () => names.map(() => tensor("float32", new Float32Array(layout.size)));
  // Two sets of buffers in turn: a run reads one and writes the other.
  let [now, next] = [makeState(), makeState()];
  const width = stepScalars(optimizer, 1, 1).length;
  const examples = examplesOf(data);
  const stepper: Stepper = {
    get theta() {
      return now[0]!.data as Float32Array;
    },
    get slots() {
      return now.slice(1).map((state) => state.data as Float32Array);
    },
    stepsPerCall: stepsPerCall(options),
    async run(rows, batch, firstStep, learningRate) {
      const steps = rows.length / batch;
      const scalars = new Float32Array(steps * width);
      for (let k = 0; k < steps; k++) scalars.set(stepScalars(optimizer, firstStep + k, learningRate(firstStep + k)), k * width);
      const losses = tensor("float32", new Float32Array(steps));
      const feeds: Record<string, Tensor> = {
        ...examples(rows, [steps, batch]),
        scalars: tensor("float32", scalars, [steps, width]),
        share: share(batch),
      };
      const into: Record<string, Tensor> = { losses };
      names.forEach((name, i) => {
        feeds[name] = now[i]!;
        into[`${name}/next`] = next[i]!;
      });
      await session.run(feeds, into);
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
  const { problem, layout, optimizer, data, executor } = options;
  const session: Session = await executor.compile(gradientGraph(problem, layout), compileOptions(options));
  const { trainable } = layout;
  const buffers = layout.slots.filter(isBuffer);
  const buffersAt = buffers[0]?.offset ?? layout.size;
  const lengths = [layout.size, layout.size - buffersAt, trainable, ...optimizer.slots.map(() => trainable)];
  const arena = createArena(arenaBytes(lengths));
  const [theta, updated, g, ...slots] = lengths.map((length) => arena.float32(length)) as [Float32Array, Float32Array, Float32Array];
  // Decay is for weights alone, so an optimizer with decay goes parameter by parameter; others take θ at once.
  const trained = layout.slots.filter((slot) => isTrainable(layout, slot));
  const whole = [{ role: "bias", theta: theta.subarray(0, trainable), g, slots }];
  const parts = trained.map(({ role, offset, size }) => {
    const part = (vector: Float32Array) => vector.subarray(offset, offset + size);
    return { role, theta: part(theta), g: part(g), slots: slots.map(part) };
  });
  const loss = tensor("float32", new Float32Array(1), []);
  const into: Record<string, Tensor> = { loss };
  for (const { name, shape, offset, size } of trained)
    into[`gradient/${name}`] = tensor("float32", g.subarray(offset, offset + size), shape);
  for (const { name, shape, offset, size } of buffers) {
    into[`update/${name}`] = tensor("float32", updated.subarray(offset - buffersAt, offset - buffersAt + size), shape);
  }
  const masks = createMasks(masksOf(problem), options.seed ?? 0);
  const made = options.batches && madeBatches(options.batches, data);
  const examples = examplesOf(data);
  const feeds: Record<string, Tensor> = { ...parameterViews(layout, theta) };
  return {
    theta,
    slots,
    stepsPerCall: 1,
    async run(rows, batch, firstStep, learningRate) {
      const steps = rows.length / batch;
      const losses = new Float32Array(steps);
      feeds["share"] = share(batch);
      for (let k = 0; k < steps; k++) {
        Object.assign(feeds, made ? made() : examples(rows.subarray(k * batch, (k + 1) * batch), [batch]));
        Object.assign(feeds, masks.draw(firstStep + k, batch));
        await session.run(feeds, into);
        losses[k] = (loss.data as Float32Array)[0]!;
        if (!Number.isFinite(losses[k])) return losses.subarray(0, k + 1);
        theta.set(updated, buffersAt);
        const rate = learningRate(firstStep + k);
        const scalars = optimizer.scalars(firstStep + k, rate);
        for (const part of optimizer.weightDecay > 0 ? parts : whole) {
          const decay = part.role === "weight" ? rate * optimizer.weightDecay : 0;
          optimizer.updateInPlace(arena.kernels, part.theta, part.g, part.slots, scalars, decay);
        }
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
      const feeds = found(shape, () => ({ ...data, rows: tensor("int32", new Int32Array(rows.length), shape) }));
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

const stepsPerCall = ({ data, batch }: StepperOptions): number =>
  isLazy(data) ? Math.max(1, Math.min(scannedSteps, Math.floor(madeBytes / (4 * batch * data.width)))) : scannedSteps;

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

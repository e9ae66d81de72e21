/** Augmented batches of an epoch, one after the other, in line; `augment-threads.ts` has the same on worker threads. */
import { sizeOf } from "../ir/shape.ts";
import type { AugmentationSpec, ExampleShape } from "./augmentation.ts";
import { createAugmenter, type Augmenter } from "./augment-example.ts";

/** Examples in memory, as numbers. */
export interface Examples {
  /** [examples, …shape]; empty where they are made. */
  readonly features: Float32Array;
  /** How many there are, and what writes the numbers of some of them, where they are not held. */
  readonly made?: { readonly rows: number; readonly write: (rows: Int32Array, into: Float32Array) => void };
  /** [examples, outputs] */
  readonly targets: Float32Array;
  /** Valid steps of each sequence; all where left out. */
  readonly lengths?: Int32Array;
}

/** What is augmented, and how. */
export interface AugmentationPlan {
  readonly specs: readonly AugmentationSpec[];
  readonly example: ExampleShape;
  readonly seed: number;
  /** Most examples in a batch. */
  readonly batch: number;
}

/** A batch: its arrays hold it until the next call and are then used again; the first `size` examples count. */
export interface AugmentedBatch extends Examples {
  readonly size: number;
}

export interface BatchSource {
  /** Begins an epoch. @param order its rows, a batch after the other; the last batch may be smaller */
  begin(epoch: number, order: Int32Array): void;
  /** The next batch of the epoch. */
  next(): AugmentedBatch;
  /** The batch of these rows once more, or at all: a pure function of (seed, epoch, row). */
  show(epoch: number, rows: ArrayLike<number>): AugmentedBatch;
  dispose(): void;
}

/** Memory for one batch on its way: what threads need to make it, and what they make. */
export interface Slot {
  /** Gathered rows; behind them as many partners, where examples are mixed. */
  readonly input: Float32Array;
  readonly output: Float32Array;
  /** The number of each row, then of each partner; −1 is none. */
  readonly rows: Int32Array;
  readonly lengths: Int32Array;
  readonly shares: Float64Array;
  /** Epoch, size. */
  readonly head: Int32Array;
}

/** Bytes of each array of a slot, in the order of its fields. */
export function slotBytes({ example, batch }: AugmentationPlan, mixes: boolean): number[] {
  const [numbers, places] = [batch * sizeOf(example.shape) * 4, (mixes ? 2 : 1) * batch];
  return [(mixes ? 2 : 1) * numbers, numbers, places * 4, places * 4, batch * 8, 8];
}

/** @param buffers as many as `slotBytes` has entries, of such sizes, shared between threads or not */
export function slotOf(buffers: readonly ArrayBufferLike[]): Slot {
  const [input, output, rows, lengths, shares, head] = buffers as readonly ArrayBuffer[];
  return {
    input: new Float32Array(input!),
    output: new Float32Array(output!),
    rows: new Int32Array(rows!),
    lengths: new Int32Array(lengths!),
    shares: new Float64Array(shares!),
    head: new Int32Array(head!),
  };
}

/** Gathers the rows of a batch and, where they are mixed, their partners; returns the mixed targets and lengths, into `made`. */
export function fillSlot(
  slot: Slot,
  augmenter: Augmenter,
  plan: AugmentationPlan,
  data: Examples,
  epoch: number,
  chosen: ArrayLike<number>,
): void {
  const { size: width } = augmenter;
  const examples = countOf(data, width);
  slot.head.set([epoch, chosen.length]);
  const gather = (row: number, at: number) => {
    if (data.made) data.made.write(Int32Array.of(row), slot.input.subarray(at * width, (at + 1) * width));
    else slot.input.set(data.features.subarray(row * width, (row + 1) * width), at * width);
    slot.rows[at] = row;
    if (data.lengths) slot.lengths[at] = data.lengths[row]!;
  };
  for (let i = 0; i < chosen.length; i++) {
    gather(chosen[i]!, i);
    if (!augmenter.mixes) continue;
    const partner = augmenter.partner({ seed: plan.seed, epoch, example: chosen[i]! }, examples);
    slot.shares[i] = partner?.share ?? 1;
    if (partner) gather(partner.example, plan.batch + i);
    else slot.rows[plan.batch + i] = -1;
  }
}

/** Augments examples `from` to `to` of a filled slot. */
export function runSlot(slot: Slot, augmenter: Augmenter, plan: AugmentationPlan, from: number, to: number): void {
  const { size } = augmenter;
  const { seed, batch, example } = plan;
  const [epoch] = slot.head as unknown as [number];
  const timed = example.form === "sequence";
  for (let i = from; i < to; i++) {
    const at = batch + i;
    const mixed = augmenter.mixes && slot.rows[at]! >= 0;
    const length = timed ? { length: slot.lengths[i]! } : {};
    const partner = mixed && {
      example: slot.rows[at]!,
      share: slot.shares[i]!,
      values: slot.input.subarray(at * size, (at + 1) * size),
      ...(timed ? { length: slot.lengths[at]! } : {}),
    };
    const target = slot.output.subarray(i * size, (i + 1) * size);
    augmenter.apply({ seed, epoch, example: slot.rows[i]! }, slot.input.subarray(i * size, (i + 1) * size), target, {
      ...length,
      ...(partner ? { partner } : {}),
    });
  }
}

/** The finished batch of a slot, in arrays of its own. */
export function createCollector(plan: AugmentationPlan, data: Examples, augmenter: Augmenter): (slot: Slot) => AugmentedBatch {
  const { batch } = plan;
  const outputs = data.targets.length / countOf(data, augmenter.size);
  const features = new Float32Array(batch * augmenter.size);
  const targets = new Float32Array(batch * outputs);
  const lengths = new Int32Array(data.lengths ? batch : 0);
  return ({ output, rows, shares, head, lengths: valid }) => {
    const size = head[1]!;
    features.set(output.subarray(0, size * augmenter.size));
    for (let i = 0; i < size; i++) {
      const other = augmenter.mixes ? rows[batch + i]! : -1;
      const share = other >= 0 ? shares[i]! : 1;
      for (let j = 0; j < outputs; j++) {
        const own = data.targets[rows[i]! * outputs + j]!;
        targets[i * outputs + j] = other >= 0 ? share * own + (1 - share) * data.targets[other * outputs + j]! : own;
      }
      if (data.lengths) lengths[i] = other >= 0 ? Math.max(valid[i]!, valid[batch + i]!) : valid[i]!;
    }
    return { size, features, targets, ...(data.lengths ? { lengths } : {}) };
  };
}

const countOf = ({ features, made }: Examples, width: number): number => made?.rows ?? features.length / width;

/** Every step of a sequence is valid where nothing else is said. */
export function withLengths(data: Examples, { example }: AugmentationPlan): Examples {
  if (example.form !== "sequence" || data.lengths) return data;
  return { ...data, lengths: new Int32Array(data.features.length / sizeOf(example.shape)).fill(example.shape[0]!) };
}

/**
 * Augmented batches, made when they are asked for: what browsers have in place of threads.
 * @throws GradusError see {@link createAugmenter}
 */
export const augmentedBatches = (plan: AugmentationPlan, data: Examples, _workers?: number): BatchSource => inlineBatches(plan, data);

/** See {@link augmentedBatches}. */
export function inlineBatches(plan: AugmentationPlan, given: Examples): BatchSource {
  const data = withLengths(given, plan);
  const augmenter = createAugmenter(plan.specs, plan.example);
  const slot = slotOf(slotBytes(plan, augmenter.mixes).map((bytes) => new ArrayBuffer(bytes)));
  const collect = createCollector(plan, data, augmenter);
  const show = (epoch: number, rows: ArrayLike<number>) => {
    fillSlot(slot, augmenter, plan, data, epoch, rows);
    runSlot(slot, augmenter, plan, 0, rows.length);
    return collect(slot);
  };
  let [now, at] = [0, 0];
  let order: Int32Array = new Int32Array(0);
  return {
    begin: (epoch, rows) => ([now, order, at] = [epoch, rows, 0]),
    next: () => show(now, order.subarray(at, (at += plan.batch))),
    show,
    dispose() {},
  };
}

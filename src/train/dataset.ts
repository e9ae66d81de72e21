/** Examples in memory, ready for the network. */
import type { AugmentedBatch } from "../data/augment-batches.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";

export interface Dataset {
  /** [rows, …], float32, already transformed. */
  readonly features: Tensor;
  /** [rows, outputs], float32: one-hot, 0/1, or numbers. */
  readonly targets: Tensor;
  /** [rows], int32: valid time steps of each sequence; left out where all are full. */
  readonly lengths?: Tensor;
  /** [rows], float32, of mean 1: how much each example counts in training; all alike where left out. What is measured counts all alike. */
  readonly weights?: Tensor;
}

/** Examples whose inputs are made when they are needed, since all of them would take too much memory. */
export interface LazyDataset {
  /** [rows, outputs], float32. */
  readonly targets: Tensor;
  /** Numbers of one example. */
  readonly width: number;
  /**
   * Writes the inputs of rows into [rows.length · width], a pure function of the rows.
   * @param held the rows that were written there last, as many at least, where nothing else has: it may be faster then
   */
  readonly write: (rows: Int32Array, into: Float32Array, held?: Int32Array) => void;
  /** As of a dataset. */
  readonly weights?: Tensor;
}

export type TrainingData = Dataset | LazyDataset;

export const isLazy = (data: TrainingData): data is LazyDataset => "write" in data;

export function rowsOf(data: TrainingData): number {
  return data.targets.shape[0]!;
}

/** Consecutive rows of a tensor, over the same memory. */
export function sliceRows(source: Tensor, from: number, to: number): Tensor {
  const width = source.data.length / Math.max(1, source.shape[0]!);
  const data = (source.data as Float32Array).subarray(from * width, to * width);
  return tensor(source.dtype, data, [to - from, ...source.shape.slice(1)]);
}

/** Consecutive examples, over the same memory. */
export function sliceDataset({ features, targets, lengths, weights }: Dataset, from: number, to: number): Dataset {
  return {
    features: sliceRows(features, from, to),
    targets: sliceRows(targets, from, to),
    ...(lengths ? { lengths: sliceRows(lengths, from, to) } : {}),
    ...(weights ? { weights: sliceRows(weights, from, to) } : {}),
  };
}

/** Chosen rows of a tensor, copied. */
export function pickRows(source: Tensor, rows: ArrayLike<number>): Tensor {
  const width = source.data.length / Math.max(1, source.shape[0]!);
  const from = source.data as Float32Array;
  const data = source.dtype === "int32" ? new Int32Array(rows.length * width) : new Float32Array(rows.length * width);
  // Of a short row a copy costs less than a view.
  if (width <= 32)
    for (let i = 0, to = 0; i < rows.length; i++)
      for (let at = rows[i]! * width, end = at + width; at < end; at++, to++) data[to] = from[at]!;
  else for (let i = 0; i < rows.length; i++) data.set(from.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
  return tensor(source.dtype, data, [rows.length, ...source.shape.slice(1)]);
}

/** Chosen examples, copied. */
export function pickDataset(data: TrainingData, rows: ArrayLike<number>): Dataset {
  if (isLazy(data)) {
    const made = new Float32Array(rows.length * data.width);
    data.write(Int32Array.from(rows), made);
    const weighted = data.weights ? { weights: pickRows(data.weights, rows) } : {};
    return { features: tensor("float32", made, [rows.length, data.width]), targets: pickRows(data.targets, rows), ...weighted };
  }
  const { features, targets, lengths, weights } = data;
  return {
    features: pickRows(features, rows),
    targets: pickRows(targets, rows),
    ...(lengths ? { lengths: pickRows(lengths, rows) } : {}),
    ...(weights ? { weights: pickRows(weights, rows) } : {}),
  };
}

/** A batch as a dataset, over the batch's memory. @param like the data it was made from */
export function batchDataset({ size, features, targets, lengths }: AugmentedBatch, like: TrainingData): Dataset {
  const view = <A extends Float32Array | Int32Array>(data: A, of: Tensor): Tensor => {
    const shape = [size, ...of.shape.slice(1)];
    return tensor(of.dtype, data.subarray(0, sizeOf(shape)), shape);
  };
  return {
    features: isLazy(like) ? tensor("float32", features.subarray(0, size * like.width), [size, like.width]) : view(features, like.features),
    targets: view(targets, like.targets),
    ...(!isLazy(like) && like.lengths && lengths ? { lengths: view(lengths, like.lengths) } : {}),
  };
}

/** Examples in memory, ready for the network. */
import { tensor, type Tensor } from "../ir/tensor.ts";

export interface Dataset {
  /** [rows, …], float32, already transformed. */
  readonly features: Tensor;
  /** [rows, outputs], float32: one-hot, 0/1, or numbers. */
  readonly targets: Tensor;
}

export function rowsOf(data: Dataset): number {
  return data.features.shape[0]!;
}

/** Consecutive rows of a tensor, over the same memory. */
export function sliceRows(source: Tensor, from: number, to: number): Tensor {
  const width = source.data.length / Math.max(1, source.shape[0]!);
  const data = (source.data as Float32Array).subarray(from * width, to * width);
  return tensor(source.dtype, data, [to - from, ...source.shape.slice(1)]);
}

/** Chosen rows of a float tensor, copied. */
export function pickRows(source: Tensor, rows: ArrayLike<number>): Tensor {
  const width = source.data.length / Math.max(1, source.shape[0]!);
  const from = source.data as Float32Array;
  const data = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) data.set(from.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
  return tensor("float32", data, [rows.length, ...source.shape.slice(1)]);
}

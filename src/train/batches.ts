/** Training-ready batches of a split table, for loops of one's own. */
import { fitPreprocessing, type PreprocessPlan } from "../data/preprocess.ts";
import type { TransformSettings } from "../data/transform.ts";
import { compile } from "../exec/executor.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { checkRanges, ranges } from "../util/range.ts";
import { rng } from "../util/rng.ts";
import { tensor } from "../ir/tensor.ts";
import { isLazy, pickDataset, pickRows, rowsOf, type Dataset, type LazyDataset, type TrainingData } from "./dataset.ts";
import type { TableParts } from "./fit-table.ts";
import { prepareParts, residentBytes } from "./prepare-lazily.ts";

export interface BatchOptions extends CompileOptions {
  /** Default 512. */
  readonly batchSize?: number;
  /** Of the order of each epoch. Default 1. */
  readonly seed?: number;
  readonly transforms?: TransformSettings;
  /** Inputs of a part that would take more bytes than this are made batch by batch. Default 256 MiB. */
  readonly residentBytes?: number;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
}

/** A table's rows as a network takes them. */
export interface Batches {
  /** Fitted on the training rows. */
  readonly plan: PreprocessPlan;
  readonly notes: readonly string[];
  /**
   * Every training row once, in an order of the seed and the epoch alone: features float32 [batch, inputs], targets float32
   * [batch, outputs]; the last batch may be smaller. A batch's memory may be used again for the next.
   * @param epoch 1 for the first
   */
  train(epoch: number): Iterable<Dataset>;
  /** Every validation row once, in the table's order. */
  validation(): Iterable<Dataset>;
}

/**
 * Fits the transforms on the training rows and makes batches as `fit` trains on them.
 * @example
 * const { train } = await batchesOf(split(await readTable("flights.csv", { target: "delay > 15" })));
 * for (const { features, targets } of train(1)) step(features, targets);
 * @throws GradusError where no column is left, or a number is out of its range
 */
export async function batchesOf(parts: TableParts, options: BatchOptions = {}): Promise<Batches> {
  const { batchSize = 512, seed = 1, transforms, residentBytes: most = residentBytes, executor, ...runtime } = options;
  checkRanges({ batchSize, seed }, { batchSize: ranges.count, seed: ranges.seed });
  const { table } = parts;
  const { plan, notes } = fitPreprocessing(table, parts.train, { settings: transforms });
  const platform: Executor = executor ?? { name: "platform", compile };
  const prepared = await prepareParts(table, [parts.train, parts.validation], plan, platform, { ...runtime, residentBytes: most });
  const [train, validation] = prepared as [TrainingData, TrainingData];
  return {
    plan,
    notes,
    train: (epoch) => inBatches(train, rng(seed, "shuffle", epoch).permutation(rowsOf(train)), batchSize),
    validation: () =>
      inBatches(
        validation,
        Int32Array.from({ length: rowsOf(validation) }, (_, row) => row),
        batchSize,
      ),
  };
}

function* inBatches(data: TrainingData, order: Int32Array, size: number): Generator<Dataset> {
  const pick = isLazy(data) ? lazyPicker(data, size) : (rows: Int32Array) => pickDataset(data, rows);
  for (let at = 0; at < order.length; at += size) yield pick(order.subarray(at, at + size));
}

/** Chosen rows, at most so many, in memory that the next ones are written over. */
function lazyPicker({ targets, width, write }: LazyDataset, most: number): (rows: Int32Array) => Dataset {
  const memory = new Float32Array(most * width);
  let held: Int32Array | undefined;
  return (rows) => {
    write(rows, memory, held && held.length >= rows.length ? held : undefined);
    held = rows;
    return { features: tensor("float32", memory.subarray(0, rows.length * width), [rows.length, width]), targets: pickRows(targets, rows) };
  };
}

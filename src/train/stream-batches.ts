/** Training-ready batches of a file that need not fit in memory, in an order that a buffer of rows makes. */
import { preprocessingGraph, rawInputs, type PreprocessPlan } from "../data/preprocess.ts";
import { streamTable, type RowChunks, type StreamOptions as TableOptions } from "../data/streamed-table.ts";
import type { ScalarColumn, Table } from "../data/table.ts";
import { targetTensor } from "../data/target-plan.ts";
import { compile } from "../exec/executor.ts";
import type { CompileOptions, Executor, Session } from "../exec/session.ts";
import { graph } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { checkRanges, ranges } from "../util/range.ts";
import { rng, type Rng } from "../util/rng.ts";
import type { Dataset } from "./dataset.ts";

export interface StreamOptions extends TableOptions, Pick<CompileOptions, "device" | "threads"> {
  /** Default 512. */
  readonly batchSize?: number;
  /** Rows among which the next one is drawn; 1 keeps the file's order. Default 65 536, fewer where these take more than 128 MiB. */
  readonly shuffleBuffer?: number;
  /** Default 1. */
  readonly epochs?: number;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
}

/** features float32 [batch, inputs], targets float32 [batch, outputs]; memory that the next batch may be written to. */
export interface StreamedBatch extends Dataset {
  /** From 1. */
  readonly epoch: number;
  readonly part: "train" | "validation";
}

/** Each epoch's training rows, each once, then the rows held out, in the file's order. The last batch of a part may be smaller. */
export interface StreamedBatches extends AsyncIterable<StreamedBatch> {
  /** Fitted on the training rows, or as given. */
  readonly plan: PreprocessPlan;
  readonly notes: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number };
  /** Removes what is on disk. A loop over the batches does so itself when it ends, in whatever way. */
  close(): Promise<void>;
}

const BUFFER_ROWS = 65_536;
const BUFFER_BYTES = 2 ** 27;

/**
 * Streams a table from a file (CSV, TSV, JSON, NDJSON, Parquet, Arrow, also compressed or several): typed by all its values and fitted in
 * a database on disk, then batch by batch through the preprocessing graph. Memory holds the buffer, a batch, and what the database may
 * take. The order is of the seed and the epoch alone.
 * @example
 * const stream = await streamBatches("flights.csv", { target: "delay > 15", validation: 0.1, epochs: 3 });
 * for await (const { part, features, targets } of stream) if (part === "train") step(features, targets);
 * @throws GradusError as `readTable` does, and where an option is out of its range
 */
export async function streamBatches(path: string, options: StreamOptions): Promise<StreamedBatches> {
  const { batchSize = 512, shuffleBuffer, epochs = 1, seed = 1, executor, device, threads, ...rest } = options;
  checkRanges({ batchSize, shuffleBuffer, epochs }, { batchSize: ranges.count, shuffleBuffer: ranges.count, epochs: ranges.count });
  const stream = await streamTable(path, { ...rest, seed });
  const { table, plan, notes, rows } = stream;
  let state: "new" | "open" | "closed" = "new";
  const close = async (): Promise<void> => {
    if (state !== "closed") await stream.close();
    state = "closed";
  };
  async function* batches(): AsyncGenerator<StreamedBatch> {
    if (state !== "new")
      throw new GradusError(`${path}: the stream ${state === "open" ? "is being read" : "has ended"}.`, {
        hint: "call streamBatches once more.",
      });
    state = "open";
    let session: Session | undefined;
    try {
      const { inputs, features } = preprocessingGraph(plan);
      const runtime = { ...(device ? { device } : {}), ...(threads === undefined ? {} : { threads }) };
      session = await (executor ?? { compile }).compile(graph({ inputs, outputs: { features } }), runtime);
      const make = batchMaker(table, plan, session, batchSize);
      const record = 8 * (table.columns.length + 1);
      const size = shuffleBuffer ?? Math.max(1, Math.min(BUFFER_ROWS, Math.floor(BUFFER_BYTES / record)));
      for (let epoch = 1; epoch <= epochs; epoch++)
        for (const part of ["train", "validation"] as const) {
          if (rows[part] === 0) continue;
          const held = part === "train" ? Math.min(size, rows.train) : 1;
          for await (const batch of shuffled(stream.read(part), record / 8, held, batchSize, rng(seed, "shuffle", epoch)))
            yield { epoch, part, ...(await make(batch)) };
        }
    } finally {
      await session?.dispose();
      await close();
    }
  }
  return { plan, notes, rows, close, [Symbol.asyncIterator]: batches };
}

/**
 * Rows, one record of `width` numbers after the other, `most` at a time. A buffer of `size` rows is filled; from then on one of them is
 * drawn, and the next row takes its place; at the end those left come in random order.
 * @returns records in memory that the next ones are written to
 */
async function* shuffled(chunks: RowChunks, width: number, size: number, most: number, draws: Rng): AsyncGenerator<Float64Array> {
  const buffer = new Float64Array(size * width);
  const out = new Float64Array(most * width);
  let [held, filled] = [0, 0];
  const take = (row: number): boolean => {
    out.set(buffer.subarray(row * width, (row + 1) * width), filled * width);
    filled = (filled + 1) % most;
    return filled === 0;
  };
  for await (const { rows, columns } of chunks)
    for (let row = 0; row < rows; row++) {
      const drawn = held === size;
      const to = drawn ? draws.integer(size) : held++;
      const full = drawn && take(to);
      for (let c = 0; c < width; c++) buffer[to * width + c] = columns[c]![row]!;
      if (full) yield out;
    }
  for (const row of draws.permutation(held)) if (take(row)) yield out;
  if (filled > 0) yield out.subarray(0, filled * width);
}

/** Records as a batch, by the graph; features in memory that the next ones are written to. */
function batchMaker(table: Table, plan: PreprocessPlan, session: Session, most: number): (records: Float64Array) => Promise<Dataset> {
  const target = table.target!;
  const inputs = plan.features.length;
  const memory = new Float32Array(most * inputs);
  const width = table.columns.length + 1;
  return async (records) => {
    const rows = records.length / width;
    const column = (like: ScalarColumn, place: number): ScalarColumn => {
      const values = Float64Array.from({ length: rows }, (_, row) => records[row * width + place]!);
      if (like.kind === "numeric") return { ...like, values };
      return { ...like, codes: Int32Array.from(values, (code) => (Number.isNaN(code) ? -1 : code)) };
    };
    const batch: Table = {
      ...table,
      rows,
      columns: (table.columns as readonly ScalarColumn[]).map(column),
      target: { ...target, column: column(target.column as ScalarColumn, width - 1) },
    };
    const features = tensor("float32", memory.subarray(0, rows * inputs), [rows, inputs]);
    await session.run(rawInputs(batch, undefined, plan), { features });
    return { features, targets: targetTensor(batch, undefined, plan.target) };
  };
}

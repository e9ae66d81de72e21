/** Parts whose inputs would take much memory: what is kept of a row is small, and a batch's inputs are written when it is needed. */
import { compactPlan, compactRows, fillNumbers, writeInputs, type CompactPlan, type CompactRows } from "../data/compact.ts";
import { preprocessingGraph, rawInputs, type PreprocessPlan } from "../data/preprocess.ts";
import type { Table } from "../data/table.ts";
import { targetTensor } from "../data/target-plan.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { graph } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { LazyDataset, TrainingData } from "./dataset.ts";
import { checkBytes, prepareDatasets, rowsPerCall } from "./prepare.ts";

/** A part's inputs are held up to so many bytes. */
export const residentBytes = 2 ** 28;

const bytesOf = ({ features }: PreprocessPlan, rows: number): number => 4 * rows * features.length;

/** How so many rows are kept, where that is not as the network takes them. */
function compactly(plan: PreprocessPlan, rows: number, most: number): CompactPlan | undefined {
  const compact = bytesOf(plan, rows) > most ? compactPlan(plan) : undefined;
  return compact && 2 * compact.bytes <= 4 * compact.width ? compact : undefined;
}

/** What is said of a training part that is prepared batch by batch. */
export function lazyNote(plan: PreprocessPlan, rows: number, most: number): string[] {
  const compact = compactly(plan, rows, most);
  if (!compact) return [];
  const size = (bytes: number): string => (bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
  return [`prepared batch by batch from ${size(rows * compact.bytes)}, in place of ${size(bytesOf(plan, rows))} at once`];
}

/**
 * Examples of each list of rows: held as the network takes them, or where that takes more than `residentBytes`, made batch by batch,
 * equal to the bit.
 */
export async function prepareParts(
  table: Table,
  parts: readonly Int32Array[],
  plan: PreprocessPlan,
  executor: Executor,
  { residentBytes: most, ...options }: CompileOptions & { readonly residentBytes: number },
): Promise<TrainingData[]> {
  const prepared: TrainingData[] = [];
  for (const rows of parts) {
    const compact = compactly(plan, rows.length, most);
    if (compact) prepared.push(await lazily(table, rows, plan, compact, executor, options));
    else prepared.push(...(await prepareDatasets(table, [rows], plan, executor, options)));
  }
  return prepared;
}

async function lazily(
  table: Table,
  rows: Int32Array,
  plan: PreprocessPlan,
  compact: CompactPlan,
  executor: Executor,
  options: CompileOptions,
): Promise<LazyDataset> {
  checkBytes(table, rows.length, plan, rows.length * compact.bytes);
  const kept = compactRows(table, rows, compact);
  // Calls of as many rows as for all inputs: kernels may round differently at the end of a call.
  if (compact.numbers) await fillIn(kept, table, rows, compact.numbers, rowsPerCall(plan), executor, options);
  return {
    targets: targetTensor(table, rows, plan.target),
    width: compact.width,
    write: (chosen, into, held) => writeInputs(kept, chosen, into, held),
  };
}

async function fillIn(
  kept: CompactRows,
  table: Table,
  rows: Int32Array,
  plan: NonNullable<CompactPlan["numbers"]>,
  most: number,
  executor: Executor,
  options: CompileOptions,
): Promise<void> {
  const { inputs, features } = preprocessingGraph(plan);
  const session = await executor.compile(graph({ inputs, outputs: { features } }), options);
  const width = plan.features.length;
  const memory = new Float32Array(Math.min(most, rows.length) * width);
  try {
    for (let from = 0; from < rows.length; from += most) {
      const chosen = rows.subarray(from, from + most);
      const made = memory.subarray(0, chosen.length * width);
      await session.run(rawInputs(table, chosen, plan), { features: tensor("float32", made, [chosen.length, width]) });
      fillNumbers(kept, from, made);
    }
  } finally {
    await session.dispose();
  }
}

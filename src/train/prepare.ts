/** Rows of a table through the preprocessing graph, into memory that training reads. */
import { callsOf, preprocessingGraph, rawInputs, type PreprocessPlan } from "../data/preprocess.ts";
import { targetTensor } from "../data/target-plan.ts";
import { grouped, type Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { graph } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { Dataset } from "./dataset.ts";

/** A part's design matrix may take so many bytes. */
const MOST_BYTES = 8 * 2 ** 30;

/** Rows of one call: fewer where a row is long, so that its raw values and its features stay small beside the dataset. */
export const rowsPerCall = ({ features }: Pick<PreprocessPlan, "features">): number =>
  Math.max(1, Math.min(8192, Math.floor(2 ** 22 / features.length)));

/** @throws GradusError where so many bytes are not to be held */
export function checkBytes({ source }: Table, rows: number, { features, shape }: PreprocessPlan, bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw new GradusError(
    `${source.path}: ${grouped(rows)} rows of ${grouped(features.length)} inputs are ${(bytes / 1e9).toFixed(1)} GB in memory; ${(MOST_BYTES / 1e9).toFixed(1)} GB are prepared at most.`,
    { hint: shape?.length === 3 ? "have the images made smaller: --size 64x64" : "train on fewer rows or columns." },
  );
}

const pick = (rows: Int32Array, positions: Int32Array): Int32Array => positions.map((at) => rows[at]!);

/** A dataset per list of rows; the graph is the one that the exported model begins with. */
export async function prepareDatasets(
  table: Table,
  parts: readonly Int32Array[],
  plan: PreprocessPlan,
  executor: Executor,
  options: CompileOptions = {},
): Promise<Dataset[]> {
  const { inputs, features, lengths } = preprocessingGraph(plan);
  const session = await executor.compile(graph({ inputs, outputs: { features, ...(lengths ? { lengths } : {}) } }), options);
  const width = plan.features.length;
  const most = rowsPerCall(plan);
  const prepare = async (rows: Int32Array): Promise<Dataset> => {
    checkBytes(table, rows.length, plan, 4 * rows.length * width);
    const data = new Float32Array(rows.length * width);
    const steps = new Int32Array(lengths ? rows.length : 0);
    for (const positions of callsOf(table, rows, plan, most)) {
      const [from, n] = [positions[0]!, positions.length];
      const raw = rawInputs(table, pick(rows, positions), plan);
      // Rows that stand together are written in place; images of one size among others are copied to their places.
      const inPlace = positions[n - 1] === from + n - 1;
      const [own, ownSteps] = inPlace
        ? [data.subarray(from * width, (from + n) * width), steps.subarray(from, from + n)]
        : [new Float32Array(n * width), new Int32Array(n)];
      const into = { features: tensor("float32", own, [n, width]) };
      await session.run(raw, { ...into, ...(lengths ? { lengths: tensor("int32", ownSteps) } : {}) });
      if (inPlace) continue;
      positions.forEach((at, i) => {
        data.set(own.subarray(i * width, (i + 1) * width), at * width);
        if (lengths) steps[at] = ownSteps[i]!;
      });
    }
    return {
      features: tensor("float32", data, [rows.length, width]),
      targets: targetTensor(table, rows, plan.target),
      ...(lengths ? { lengths: tensor("int32", steps) } : {}),
    };
  };
  try {
    const datasets: Dataset[] = [];
    for (const rows of parts) datasets.push(await prepare(rows));
    return datasets;
  } finally {
    await session.dispose();
  }
}

/** Rows of a table through the preprocessing graph, into memory that training reads. */
import { preprocessingGraph, rawInputs, type PreprocessPlan } from "../data/preprocess.ts";
import { targetTensor } from "../data/target-plan.ts";
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { graph } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { Dataset } from "./dataset.ts";

/** Rows of one call: fewer where a row is long, so that its raw values and its features stay small beside the dataset. */
export const rowsPerCall = ({ features }: Pick<PreprocessPlan, "features">): number =>
  Math.max(1, Math.min(8192, Math.floor(2 ** 22 / features.length)));

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
    const data = new Float32Array(rows.length * width);
    const steps = new Int32Array(lengths ? rows.length : 0);
    for (let from = 0; from < rows.length; from += most) {
      const to = Math.min(rows.length, from + most);
      const into = { features: tensor("float32", data.subarray(from * width, to * width), [to - from, width]) };
      const counted = lengths ? { lengths: tensor("int32", steps.subarray(from, to)) } : {};
      await session.run(rawInputs(table, rows.subarray(from, to), plan), { ...into, ...counted });
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

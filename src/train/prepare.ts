/** Rows of a table through the preprocessing graph, into memory that training reads. */
import { preprocessingGraph, rawInputs, type PreprocessPlan } from "../data/preprocess.ts";
import { targetTensor } from "../data/target-plan.ts";
import type { Table } from "../data/table.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { graph } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { Dataset } from "./dataset.ts";

const rowsPerCall = 8192;

/** A dataset per list of rows; the graph is the one that the exported model begins with. */
export async function prepareDatasets(
  table: Table,
  parts: readonly Int32Array[],
  plan: PreprocessPlan,
  executor: Executor,
  options: CompileOptions = {},
): Promise<Dataset[]> {
  const { inputs, features } = preprocessingGraph(plan);
  const session = await executor.compile(graph({ inputs, outputs: { features } }), options);
  const width = plan.features.length;
  const prepare = async (rows: Int32Array): Promise<Dataset> => {
    const data = new Float32Array(rows.length * width);
    for (let from = 0; from < rows.length; from += rowsPerCall) {
      const to = Math.min(rows.length, from + rowsPerCall);
      const into = tensor("float32", data.subarray(from * width, to * width), [to - from, width]);
      await session.run(rawInputs(table, rows.subarray(from, to), plan), { features: into });
    }
    return { features: tensor("float32", data, [rows.length, width]), targets: targetTensor(table, rows, plan.target) };
  };
  try {
    const datasets: Dataset[] = [];
    for (const rows of parts) datasets.push(await prepare(rows));
    return datasets;
  } finally {
    await session.dispose();
  }
}

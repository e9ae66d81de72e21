/** Finds the first tensor of a step that is not finite, in forward order. */
import type { Executor } from "../exec/session.ts";
import { tensor } from "../ir/tensor.ts";
import { parameterViews, type ParameterLayout } from "../nn/parameters.ts";
import type { Dataset } from "./dataset.ts";
import type { NonFinite } from "./events.ts";
import { createMasks } from "./masks.ts";
import { inspectionGraph, masksOf, type Problem } from "./step-graph.ts";

const hasNonFinite = (values: Float32Array) => values.some((value) => !Number.isFinite(value));

/** @param at θ and the rows of the step that went wrong */
export async function firstNonFinite(at: {
  readonly problem: Problem;
  readonly layout: ParameterLayout;
  readonly executor: Executor;
  readonly data: Dataset;
  readonly theta: Float32Array;
  readonly rows: Int32Array;
  readonly step: number;
  /** Of the masks. */
  readonly seed: number;
}): Promise<NonFinite> {
  const { step } = at;
  const parameters = parameterViews(at.layout, at.theta);
  const broken = Object.entries(parameters).find(([, value]) => hasNonFinite(value.data as Float32Array));
  if (broken) return { step, tensor: broken[0] };
  const graph = inspectionGraph(at.problem, at.layout);
  const session = await at.executor.compile(graph);
  try {
    const rows = tensor("int32", at.rows.slice());
    const results = await session.run({
      features: at.data.features,
      targets: at.data.targets,
      ...(at.data.lengths ? { lengths: at.data.lengths } : {}),
      ...createMasks(masksOf(at.problem), at.seed).draw(step, rows.data.length),
      rows,
      share: tensor("float32", 1 / rows.data.length),
      ...parameters,
    });
    const first = graph.outputs.find(({ name }) => hasNonFinite(results[name]!.data as Float32Array));
    return { step, tensor: first?.name ?? "the loss" };
  } finally {
    await session.dispose();
  }
}

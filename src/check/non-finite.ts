/** Why a loss is no number at a point: what is given there, or the first operator that makes something that is not finite. */
import type { Executor } from "../exec/session.ts";
import { isFloat } from "../ir/dtype.ts";
import { graph } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { createEvaluator } from "./evaluate.ts";
import { layerOf } from "./locate.ts";
import type { Subject } from "./subject.ts";

export interface NonFinite {
  /** The first tensor that is not finite: a parameter or an input by its name, else the operator that makes it. */
  readonly tensor: string;
  readonly source: "parameter" | "input" | "operator";
  /** Of an operator. */
  readonly layer?: string;
}

const isBroken = ({ data }: Tensor) => data instanceof Float64Array && !data.every(Number.isFinite);

/**
 * Parameters and inputs before operators in forward order; undefined where they are all finite.
 * @param forward whether operators are looked at: those of a finite loss may well meet infinities
 */
export async function findNonFinite(
  subject: Subject,
  { forward, executor }: { readonly forward: boolean; readonly executor?: Executor | undefined },
): Promise<NonFinite | undefined> {
  const { loss, parameters, inputs, signals } = subject;
  const own = new Set(parameters.map(({ name }) => name));
  const given = Object.keys(inputs).filter((name) => isBroken(inputs[name]!));
  const [first] = given.toSorted((a, b) => Number(own.has(b)) - Number(own.has(a)));
  if (first !== undefined) return { tensor: first, source: own.has(first) ? "parameter" : "input" };
  if (!forward) return undefined;
  const made = graph({ outputs: { loss } }).nodes.flatMap((node) =>
    node.outputs.filter(({ dtype }) => isFloat(dtype)).map((value) => ({ node, value })),
  );
  const evaluator = await createEvaluator(subject, executor);
  try {
    const found = await evaluator.values(made.map(({ value }) => value));
    const at = found.findIndex(isBroken);
    if (at < 0) return undefined;
    const layer = layerOf({ signals }, made[at]!.node);
    return { tensor: made[at]!.node.op, source: "operator", ...(layer === undefined ? {} : { layer }) };
  } finally {
    await evaluator.dispose();
  }
}

/** Whether examples in memory fit a problem: where data enter from a program, before any operator is the first to notice. */
import { input, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { EmbeddedInput } from "../nn/layers/category-embedding.ts";
import { buildNetwork } from "../nn/network.ts";
import { parameterInput } from "../nn/parameters.ts";
import { GradusError } from "../util/errors.ts";
import { isLazy, rowsOf, type Dataset, type TrainingData } from "./dataset.ts";
import type { Problem } from "./step-graph.ts";

/**
 * Inputs that are made on the way come from a table, whose lengths and tokens are right by construction.
 * @param what for errors: `training`
 * @throws GradusError where a token is none that the network knows, or a sequence is longer than its steps
 */
export function checkDataset(problem: Problem, data: TrainingData, what: string): void {
  if (isLazy(data) || rowsOf(data) === 0) return;
  const steps = problem.inputShape[0] ?? 1;
  if (data.lengths) checkLengths(data.lengths, steps, rowsOf(data), what);
  const tokens = tokensOf(problem);
  if (tokens !== undefined) checkTokens(data, tokens, what);
  const [first] = problem.network.layers;
  if (first?.kind === "categoryEmbedding" && "columns" in first) for (const column of first.columns) checkCategories(data, column, what);
}

function checkLengths({ data, shape }: Tensor, steps: number, rows: number, what: string): void {
  if (shape.length !== 1 || shape[0] !== rows)
    throw new GradusError(`the ${what} data's lengths must be int32[${rows}], one a row, found [${shape.join(", ")}]`);
  const lengths = data as Int32Array;
  const bad = lengths.findIndex((length) => !(length >= 1 && length <= steps));
  if (bad < 0) return;
  throw new GradusError(`the ${what} data's row ${bad + 1} has a length of ${lengths[bad]}, its sequences have 1 to ${steps} steps`, {
    hint: lengths[bad] === 0 ? "an empty sequence counts as one step of zeros" : "cut longer sequences to the steps that the network sees",
  });
}

function checkTokens({ features }: Dataset, { count, layer }: Tokens, what: string): void {
  const values = features.data as Float32Array;
  const bad = values.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < count));
  if (bad < 0) return;
  const width = sizeOf(features.shape.slice(1));
  const place = `row ${Math.floor(bad / width) + 1}, step ${(bad % width) + 1}`;
  throw new GradusError(`the ${what} data's ${place}: ${values[bad]} is no token of ${layer}, which has 0 to ${count - 1}`, {
    hint: "token numbers are whole; unknown and missing ones need a number of their own",
  });
}

function checkCategories({ features }: Dataset, { at, tokens }: EmbeddedInput, what: string): void {
  const width = sizeOf(features.shape.slice(1));
  const values = features.data as Float32Array;
  for (let row = 0; row * width < values.length; row++) {
    const value = values[row * width + at]!;
    if (Number.isInteger(value) && value >= 0 && value < tokens) continue;
    throw new GradusError(
      `the ${what} data's row ${row + 1}: ${value}, its input ${at}, is no category of categoryEmbedding_1, which has 0 to ${tokens - 1}`,
      { hint: "numbers of categories are whole; 0 is one that is not known" },
    );
  }
}

interface Tokens {
  readonly count: number;
  readonly layer: string;
}

/** Operators that hand on every number of their first input. */
const handsOn = new Set(["Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"]);

/** The smallest table that the network looks its inputs up in, where it does. */
function tokensOf({ network, inputShape }: Problem): Tokens | undefined {
  const x = input("x", "float32", ["batch", ...inputShape]);
  const { signals } = buildNetwork(network, x, parameterInput);
  const isInput = (value: Value): boolean => {
    for (let at = value; ;) {
      if (at === x) return true;
      if (at.origin.kind !== "node" || !handsOn.has(at.origin.node.op)) return false;
      at = at.origin.node.inputs[0]!;
    }
  };
  const found = signals.flatMap(({ name, layer, input: before }): Tokens[] => {
    const { tokens } = layer as { readonly tokens?: number };
    return layer.kind === "embedding" && tokens !== undefined && isInput(before) ? [{ count: tokens, layer: name }] : [];
  });
  return found.toSorted((a, b) => a.count - b.count)[0];
}

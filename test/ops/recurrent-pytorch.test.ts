/** RNN, GRU and LSTM against PyTorch: outputs and gradients on random shapes, in both directions, with sequences of several lengths. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { constant, graph, input, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { applyOp, ops } from "../../src/ops/build.ts";
import { largestError } from "../conformance/differences.ts";
import { needs, pythonWith } from "../support/require.ts";

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface TorchCase {
  readonly kind: "RNN" | "GRU" | "LSTM";
  readonly directions: number;
  readonly lengths: readonly number[] | null;
  readonly inputs: Readonly<Record<string, Numbers>>;
  /** The scalar is the sum of the outputs times these. */
  readonly weights: readonly Numbers[];
  readonly y: Numbers;
  readonly gradients: Readonly<Record<string, Numbers>>;
}

const python = pythonWith("torch");

needs("Python with PyTorch", python !== undefined, "apt-get install python3-torch, or set PYTHON")(
  "recurrent operators have PyTorch's outputs and gradients",
  () => {
    const script = fileURLToPath(new URL("recurrent-pytorch.py", import.meta.url));
    const cases = JSON.parse(execFileSync(python!, [script], { encoding: "utf8", maxBuffer: 2 ** 26 })) as TorchCase[];
    expect(cases).toHaveLength(12);
    expect(new Set(cases.map(({ directions }) => directions))).toEqual(new Set([1, 2]));
    for (const one of cases) check(one);
  },
  60_000,
);

function check({ kind, directions, lengths, inputs, weights, y, gradients }: TorchCase): void {
  const names = Object.keys(inputs);
  const values = Object.fromEntries(names.map((name) => [name, input(name, "float64", inputs[name]!.shape)]));
  const outputs = applyOp(
    kind,
    [
      values["x"]!,
      values["w"]!,
      values["r"]!,
      values["b"]!,
      lengths && constant(tensor("int32", lengths)),
      values["h"]!,
      values["c"] ?? null,
    ],
    {
      hidden_size: y.shape[3]!,
      direction: directions === 2 ? "bidirectional" : "forward",
      ...(kind === "GRU" && { linear_before_reset: 1 }),
    },
  ).outputs;
  const terms = outputs.map((value, i) => {
    const { shape, data } = weights[i]!;
    return ops.ReduceSum(ops.Mul(value, constant(tensor("float64", data, shape))), { keepdims: 0 });
  });
  const loss = terms.reduce<Value | null>((a, b) => (a ? ops.Add(a, b) : b), null)!;
  const found = gradient(loss, Object.values(values));
  const made = graph({ outputs: { y: outputs[0]!, ...Object.fromEntries(names.map((name, i) => [`d${name}`, found[i]!])) } });
  const feeds = Object.fromEntries(
    names.map((name) => [name, { dtype: "float64" as const, shape: inputs[name]!.shape, data: Float64Array.from(inputs[name]!.data) }]),
  );
  const results = evaluateGraph(made, feeds);
  const compare = (name: string, expected: Numbers) =>
    expect(largestError(results[name]!.data as Float64Array, Float64Array.from(expected.data)), `${name} of ${kind}`).toBeLessThan(1e-12);
  compare("y", y);
  for (const name of names) compare(`d${name}`, gradients[name]!);
}

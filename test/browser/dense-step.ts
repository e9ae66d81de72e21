/** Steps of a small dense network, the same in a page and in Node. */
import { gradient } from "../../src/autodiff/gradient.ts";
import type { Executor } from "../../src/exec/session.ts";
import { graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { rng } from "../../src/util/rng.ts";

const sizes = { x: [8, 16], target: [8, 3], w1: [16, 12], b1: [12], w2: [12, 3], b2: [3] } as const;
const parameters = ["w1", "b1", "w2", "b2"] as const;

/** Loss and gradients at random parameters, and losses of steps of gradient descent from there. */
export async function denseSteps(executor: Executor, steps: number): Promise<{ outputs: Record<string, number[]>; losses: number[] }> {
  const value = Object.fromEntries(Object.entries(sizes).map(([name, shape]) => [name, input(name, "float32", shape)]));
  const hidden = ops.Tanh(ops.Add(ops.MatMul(value["x"]!, value["w1"]!), value["b1"]!));
  const logits = ops.Add(ops.MatMul(hidden, value["w2"]!), value["b2"]!);
  const likelihood = ops.ReduceSum(ops.Mul(value["target"]!, ops.LogSoftmax(logits, { axis: 1 })), { keepdims: 0 });
  const loss = ops.Div(ops.Neg(likelihood), sizes.x[0]);
  const gradients = gradient(loss, parameters.map((name) => value[name]!));
  const made = graph({
    outputs: { loss, logits, ...Object.fromEntries(parameters.map((name, i) => [`d_${name}`, gradients[i]!])) },
    inputs: Object.values(value),
  });

  const random = rng(7, "dense");
  const feeds = Object.fromEntries(
    Object.entries(sizes).map(([name, shape]) => {
      const size = shape.reduce((a: number, b: number) => a * b, 1);
      const data = Float32Array.from({ length: size }, (_, i) => (name === "target" ? Number(i % 3 === Math.floor(i / 3) % 3) : 0.5 * random.normal()));
      return [name, tensor("float32", data, shape)];
    }),
  );
  const session = await executor.compile(made, { threads: 1 });
  const losses: number[] = [];
  let outputs: Record<string, number[]> = {};
  for (let step = 0; step < steps; step++) {
    const results = await session.run(feeds);
    const numbers = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
    if (step === 0) outputs = numbers;
    losses.push(numbers["loss"]![0]!);
    for (const name of parameters) {
      const theta = feeds[name]!.data as Float32Array;
      theta.forEach((old, i) => (theta[i] = old - 0.5 * numbers[`d_${name}`]![i]!));
    }
  }
  await session.dispose();
  return { outputs, losses };
}

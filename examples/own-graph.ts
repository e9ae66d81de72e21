/** The graph underneath: ONNX operators, differentiated, compiled, and run as gradient descent. In a clone: npx tsx examples/own-graph.ts */
import { compile, gradient, input, ops, printGraph, graph, tensor } from "gradus/graph";

// Logistic regression: x [batch, 2], y [batch, 1], w [2, 1]; J = mean(softplus(z) − y·z).
const x = input("x", "float32", ["batch", 2]);
const y = input("y", "float32", ["batch", 1]);
const w = input("w", "float32", [2, 1]);
const z = ops.MatMul(x, w);
const loss = ops.ReduceMean(ops.Sub(ops.Softplus(z), ops.Mul(y, z)), { keepdims: 0 });
const [dw] = gradient(loss, [w]);
const next = ops.Sub(w, ops.Mul(dw!, 0.5));
console.log(printGraph(graph({ inputs: [x, y, w], outputs: { loss, next } })));

const step = await compile({ inputs: { x, y, w }, outputs: { loss, next } });
const data = { x: tensor("float32", [[1, 2], [2, 1], [-1, -2], [-2, -1]]), y: tensor("float32", [[1], [1], [0], [0]]) }; // prettier-ignore
let weights = tensor("float32", [[0], [0]]);
for (let i = 0; i <= 100; i++) {
  const result = await step.run({ ...data, w: weights });
  weights = result["next"]!;
  if (i % 25 === 0) console.log(`step ${i}: J = ${Number(result["loss"]!.data[0]).toFixed(4)}`);
}
await step.dispose();

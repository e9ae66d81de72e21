// TensorFlow.js: raw operations and its own optimizers (`minimize`), on its WebAssembly (SIMD, threads where it can) or plain JavaScript backend.
import { createRequire } from "node:module";
import { batches, initialWeights, serve } from "./protocol.mjs";

const require = createRequire(import.meta.url);

async function build({ case: { layers, batch, optimizer }, backend = "wasm", threads = 1 }, rows) {
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") require("@tensorflow/tfjs-backend-wasm").setThreadsCount(threads);
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  const classes = layers.at(-1);
  const next = batches(rows, batch);
  const weights = initialWeights(layers);
  const parameters = weights.map(({ w, b, inputs, outputs }) => ({
    w: tf.variable(tf.tensor2d(w, [inputs, outputs])),
    b: tf.variable(tf.tensor1d(b)),
  }));
  const rule = optimizer === "sgd" ? tf.train.sgd(0.01) : tf.train.adam(1e-3);

  const logits = (x) => parameters.reduce((h, { w, b }, i) => tf.add(tf.matMul(i > 0 ? tf.relu(h) : h, w), b), x);
  const loss = (x, y) => tf.losses.softmaxCrossEntropy(tf.oneHot(y, classes), logits(x));

  function step() {
    const { x, y } = next();
    return tf.tidy(() => {
      const [inputs, labels] = [tf.tensor2d(x, [batch, layers[0]]), tf.tensor1d(y, "int32")];
      return rule.minimize(() => loss(inputs, labels), true).dataSync()[0];
    });
  }
  const classify = ({ x, count }) => tf.tidy(() => tf.argMax(logits(tf.tensor2d(x, [count, layers[0]])), -1).dataSync());
  function dispose() {
    for (const { w, b } of parameters) tf.dispose([w, b]);
    rule.dispose();
  }
  return { step, classify, dispose, parameters: weights.reduce((sum, { w, b }) => sum + w.length + b.length, 0) };
}

function versions() {
  return { "@tensorflow/tfjs": require("@tensorflow/tfjs/package.json").version, node: process.version };
}

await serve({ build, versions });

// TensorFlow.js: raw operations and its own optimizers (`minimize`), on its WebAssembly (SIMD, threads where it can) or plain JavaScript backend.
import { createRequire } from "node:module";
import { batches, initialWeights, serve } from "./protocol.mjs";

const require = createRequire(import.meta.url);

async function prepare({ case: { layers, batch, optimizer, rows }, backend = "wasm", threads = 1 }) {
  const tf = require("@tensorflow/tfjs");
  if (backend === "wasm") require("@tensorflow/tfjs-backend-wasm").setThreadsCount(threads);
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  const classes = layers.at(-1);
  const next = batches({ layers, batch, rows });
  const weights = initialWeights(layers);
  const parameters = weights.map(({ w, b, inputs, outputs }) => ({
    w: tf.variable(tf.tensor2d(w, [inputs, outputs])),
    b: tf.variable(tf.tensor1d(b)),
  }));
  const rule = optimizer === "sgd" ? tf.train.sgd(0.01) : tf.train.adam(1e-3);

  function loss(x, y) {
    const logits = parameters.reduce((h, { w, b }, i) => tf.add(tf.matMul(i > 0 ? tf.relu(h) : h, w), b), x);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(y, classes), logits);
  }

  function step() {
    const { x, y } = next();
    return tf.tidy(() => {
      const [inputs, labels] = [tf.tensor2d(x, [batch, layers[0]]), tf.tensor1d(y, "int32")];
      return rule.minimize(() => loss(inputs, labels), true).dataSync()[0];
    });
  }
  step();
  return { step, parameters: weights.reduce((sum, { w, b }) => sum + w.length + b.length, 0) };
}

function versions() {
  return { "@tensorflow/tfjs": require("@tensorflow/tfjs/package.json").version, node: process.version };
}

await serve({ prepare, versions });

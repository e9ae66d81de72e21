// jax-js on its WebAssembly backend: the whole step, update included, in one `jit`, the library's fastest form.
// `workers` 0 runs on the main thread, as the library does in Node; more are given through a stand-in for the browser's Worker.
import { readFile } from "node:fs/promises";
import { batches, initialWeights, serve } from "./protocol.mjs";
import { provideWorkers } from "./web-worker.mjs";

async function build({ case: { layers, batch, optimizer }, workers = 0, form = "step" }, rows) {
  if (workers > 0) provideWorkers(workers);
  const { blockUntilReady, init, jit, nn, numpy: np, tree, valueAndGrad } = await import("@jax-js/jax");
  await init("wasm");
  const classes = layers.at(-1);
  const next = batches(rows, batch);

  /** Every array given to a function is consumed by it, `.ref` keeps one more. */
  function logits(parameters, x) {
    let h = x;
    parameters.forEach(({ w, b }, i) => {
      if (i > 0) h = nn.relu(h);
      h = np.matmul(h, w).add(b);
    });
    return h;
  }

  /** Mean cross-entropy. */
  function loss(parameters, x, y) {
    return nn
      .logSoftmax(logits(parameters, x), -1)
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / batch);
  }

  function sgd(parameters, state, gradients) {
    return [tree.map((p, g) => p.sub(g.mul(0.01)), parameters, gradients), state];
  }

  /** rates = [lr / (1 - β₁ᵗ), 1 / √(1 - β₂ᵗ)] */
  function adam(parameters, { m, v }, gradients, rates) {
    const rate = rates.ref.slice(0);
    const correction = rates.slice(1);
    const first = tree.map((old, g) => old.mul(0.9).add(g.mul(0.1)), m, tree.ref(gradients));
    const second = tree.map((old, g) => old.mul(0.999).add(np.square(g).mul(0.001)), v, gradients);
    const updated = tree.map(
      (p, a, b) => p.sub(a.mul(rate.ref).div(np.sqrt(b).mul(correction.ref).add(1e-8))),
      parameters,
      tree.ref(first),
      tree.ref(second),
    );
    rate.dispose();
    correction.dispose();
    return [updated, { m: first, v: second }];
  }

  const gradients = valueAndGrad(loss);
  const apply = optimizer === "sgd" ? (p, s, g, r) => (r.dispose(), sgd(p, s, g)) : adam;
  const whole = jit((parameters, state, x, y, rates) => {
    const [value, g] = gradients(tree.ref(parameters), x, y);
    return [value, ...apply(parameters, state, g, rates)];
  });
  const [jitGradients, jitUpdate] = [jit(gradients), jit(apply)];
  const inTwo = (parameters, state, x, y, rates) => {
    const [value, g] = jitGradients(tree.ref(parameters), x, y);
    return [value, ...jitUpdate(parameters, state, g, rates)];
  };
  const run = form === "step" ? whole : inTwo;

  const weights = initialWeights(layers);
  let parameters = weights.map(({ w, b, inputs, outputs }) => ({ w: np.array(w).reshape([inputs, outputs]), b: np.array(b) }));
  const zeros = () => weights.map(({ inputs, outputs }) => ({ w: np.zeros([inputs, outputs]), b: np.zeros([outputs]) }));
  let state = optimizer === "sgd" ? {} : { m: zeros(), v: zeros() };
  let t = 0;

  async function step() {
    t++;
    const { x, y } = next();
    const rates = np.array(new Float32Array([1e-3 / (1 - 0.9 ** t), 1 / Math.sqrt(1 - 0.999 ** t)]));
    const result = run(parameters, state, np.array(x).reshape([batch, layers[0]]), np.array(y), rates);
    parameters = result[1];
    state = result[2];
    return workers > 0 ? (await result[0].data())[0] : result[0].dataSync()[0];
  }
  const finish = async () => void (await blockUntilReady({ parameters, state }));
  const likeliest = jit((parameters, x) => np.argmax(logits(parameters, x), -1));
  async function classify({ x, count }) {
    const classes = likeliest(tree.ref(parameters), np.array(x).reshape([count, layers[0]]));
    return workers > 0 ? await classes.data() : classes.dataSync();
  }
  const dispose = () => tree.dispose({ parameters, state });
  return { step, finish, classify, dispose, parameters: weights.reduce((sum, { w, b }) => sum + w.length + b.length, 0) };
}

async function versions() {
  const manifest = new URL("../node_modules/@jax-js/jax/package.json", import.meta.url);
  return { "@jax-js/jax": JSON.parse(await readFile(manifest, "utf8")).version, node: process.version };
}

await serve({ build, versions });

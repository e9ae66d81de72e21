// What the JavaScript peers share: the line protocol, the rows, and the draw of fresh mini-batches.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

/**
 * Answers the driver's requests: `versions`, `prepare`, `block`, `train`, `trial`, `score`, `quit`, one JSON object a line.
 * A step = gather a fresh shuffled mini-batch from memory, forward, backward, update, loss back to the host.
 * A block ends when its last update is done (`finish`), not when the last loss is there: work left over would run in the other's time.
 * A training = from rows in memory to trained weights: set-up, initial weights, all steps, and the accuracy on other rows after each epoch.
 * A trial = the time of an epoch over the first rows; a score = the time of a training until the accuracy on other rows is high enough.
 * `build` makes a trainer over rows {x, y, count}; `classify` gives the likeliest class of each of other rows.
 * @param {{versions: () => object, build: (request: any, rows: any) => Promise<{step: () => number | Promise<number>, finish?: () => Promise<void>,
 *   classify: (rows: any) => ArrayLike<number> | Promise<ArrayLike<number>>, dispose?: () => void, parameters: number}>}} peer
 */
export async function serve(peer) {
  let trainer;
  let stored;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.cmd === "quit") break;
    let reply;
    try {
      if (request.cmd === "versions") reply = { versions: await peer.versions() };
      else if (request.cmd === "prepare") {
        trainer = await peer.build(request, randomRows(request.case));
        await trainer.step();
        reply = { ready: true, parameters: trainer.parameters };
      } else if (request.cmd === "train") {
        stored ??= await storedRows(request.folder);
        reply = await training(peer, request, stored);
      } else if (request.cmd === "trial" || request.cmd === "score") {
        stored ??= await storedRows(request.folder);
        reply = await (request.cmd === "trial" ? trial : score)(peer, request, stored);
      } else reply = await block(trainer, request);
    } catch (error) {
      reply = { error: String(error?.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}

async function block(trainer, { steps, warm = 0 }) {
  for (let i = 0; i < warm; i++) await trainer.step();
  await trainer.finish?.();
  const start = performance.now();
  let loss = 0;
  for (let i = 0; i < steps; i++) loss = await trainer.step();
  await trainer.finish?.();
  return { seconds: (performance.now() - start) / 1000, loss };
}

async function training(peer, request, { train, validation }) {
  const { batch } = request.case;
  const start = performance.now();
  const trainer = await peer.build(request, train);
  let right = 0;
  for (let epoch = 0; epoch < request.epochs; epoch++) {
    for (let at = 0; at + batch <= train.count; at += batch) await trainer.step();
    const classes = await trainer.classify(validation);
    right = validation.y.reduce((sum, label, row) => sum + (classes[row] === label ? 1 : 0), 0);
  }
  await trainer.finish?.();
  const seconds = (performance.now() - start) / 1000;
  trainer.dispose?.();
  return { seconds, accuracy: right / validation.count, parameters: trainer.parameters };
}

async function trial(peer, { layers, batch, rows, ...request }, { train }) {
  const count = Math.min(rows, train.count);
  const trainer = await peer.build(
    { case: { layers, batch, optimizer: "adam" }, ...request },
    { ...train, x: train.x.subarray(0, count * layers[0]), count },
  );
  await trainer.step();
  await trainer.finish?.();
  const start = performance.now();
  for (let at = 0; at + batch <= count; at += batch) await trainer.step();
  await trainer.finish?.();
  const seconds = (performance.now() - start) / 1000;
  trainer.dispose?.();
  return { seconds };
}

/** Adam at 0.001 until the score is reached or the limit, in seconds, is over. */
async function score(peer, { layers, batch, score: wanted, limit, epochs: most, ...request }, { train, validation }) {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const trainer = await peer.build({ case: { layers, batch, optimizer: "adam" }, ...request }, train);
  let [epochs, best] = [0, 0];
  while (epochs < most && best < wanted && elapsed() < limit) {
    let at = 0;
    for (; at + batch <= train.count && elapsed() < limit; at += batch) await trainer.step();
    if (at + batch <= train.count) break;
    const classes = await trainer.classify(validation);
    const right = validation.y.reduce((sum, label, row) => sum + (classes[row] === label ? 1 : 0), 0);
    [epochs, best] = [epochs + 1, Math.max(best, right / validation.count)];
  }
  const seconds = elapsed();
  trainer.dispose?.();
  const reached = best >= wanted && seconds <= limit;
  return { seconds: reached ? seconds : limit, reached, epochs, best };
}

/** Rows and labels without meaning. */
function randomRows({ layers, rows: count }) {
  const x = Float32Array.from({ length: count * layers[0] }, normal);
  const y = Int32Array.from({ length: count }, () => Math.floor(Math.random() * layers.at(-1)));
  return { x, y, count };
}

/** The rows of a training: `x.f32`, `y.i32`, and `parts.json` {train, validation}, the count of each, one after the other. */
async function storedRows(folder) {
  const bytes = async (name) => new Uint8Array(await readFile(`${folder}/${name}`)).buffer;
  const parts = JSON.parse(await readFile(`${folder}/parts.json`, "utf8"));
  const [x, y] = [new Float32Array(await bytes("x.f32")), new Int32Array(await bytes("y.i32"))];
  const width = x.length / y.length;
  const part = (from, count) => ({ x: x.subarray(from * width, (from + count) * width), y: y.subarray(from, from + count), count });
  return { train: part(0, parts.train), validation: part(parts.train, parts.validation) };
}

/** `next()`: the following mini-batch of a fresh permutation per epoch. */
export function batches({ x, y, count }, batch) {
  const width = x.length / count;
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let at = count;
  return () => {
    if (at + batch > count) {
      shuffle(order);
      at = 0;
    }
    const rowsOfBatch = new Float32Array(batch * width);
    const labels = new Int32Array(batch);
    for (let i = 0; i < batch; i++) {
      const row = order[at + i];
      rowsOfBatch.set(x.subarray(row * width, (row + 1) * width), i * width);
      labels[i] = y[row];
    }
    at += batch;
    return { x: rowsOfBatch, y: labels };
  };
}

/** Weights of every layer as [inputs, outputs] with He's variance, biases at zero. */
export function initialWeights(layers) {
  return layers.slice(1).map((outputs, i) => {
    const inputs = layers[i];
    const deviation = Math.sqrt(2 / inputs);
    return {
      inputs,
      outputs,
      w: Float32Array.from({ length: inputs * outputs }, () => deviation * normal()),
      b: new Float32Array(outputs),
    };
  });
}

function shuffle(order) {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

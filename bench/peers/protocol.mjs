// What the JavaScript peers share: the line protocol, the rows, and the draw of fresh mini-batches.
import { createInterface } from "node:readline";

/**
 * Answers the driver's requests: `versions`, `prepare`, `block`, `quit`, one JSON object a line.
 * A step = gather a fresh shuffled mini-batch from memory, forward, backward, update, loss back to the host.
 * A block ends when its last update is done (`finish`), not when the last loss is there: work left over would run in the other's time.
 * @param {{versions: () => object, prepare: (request: any) => Promise<{step: () => number | Promise<number>, finish?: () => Promise<void>, parameters: number}>}} peer
 */
export async function serve(peer) {
  let trainer;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    if (request.cmd === "quit") break;
    let reply;
    try {
      if (request.cmd === "versions") reply = { versions: await peer.versions() };
      else if (request.cmd === "prepare") {
        trainer = await peer.prepare(request);
        reply = { ready: true, parameters: trainer.parameters };
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

/** Random rows and labels, and `next()`: the following mini-batch of a fresh permutation per epoch. */
export function batches({ layers, batch, rows }) {
  const width = layers[0];
  const classes = layers.at(-1);
  const x = Float32Array.from({ length: rows * width }, normal);
  const y = Int32Array.from({ length: rows }, () => Math.floor(Math.random() * classes));
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  let at = rows;
  return () => {
    if (at + batch > rows) {
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

/** The signal through ten layers, as the lecture has it, measured and drawn. In a clone: npx tsx examples/signal.ts [picture.svg] */
import { writeFileSync } from "node:fs";
import { activation, dense, lossByName, measureSignal, sequential, signalPicture, type Initializer } from "gradus";
import { tensor } from "gradus/graph";

const n = 128;
const depth = 10;
const rows = 64;
const rowOfOnes = tensor("float32", new Float32Array(n).fill(1), [1, n]);

/** Ten dense layers of n units, every weight matrix drawn alike. */
function tenLayers(fill: Initializer["fill"], bend: boolean) {
  const layers = Array.from({ length: depth }, () => [
    dense(n, { initializer: { name: "example", fill } }),
    ...(bend ? [activation("relu")] : []),
  ]);
  return { network: sequential(layers.flat()), loss: lossByName("meanSquared"), inputShape: [n], outputs: n };
}

// The lecture's: W = w·I in every layer, so the signal grows by w a layer: w⁹ from the first to the tenth.
for (const w of [1.5, 0.5]) {
  const diagonal: Initializer["fill"] = (weights) => {
    for (let i = 0; i < n; i++) weights[i * n + i] = w;
  };
  const { layers, forwardFactor } = await measureSignal(tenLayers(diagonal, false), { features: rowOfOnes, targets: rowOfOnes });
  console.log(`W = ${w}·I: × ${forwardFactor} a layer, × ${layers[9]!.forward / layers[0]!.forward} after nine`);
}

// Random weights of variance v/n, linear and with ReLU: which v keeps the signal depends on what bends it.
const noise = (seed: number) => Float32Array.from({ length: rows * n }, (_, i) => Math.sqrt(2) * Math.sin(seed + i * i * 0.7391));
const data = { features: tensor("float32", noise(1), [rows, n]), targets: tensor("float32", noise(2), [rows, n]) };
const variances = [
  ["variance 1/n", 1],
  ["variance 2/n", 2],
  ["too small, 0.25/n", 0.25],
  ["too large, 4.5/n", 4.5],
] as const;
const panels = [];
for (const bend of [false, true]) {
  const title = bend ? "ReLU after every layer" : "linear layers";
  const lines = [];
  for (const [label, v] of variances) {
    const random: Initializer["fill"] = (weights, { fanIn }, rng) => {
      for (let i = 0; i < weights.length; i++) weights[i] = Math.sqrt(v / fanIn) * rng.normal();
    };
    const { layers, forwardFactor, backwardFactor } = await measureSignal(tenLayers(random, bend), data);
    const factors = `× ${forwardFactor.toFixed(2)} a layer`;
    console.log(`${title}, ${label}: ${factors}, gradients × ${backwardFactor.toFixed(2)}`);
    lines.push({ label: `${label}: ${factors}`, values: layers.map(({ forward }) => forward) });
  }
  panels.push({ title, lines });
}
const picture = process.argv[2];
if (picture !== undefined) {
  writeFileSync(picture, signalPicture(panels, { title: "The signal through ten layers, by the variance of their weights" }));
  console.log(picture);
}

/** Small problems on which healthy and faulty trainings are compared: shipped data and made-up ones, networks, optimizers that suit them. */
import { fileURLToPath } from "node:url";
import { readTable } from "../../../src/data/read-table.ts";
import { compile } from "../../../src/exec/executor.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import type { ActivationName } from "../../../src/nn/activation.ts";
import type { AnyLayer } from "../../../src/nn/layers/index.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import type { Loss } from "../../../src/nn/loss.ts";
import { losses } from "../../../src/nn/losses/index.ts";
import type { OptimizerName } from "../../../src/optim/optimizers/index.ts";
import { pickDataset, rowsOf, type Dataset } from "../../../src/train/dataset.ts";
import { splitTable } from "../../../src/train/fit-table.ts";
import { planTable } from "../../../src/train/plan-table.ts";
import { prepareDatasets } from "../../../src/train/prepare.ts";
import { rng } from "../../../src/util/rng.ts";

export interface Rows {
  readonly name: string;
  readonly data: Dataset;
  readonly loss: Loss;
  readonly inputs: number;
  readonly outputs: number;
}

/** What a training is made of; faults change parts of it. */
export interface Subject {
  readonly name: string;
  readonly rows: Rows;
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly epochs: number;
}

const most = 480;

async function shipped(name: string, target: string): Promise<Rows> {
  const table = await readTable(fileURLToPath(new URL(`../../../examples/${name}.csv`, import.meta.url)), {
    target,
    task: "classification",
  });
  const parts = splitTable(table, { seed: 1 });
  const { plan, problem } = planTable({ kind: "mlp", layers: [4] }, parts, {});
  const [all] = await prepareDatasets(table, [parts.train], plan, { name: "platform", compile });
  const data = rowsOf(all!) > most ? pickDataset(all!, rng(1, "rows").permutation(rowsOf(all!)).subarray(0, most)) : all!;
  return { name, data, loss: problem.loss, inputs: problem.inputShape[0]!, outputs: problem.outputs };
}

/** Friedman's first function of 10 numbers, with noise, standardised. */
function friedman(): Rows {
  const draw = rng(11, "friedman");
  const [rows, inputs] = [400, 10];
  const u = draw.fillUniform(new Float32Array(rows * inputs));
  const y = Float32Array.from({ length: rows }, (_, i) => {
    const [a, b, c, d, e] = u.subarray(i * inputs, i * inputs + 5) as unknown as [number, number, number, number, number];
    return 10 * Math.sin(Math.PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e + draw.normal();
  });
  const mean = y.reduce((sum, value) => sum + value, 0) / rows;
  const deviation = Math.sqrt(y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
  return {
    name: "friedman",
    data: {
      features: tensor(
        "float32",
        u.map((value) => (value - 0.5) * Math.sqrt(12)),
        [rows, inputs],
      ),
      targets: tensor(
        "float32",
        y.map((value) => (value - mean) / deviation),
        [rows, 1],
      ),
    },
    loss: losses.meanSquared,
    inputs,
    outputs: 1,
  };
}

/** Two interleaved moons, turned and shifted, with noise. */
function moons(): Rows {
  const draw = rng(12, "moons");
  const rows = 400;
  const features = new Float32Array(rows * 2);
  const targets = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const second = i % 2;
    const angle = Math.PI * draw.uniform();
    const [x, y] = second ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
    features[2 * i] = (x + 0.15 * draw.normal() - 0.5) / 0.87;
    features[2 * i + 1] = (y + 0.15 * draw.normal() - 0.25) / 0.5;
    targets[i] = second;
  }
  const [x, y] = [tensor("float32", features, [rows, 2]), tensor("float32", targets, [rows, 1])];
  return { name: "moons", data: { features: x, targets: y }, loss: losses.binaryCrossEntropy, inputs: 2, outputs: 1 };
}

let known: Promise<readonly Rows[]> | undefined;

/** Six sets: four that are shipped, two made up. */
export function allRows(): Promise<readonly Rows[]> {
  const files = [
    ["penguins", "species"],
    ["wine", "class"],
    ["breast-cancer", "class"],
    ["digits8x8", "digit"],
  ] as const;
  const read = async () => [...(await Promise.all(files.map(([name, target]) => shipped(name, target)))), friedman(), moons()];
  return (known ??= read());
}

const networks: readonly (readonly [ActivationName, readonly number[]])[] = [
  ["relu", [24]],
  ["relu", [32, 16]],
  ["tanh", [24, 12]],
  ["tanh", [16, 16, 16]],
  ["relu", [16, 16, 16]],
  ["sigmoid", [24]],
];
const rates: readonly (readonly [OptimizerName, number])[] = [
  ["sgd", 0.1],
  ["momentum", 0.02],
  ["adam", 0.005],
  ["adamw", 0.005],
];

/** Healthy trainings, a different one for every number. */
export async function subjectOf(number: number): Promise<Subject> {
  const rows = (await allRows())[number % 6]!;
  const [kind, hidden] = networks[Math.floor(number / 6) % networks.length]!;
  const [optimizer, rate] = rates[(number + Math.floor(number / 6)) % rates.length]!;
  // A sigmoid layer passes a quarter of the slope, so that plain descent takes longer strides.
  const learningRate = rate * (kind === "sigmoid" && (optimizer === "sgd" || optimizer === "momentum") ? 4 : 1);
  const small = rowsOf(rows.data) < 200;
  const name = `${rows.name} ${hidden.join("-")} ${kind} ${optimizer}`;
  return { name, rows, hidden, activation: kind, optimizer, learningRate, batchSize: small ? 16 : 32, epochs: small ? 24 : 16 };
}

/** How many there are before they repeat. */
export const subjects = 6 * networks.length;

export function layersOf({ hidden, activation: name, rows }: Subject, between: readonly AnyLayer[] = []): AnyLayer[] {
  return [...hidden.flatMap((units, i) => [dense(units), activation(name), ...(i === 0 ? between : [])]), dense(rows.outputs)];
}

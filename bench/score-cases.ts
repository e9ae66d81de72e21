/** What is trained until it reaches a score: rows ready in memory, dense networks, the same rows and hidden layers for every library. */
import { writeFile } from "node:fs/promises";
import { readTable } from "../src/data/read-table.ts";
import { executor } from "../src/exec/onnxruntime-node.ts";
import { splitTable } from "../src/train/fit-table.ts";
import { planTable } from "../src/train/plan-table.ts";
import { prepareDatasets } from "../src/train/prepare.ts";
import { hiddenLayers } from "./accuracy-cases.ts";
import { idxTable } from "./idx.ts";

export interface ScoreCase {
  readonly name: string;
  /** A CSV file, or a folder of IDX files whose published test part is scored. */
  readonly path: string;
  readonly target: string;
  /** [channels, height, width]: pixels are standardised together. */
  readonly shape: readonly [number, number, number];
  /** Accuracy to be reached; the median that scikit-learn's network ends with where left out. */
  readonly score?: number;
  /** Seconds that a run is given. */
  readonly limit: number;
  /** Epochs that a run plans for, as in the comparison of held-out quality; a run that has not got there by then counts as the limit. */
  readonly epochs: number;
  readonly seeds: number;
  /** Sizes of a batch among which each library has the one that gets there first; its own default counts besides. */
  readonly batches: readonly number[];
}

export const scoreCases: readonly ScoreCase[] = [
  {
    name: "digits8x8",
    path: "digits8x8/digits8x8.csv",
    target: "digit",
    shape: [1, 8, 8],
    limit: 10,
    epochs: 100,
    seeds: 11,
    batches: [32, 64, 128],
  },
  {
    name: "fashion-mnist",
    path: "fashion-mnist",
    target: "label",
    shape: [1, 28, 28],
    score: 0.88,
    limit: 60,
    epochs: 15,
    seeds: 7,
    batches: [64, 128, 256],
  },
];

/** What the files hold. */
export interface ScoreRows {
  readonly train: number;
  readonly validation: number;
  /** Units from input to output. */
  readonly layers: readonly number[];
}

/**
 * Standardised rows as every library gets them, those to train on before those to score: `x.f32`, `y.i32`, and `parts.json`
 * {train, validation}, the count of each. Without a published test part a fifth of the rows is scored.
 */
export async function writeScoreRows({ path, target, shape }: ScoreCase, data: string, folder: string): Promise<ScoreRows> {
  const file = `${data}/${path}`;
  const table = path.endsWith(".csv") ? await readTable(file, { target, together: true }) : await idxTable(file);
  const parts = splitTable(table, { seed: 1 });
  // What is scored chooses nothing, so there is no third part.
  const rest = new Set(parts.test);
  const train = Int32Array.from({ length: table.rows }, (_, row) => row).filter((row) => !rest.has(row));
  const { plan, problem } = planTable({ kind: "mlp", shape, layers: hiddenLayers }, { ...parts, train }, {});
  const datasets = await prepareDatasets(table, [train, parts.test], plan, executor);
  const width = plan.features.length;
  const x = new Float32Array(table.rows * width);
  const y = new Int32Array(table.rows);
  let at = 0;
  for (const { features, targets } of datasets) {
    x.set(features.data as Float32Array, at * width);
    const oneHot = targets.data as Float32Array;
    for (let i = 0; i < oneHot.length; i++) if (oneHot[i] === 1) y[at + Math.floor(i / problem.outputs)] = i % problem.outputs;
    at += targets.shape[0]!;
  }
  const counts = { train: train.length, validation: parts.test.length };
  await writeFile(`${folder}/x.f32`, x);
  await writeFile(`${folder}/y.i32`, y);
  await writeFile(`${folder}/parts.json`, JSON.stringify(counts));
  return { ...counts, layers: [width, ...hiddenLayers, problem.outputs] };
}

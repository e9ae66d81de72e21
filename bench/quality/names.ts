/** The ready `gru` on first names, letter by letter, against a GRU of the same size in PyTorch on the same rows. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { architectures } from "../../src/nn/architectures/index.ts";
import { losses } from "../../src/nn/losses/index.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { scheduleByName } from "../../src/optim/schedules/index.ts";
import { pickDataset, type Dataset } from "../../src/train/dataset.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { countWrong } from "../../src/train/events.ts";
import { fit } from "../../src/train/fit.ts";
import { layoutOf, type Problem } from "../../src/train/step-graph.ts";
import { rng } from "../../src/util/rng.ts";
import { meanInterval } from "../../src/util/statistics.ts";
import { startPeer } from "../process.ts";
import { findPython } from "../python.ts";
import type { QualityRow } from "../quality.ts";

const seeds = 5;
const epochs = 20;
const settings = { units: 64, epochs, batch: 32, learningRate: 0.002 };

export async function namesQuality(data: string, say: (line: string) => void): Promise<QualityRow> {
  const { rows, tokens, time } = await readNames(`${data}/names/names.csv`);
  const all = encode(rows, time);
  const problem: Problem = {
    network: architectures.gru.build({ inputShape: [time], outputs: 1, tokens }, { layers: [settings.units] }),
    loss: losses.binaryCrossEntropy,
    inputShape: [time],
    outputs: 1,
    variableLength: true,
  };
  const folder = await mkdtemp(`${tmpdir()}/gradus-bench-`);
  const started = performance.now();
  const [ours, theirs]: [number[], number[]] = [[], []];
  let missing: string | undefined;
  const peer = await findPython("torch").then(
    (python) => startPeer([python, fileURLToPath(new URL("../peers/names.py", import.meta.url))], { OMP_NUM_THREADS: "1" }),
    (error: Error) => void (missing = error.message),
  );
  try {
    for (let seed = 1; seed <= seeds; seed++) {
      const order = rng(seed, "split").permutation(rows.length);
      const cut = (from: number, to: number) => order.subarray(Math.floor(from * rows.length), Math.floor(to * rows.length));
      const [train, validation, test] = [cut(0, 0.7), cut(0.7, 0.8), cut(0.8, 1)];
      const result = await fit(
        problem,
        { train: pickDataset(all, train), validation: pickDataset(all, validation) },
        {
          optimizer: optimizerByName("adam"),
          learningRate: settings.learningRate,
          schedule: scheduleByName("constant"),
          epochs,
          batchSize: settings.batch,
          seed,
          executor,
        },
      );
      const evaluator = await createEvaluator(problem, layoutOf(problem), executor);
      const part = pickDataset(all, test);
      const { prediction } = await evaluator.evaluate(result.theta, part);
      await evaluator.dispose();
      ours.push(countWrong(prediction, part.targets.data as Float32Array, 1) / test.length);
      if (peer) {
        const numbers = { tokens, time, x: [...(all.features.data as Float32Array)], lengths: [...(all.lengths!.data as Int32Array)] };
        const file = `${folder}/rows.json`;
        const y = [...(all.targets.data as Float32Array)];
        await writeFile(file, JSON.stringify({ ...numbers, y, train: [...train], validation: [...validation], test: [...test] }));
        theirs.push((await peer.request<{ error_rate: number }>({ cmd: "fit", file, seed, ...settings })).error_rate);
      }
      say(
        `  names seed ${seed}: test error ${ours.at(-1)!.toFixed(4)}${theirs.at(-1) === undefined ? "" : ` against PyTorch ${theirs.at(-1)!.toFixed(4)}`}`,
      );
    }
  } finally {
    await peer?.quit();
    await rm(folder, { recursive: true, force: true });
  }
  const difference = theirs.length > 0 ? meanInterval(ours.map((error, i) => error - theirs[i]!)) : undefined;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const own = `mean test error ${mean(ours).toFixed(4)}`;
  return {
    name: "names",
    what:
      `\`gru\` of ${settings.units} units over letters, ${epochs} epochs, best validation epoch; ${own}` +
      (difference ? `, PyTorch's GRU ${mean(theirs).toFixed(4)}; the figure is the difference, per seed` : `; PyTorch missing: ${missing}`),
    figure: difference ?? meanInterval(ours),
    wanted: "difference at most 0.01",
    ...(difference ? { met: difference.value <= 0.01 } : {}),
    seconds: (performance.now() - started) / 1000,
  };
}

interface NameRow {
  /** 1 … tokens − 1. */
  readonly letters: readonly number[];
  readonly female: boolean;
}

async function readNames(path: string): Promise<{ rows: NameRow[]; tokens: number; time: number }> {
  const lines = (await readFile(path, "utf8")).trim().split(/\r?\n/).slice(1);
  const alphabet = new Map<string, number>();
  const rows = lines.map((line) => {
    const [name = "", gender] = line.split(",");
    const letters = [...name.toLowerCase()].map((letter) => {
      if (!alphabet.has(letter)) alphabet.set(letter, alphabet.size + 1);
      return alphabet.get(letter)!;
    });
    return { letters, female: gender === "female" };
  });
  return { rows, tokens: alphabet.size + 1, time: Math.max(...rows.map(({ letters }) => letters.length)) };
}

function encode(rows: readonly NameRow[], time: number): Dataset {
  const features = new Float32Array(rows.length * time);
  rows.forEach(({ letters }, row) => features.set(letters, row * time));
  return {
    features: tensor("float32", features, [rows.length, time]),
    targets: tensor(
      "float32",
      Float32Array.from(rows, ({ female }) => (female ? 1 : 0)),
      [rows.length, 1],
    ),
    lengths: tensor(
      "int32",
      Int32Array.from(rows, ({ letters }) => letters.length),
    ),
  };
}

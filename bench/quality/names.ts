/** The ready `gru` on first names, letter by letter, against a GRU of the same size in PyTorch on the same rows. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { readTable } from "../../src/data/read-table.ts";
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { modelOf } from "../../src/store/save-run.ts";
import { fitTable } from "../../src/train/fit-table.ts";
import { measureRows } from "../../src/train/predict.ts";
import { prepareDatasets } from "../../src/train/prepare.ts";
import { rng } from "../../src/util/rng.ts";
import { meanInterval } from "../../src/util/statistics.ts";
import { startPeer } from "../process.ts";
import { findPython } from "../python.ts";
import type { QualityRow } from "../quality.ts";

const seeds = 5;
const epochs = 20;
const settings = { units: 64, epochs, batch: 32, learningRate: 0.002 };

export async function namesQuality(data: string, say: (line: string) => void): Promise<QualityRow> {
  const table = await readTable(`${data}/names/names.csv`, { target: "gender", text: { name: "characters" } });
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
      const order = rng(seed, "split").permutation(table.rows);
      const cut = (from: number, to: number) => order.slice(Math.floor(from * table.rows), Math.floor(to * table.rows));
      const parts = { train: cut(0, 0.7), validation: cut(0.7, 0.8), test: cut(0.8, 1) };
      const run = await fitTable(
        { kind: "gru", layers: [settings.units] },
        { ...parts, table, policy: "70/10/20 at random", notes: [] },
        {
          optimizer: { kind: "adam", learningRate: settings.learningRate },
          schedule: "constant",
          epochs,
          batchSize: settings.batch,
          seed,
        },
      );
      ours.push((await measureRows(modelOf(run), table, parts.test))["error"]!.value);
      if (peer) {
        const { plan } = run;
        const [all] = await prepareDatasets(table, [Int32Array.from({ length: table.rows }, (_, row) => row)], plan, executor);
        const { features, lengths, targets } = all!;
        const numbers = { tokens: plan.tokens, time: plan.features.length, x: [...(features.data as Float32Array)] };
        const steps = [...(lengths!.data as Int32Array)];
        const file = `${folder}/rows.json`;
        const y = [...(targets.data as Float32Array)];
        const rows = { train: [...parts.train], validation: [...parts.validation], test: [...parts.test] };
        await writeFile(file, JSON.stringify({ ...numbers, lengths: steps, y, ...rows }));
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

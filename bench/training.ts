/** Whole trainings against other libraries: from rows in memory to trained weights, on the same rows, interleaved. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { rng } from "../src/util/rng.ts";
import type { Interval } from "../src/util/statistics.ts";
import { caseName, type TrainingCase } from "./cases.ts";
import { machine, type Machine } from "./machine.ts";
import { interleave, settleMilliseconds, type Turn } from "./pairs.ts";
import type { Configuration, Library } from "./peers.ts";
import { startPeer, type Peer } from "./process.ts";
import { median, medianInterval } from "./statistics.ts";

/** How a library fared. */
export interface TrainingSide {
  readonly configuration: string;
  /** Median over trainings. */
  readonly seconds: number;
  /** On rows that were not trained on, after the last epoch: median over trainings. */
  readonly accuracy: number;
}

export interface TrainingComparison {
  readonly label: string;
  readonly missing?: string;
  readonly result?: { readonly subject: TrainingSide; readonly peer: TrainingSide; readonly ratio: Interval };
}

export interface TrainingResult {
  readonly subject: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly {
    readonly name: string;
    readonly rows: number;
    readonly epochs: number;
    readonly comparisons: readonly TrainingComparison[];
  }[];
}

interface Training {
  readonly seconds: number;
  readonly accuracy: number;
  readonly parameters: number;
}

interface Trainee {
  readonly configuration: Configuration;
  readonly peer: Peer;
  train(): Promise<Training>;
}

export interface TrainingOptions {
  readonly subject: Library;
  readonly peers: readonly Library[];
  readonly cases: readonly TrainingCase[];
  readonly pairs?: number;
  readonly say: (line: string) => void;
}

const pairsPerLibrary = 30;
export const validationRows = 1024;

export async function measureTrainings({ subject, peers, cases, pairs = pairsPerLibrary, say }: TrainingOptions): Promise<TrainingResult> {
  const versions: Record<string, string> = {};
  const measured: TrainingResult["cases"][number][] = [];
  for (const one of cases) {
    const name = caseName(one);
    say(`training ${name}: ${one.rows} rows, ${one.epochs} epochs`);
    const folder = await mkdtemp(`${tmpdir()}/gradus-bench-`);
    try {
      await writeRows(one, folder);
      const ours = await fastest(subject, one, folder, versions);
      const comparisons: TrainingComparison[] = [];
      for (const library of peers) comparisons.push(await against(library, ours, one, folder, pairs, versions, say));
      await ours.peer.quit();
      measured.push({ name, rows: one.rows, epochs: one.epochs, comparisons });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { subject: subject.label, machine: machine(), versions, cases: measured };
}

async function against(
  { label, ...library }: Library,
  ours: Trainee,
  trainingCase: TrainingCase,
  folder: string,
  pairs: number,
  versions: Record<string, string>,
  say: (line: string) => void,
): Promise<TrainingComparison> {
  let theirs: Trainee | undefined;
  try {
    theirs = await fastest({ label, ...library }, trainingCase, folder, versions);
    const found: [Training[], Training[]] = [[], []];
    const turn = (trainee: Trainee, side: 0 | 1): Turn => ({
      peer: trainee.peer,
      async block() {
        const training = await trainee.train();
        found[side].push(training);
        return training.seconds;
      },
    });
    const { ratios } = await interleave(turn(ours, 0), turn(theirs, 1), pairs);
    const [mine, other] = [summarize(ours, found[0]), summarize(theirs, found[1])];
    if (found[0][0]!.parameters !== found[1][0]!.parameters) throw new Error(`it has ${found[1][0]!.parameters} parameters`);
    const ratio = medianInterval(ratios);
    say(
      `  ${mine.seconds.toFixed(2)} s (accuracy ${mine.accuracy.toFixed(3)}) against ${label} ${other.seconds.toFixed(2)} s (${other.accuracy.toFixed(3)}; ` +
        `${other.configuration}): ratio ${ratio.value.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}], ${ratio.n} pairs`,
    );
    return { label, result: { subject: mine, peer: other, ratio } };
  } catch (error) {
    const missing = (error as Error).message;
    say(`  ${label} missing: ${missing}`);
    return { label, missing };
  } finally {
    await theirs?.peer.quit();
  }
}

function summarize({ configuration }: Trainee, trainings: readonly Training[]): TrainingSide {
  return {
    configuration: configuration.label,
    seconds: median(trainings.map(({ seconds }) => seconds)),
    accuracy: median(trainings.map(({ accuracy }) => accuracy)),
  };
}

/** The library in the configuration whose second training was the fastest. */
async function fastest(library: Library, trainingCase: TrainingCase, folder: string, versions: Record<string, string>): Promise<Trainee> {
  const command = await library.command();
  const all: (Trainee & { readonly seconds: number })[] = [];
  let failure = "";
  for (const configuration of library.configurations(trainingCase)) {
    const peer = startPeer(command, configuration.environment);
    try {
      Object.assign(versions, (await peer.request<{ versions: object }>({ cmd: "versions" })).versions);
      const request = { cmd: "train", case: trainingCase, epochs: trainingCase.epochs, folder, ...configuration.options };
      const train = () => peer.request<Training>(request);
      await train();
      await sleep(settleMilliseconds);
      const { seconds } = await train();
      all.push({ configuration, peer, train, seconds });
    } catch (error) {
      failure = (error as Error).message;
      await peer.quit();
    }
  }
  if (all.length === 0) throw new Error(failure);
  const best = all.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  for (const { peer } of all) if (peer !== best.peer) await peer.quit();
  return best;
}

/**
 * Rows that can be learnt: normal features, the class that a random network of one hidden layer finds likeliest.
 * `x.f32`, `y.i32`, and `parts.json` {train, validation}, the count of each, one after the other.
 */
async function writeRows({ layers, rows }: TrainingCase, folder: string): Promise<void> {
  const [width, classes, hidden] = [layers[0]!, layers.at(-1)!, 32];
  const total = rows + validationRows;
  const random = rng(1, "training benchmark");
  const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const [first, second, x] = [normals(width * hidden), normals(hidden * classes), normals(total * width)];
  const y = new Int32Array(total);
  const units = new Float64Array(hidden);
  for (let row = 0; row < total; row++) {
    for (let unit = 0; unit < hidden; unit++) {
      let z = 0;
      for (let i = 0; i < width; i++) z += x[row * width + i]! * first[i * hidden + unit]!;
      units[unit] = Math.tanh(z / Math.sqrt(width));
    }
    let best = -Infinity;
    for (let label = 0; label < classes; label++) {
      let z = 0;
      for (let unit = 0; unit < hidden; unit++) z += units[unit]! * second[unit * classes + label]!;
      if (z > best) [best, y[row]] = [z, label];
    }
  }
  await writeFile(`${folder}/x.f32`, x);
  await writeFile(`${folder}/y.i32`, y);
  await writeFile(`${folder}/parts.json`, JSON.stringify({ train: rows, validation: validationRows }));
}

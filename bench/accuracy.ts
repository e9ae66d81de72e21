/** Held-out quality and time of fitting against scikit-learn, on the same rows, over several split seeds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { meanInterval, type Interval } from "../src/util/statistics.ts";
import { hiddenLayers, type AccuracyCase } from "./accuracy-cases.ts";
import { machine, type Machine } from "./machine.ts";
import { bundle } from "./peers.ts";
import { startPeer, type Environment, type Peer } from "./process.ts";
import { findPython } from "./python.ts";
import { median } from "./statistics.ts";

/** One fit: its score on the test part, and the validation score after each epoch. */
export interface Fit {
  readonly test: number;
  /** scikit-learn's, fitted on the validation rows as well, of which it takes its own to stop by. */
  readonly testOfAll?: number;
  /** Of the weights that were kept. */
  readonly validation: number;
  readonly seconds: number;
  readonly epochs: number;
  readonly curve: readonly (readonly [seconds: number, score: number])[];
}

export interface AccuracyRow {
  readonly name: string;
  readonly metric: "accuracy" | "R²";
  readonly epochs: number;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly gradus: Summary;
  readonly missing?: string;
  readonly sklearn?: Summary & { readonly threads: number };
  /** Gradus less scikit-learn, per seed. */
  readonly difference?: Interval;
  /** The same where scikit-learn was given the validation rows too. */
  readonly differenceToAll?: Interval;
  /** scikit-learn's score on the validation part: each seed has its own, this is their median. */
  readonly threshold?: number;
}

export interface Summary {
  readonly tests: readonly number[];
  readonly test: number;
  /** Median over seeds. */
  readonly fitSeconds: number;
  /** Median time to the threshold; a run that never gets there counts as the longest fit of all. */
  readonly reachSeconds?: number;
  readonly reached?: number;
  readonly medianEpochs: number;
}

export interface AccuracyResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly hiddenLayers: readonly number[];
  readonly rows: readonly AccuracyRow[];
}

export interface AccuracyOptions {
  readonly data: string;
  readonly cases: readonly AccuracyCase[];
  readonly seeds?: number;
  readonly say: (line: string) => void;
}

const maxIterations = 1000;

export async function measureAccuracy(options: AccuracyOptions): Promise<AccuracyResult> {
  const command = [process.execPath, await bundle("gradus-fit")];
  const versions: Record<string, string> = {};
  const rows: AccuracyRow[] = [];
  const folder = await mkdtemp(`${tmpdir()}/gradus-bench-`);
  try {
    for (const one of options.cases) rows.push(await measureCase(one, command, folder, options, versions));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { machine: machine(), versions, hiddenLayers, rows };
}

async function measureCase(
  accuracyCase: AccuracyCase,
  command: readonly string[],
  folder: string,
  { data, seeds = accuracyCase.seeds, say }: AccuracyOptions,
  versions: Record<string, string>,
): Promise<AccuracyRow> {
  const { name, epochs } = accuracyCase;
  const ours = startPeer(command);
  let theirs: { peer: Peer; threads: number } | undefined;
  let missing: string | undefined;
  try {
    Object.assign(versions, (await ours.request<{ versions: object }>({ cmd: "prepare", case: accuracyCase, data })).versions);
    const own: (Fit & { task: string; rows: AccuracyRow["rows"] })[] = [];
    const other: Fit[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const mine = await ours.request<(typeof own)[number]>({ cmd: "fit", seed, epochs, folder });
      own.push(mine);
      const request = { cmd: "fit", folder, task: mine.task, seed, layers: hiddenLayers, maxIterations };
      try {
        theirs ??= missing === undefined ? await startSklearn(request, versions) : undefined;
        if (theirs) other.push(await theirs.peer.request<Fit>(request));
      } catch (error) {
        missing ??= (error as Error).message;
        say(`  scikit-learn missing: ${missing}`);
      }
      say(`${name} seed ${seed}: ${shown(mine)}${other[seed - 1] ? ` against ${shown(other[seed - 1]!)}` : ""}`);
    }
    const row = { name, epochs, metric: own[0]!.task === "classification" ? "accuracy" : "R²", rows: own[0]!.rows } as const;
    if (!theirs || missing !== undefined) return { ...row, gradus: summarize(own), missing: missing ?? "no fit" };
    const thresholds = other.map(({ validation }) => validation);
    const threshold = median(thresholds);
    const limit = Math.max(...[...own, ...other].map(({ seconds }) => seconds));
    const difference = meanInterval(own.map(({ test }, i) => test - other[i]!.test));
    const result = {
      ...row,
      gradus: summarize(own, thresholds, limit),
      sklearn: { ...summarize(other, thresholds, limit), threads: theirs.threads },
      difference,
      differenceToAll: meanInterval(own.map(({ test }, i) => test - other[i]!.testOfAll!)),
      threshold,
    };
    say(
      `${name}: with the validation rows too ${result.differenceToAll.value.toFixed(4)} [${result.differenceToAll.low.toFixed(4)}, ${result.differenceToAll.high.toFixed(4)}]`,
    );
    say(
      `${name}: difference ${difference.value.toFixed(4)} [${difference.low.toFixed(4)}, ${difference.high.toFixed(4)}], ` +
        `to ${threshold.toFixed(4)} in ${result.gradus.reachSeconds!.toFixed(2)} s against ${result.sklearn.reachSeconds!.toFixed(2)} s`,
    );
    return result;
  } finally {
    await ours.quit();
    await theirs?.peer.quit();
  }
}

/** scikit-learn with the number of BLAS threads that fits these rows faster. */
async function startSklearn(request: object, versions: Record<string, string>): Promise<{ peer: Peer; threads: number }> {
  const command = [await findPython("sklearn"), fileURLToPath(new URL("peers/scikit.py", import.meta.url))];
  const candidates: { peer: Peer; threads: number; seconds: number }[] = [];
  for (const threads of [1, 2]) {
    const environment: Environment = { OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: "1" };
    const peer = startPeer(command, environment);
    Object.assign(versions, (await peer.request<{ versions: object }>({ cmd: "versions" })).versions);
    const { seconds } = await peer.request<Fit>({ ...request, maxIterations: 3 });
    candidates.push({ peer, threads, seconds });
  }
  candidates.sort((a, b) => a.seconds - b.seconds);
  await candidates[1]!.peer.quit();
  return candidates[0]!;
}

/**
 * @param thresholds the score to reach, for each fit
 * @param limit what a run that never reaches it counts as
 */
export function summarize(fits: readonly Fit[], thresholds?: readonly number[], limit?: number): Summary {
  const tests = fits.map(({ test }) => test);
  const reach = fits.map(({ curve }, i) => (thresholds ? curve.find(([, score]) => score >= thresholds[i]!)?.[0] : undefined));
  return {
    tests,
    test: tests.reduce((a, b) => a + b, 0) / tests.length,
    fitSeconds: median(fits.map(({ seconds }) => seconds)),
    ...(limit === undefined
      ? {}
      : {
          reachSeconds: median(reach.map((seconds) => seconds ?? limit)),
          reached: reach.filter((seconds) => seconds !== undefined).length,
        }),
    medianEpochs: median(fits.map(({ epochs }) => epochs)),
  };
}

function shown({ test, seconds, epochs }: Fit): string {
  return `${test.toFixed(4)} (${seconds.toFixed(1)} s, ${epochs} epochs)`;
}

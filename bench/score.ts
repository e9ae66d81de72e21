/** How long libraries train until a network reaches a score: rows in memory to weights, loading and the scoring after each epoch included. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Interval } from "../src/util/statistics.ts";
import { hiddenLayers } from "./accuracy-cases.ts";
import { machine, type Machine } from "./machine.ts";
import { settleMilliseconds } from "./pairs.ts";
import { bundle, nodePeer } from "./peers.ts";
import { startPeer, type Environment, type Peer } from "./process.ts";
import { findPython } from "./python.ts";
import { scoreCases, writeScoreRows, type ScoreCase, type ScoreRows } from "./score-cases.ts";
import { givenUp, ratios, timeToScore, type Run } from "./score-runs.ts";
import { median, medianInterval } from "./statistics.ts";

export interface ScoreSide {
  readonly label: string;
  readonly missing?: string;
  readonly configuration?: string;
  readonly runs?: readonly Run[];
  /** Median over runs, those that never reached it at the limit. */
  readonly seconds?: Interval;
  /** Gradus over this one, per seed: below 1 Gradus is faster; the median. */
  readonly ratio?: Interval;
}

export interface ScoreRow extends ScoreRows {
  readonly name: string;
  readonly score: number;
  /** What scikit-learn's own fits end with, where that is what is to be reached. */
  readonly finals?: readonly number[];
  readonly limit: number;
  /** Of the plan. */
  readonly epochs: number;
  readonly sides: readonly ScoreSide[];
}

export interface ScoreResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly hiddenLayers: readonly number[];
  readonly rows: readonly ScoreRow[];
}

interface Way {
  readonly label: string;
  readonly environment?: Environment;
  /** Go into each request. */
  readonly options: Readonly<Record<string, string | number>>;
}

/** A library: its process, and the ways to run it, of which the fastest is taken. */
interface Contender {
  readonly name: string;
  readonly label: string;
  command(): Promise<readonly string[]>;
  readonly ways: readonly Way[];
  /** Ways to load rows, each with any of the ways to run. */
  readonly loadings?: readonly string[];
  /** Whether its own default batch counts besides. */
  readonly ownBatch: boolean;
}

/** A library in its fastest way. */
interface Ready {
  readonly contender: Contender;
  readonly peer: Peer;
  readonly configuration: string;
  run(seed: number): Promise<Run>;
}

const script = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

const blas = (threads: number, omp: number): Pick<Way, "environment"> & { readonly label: string } => ({
  label: `OPENBLAS_NUM_THREADS=${threads}, OMP_NUM_THREADS=${omp}`,
  environment: { OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(omp) },
});

const contenders: readonly Contender[] = [
  {
    name: "gradus",
    label: "Gradus",
    command: async () => [process.execPath, await bundle("gradus-score")],
    ways: [
      { label: "threads as it chooses", options: {} },
      ...[1, 2].map((threads) => ({ label: `${threads} thread${threads > 1 ? "s" : ""}`, options: { threads } })),
    ],
    ownBatch: true,
  },
  {
    name: "pytorch",
    label: "PyTorch",
    command: async () => [await findPython("torch"), script("score_pytorch.py")],
    ways: [blas(2, 1), blas(1, 2), blas(1, 1), blas(2, 2)].flatMap(({ label, environment }) =>
      ["foreach", "loop"].map((form) => ({ label: `${form}, ${label}`, environment: environment!, options: { form } })),
    ),
    loadings: ["indexing", "DataLoader 0", "DataLoader 2"],
    ownBatch: false,
  },
  {
    name: "scikit-learn",
    label: "scikit-learn",
    command: async () => [await findPython("sklearn"), script("score_scikit.py")],
    ways: [1, 2].map((threads) => ({ ...blas(threads, 1), options: {} })),
    ownBatch: true,
  },
  {
    name: "tfjs",
    label: "TensorFlow.js",
    command: () => nodePeer("tfjs.mjs", "@tensorflow/tfjs"),
    ways: [1, 2].map((threads) => ({ label: `wasm, ${threads} thread${threads > 1 ? "s" : ""}`, options: { backend: "wasm", threads } })),
    ownBatch: false,
  },
];

/** Rows of the epoch by which a library's way is chosen. */
const trialRows = 4096;
export interface ScoreOptions {
  readonly data: string;
  readonly chosen: (name: string) => boolean;
  /** Libraries besides Gradus; all where left out. */
  readonly peers?: readonly string[];
  readonly seeds?: number;
  readonly say: (line: string) => void;
}

export async function measureScores(options: ScoreOptions): Promise<ScoreResult> {
  const versions: Record<string, string> = {};
  const rows: ScoreRow[] = [];
  for (const one of scoreCases) {
    if (!options.chosen(one.name)) continue;
    const folder = await mkdtemp(`${tmpdir()}/gradus-bench-`);
    try {
      rows.push(await measureCase(one, folder, options, versions));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { machine: machine(), versions, hiddenLayers, rows };
}

async function measureCase(
  scoreCase: ScoreCase,
  folder: string,
  { data, peers, seeds = scoreCase.seeds, say }: ScoreOptions,
  versions: Record<string, string>,
): Promise<ScoreRow> {
  const { name, limit, epochs } = scoreCase;
  const written = await writeScoreRows(scoreCase, data, folder);
  const request = { folder, layers: written.layers };
  const finals = scoreCase.score === undefined ? await finalScores(request, seeds, versions) : undefined;
  const score = scoreCase.score ?? median(finals!);
  say(`${name}: ${written.train} rows, until ${score.toFixed(4)} on ${written.validation} others`);
  const wanted = { ...request, score, limit, epochs };
  const ready: Ready[] = [];
  const missing: Record<string, string> = {};
  const taken = contenders.filter((one) => one.name === "gradus" || (peers?.includes(one.name) ?? true));
  try {
    for (const contender of taken) {
      try {
        ready.push(await fastest(contender, scoreCase, wanted, versions));
        say(`  ${contender.label}: ${ready.at(-1)!.configuration}`);
      } catch (error) {
        missing[contender.name] = (error as Error).message;
        say(`  ${contender.label} missing: ${missing[contender.name]}`);
      }
    }
    const runs = await inTurn(ready, seeds, say);
    const own = runs.get("gradus") ?? [];
    const sides = taken.map(({ name: library, label }): ScoreSide => {
      const found = runs.get(library);
      if (!found) return { label, missing: missing[library] ?? "not measured" };
      const { configuration } = ready.find(({ contender }) => contender.name === library)!;
      const ratio = library === "gradus" || own.length === 0 ? {} : { ratio: medianInterval(ratios(own, found)) };
      return { label, configuration, runs: found, seconds: timeToScore(found), ...ratio };
    });
    for (const side of sides) say(`  ${shown(side)}`);
    return { name, score, ...(finals ? { finals } : {}), limit, epochs, ...written, sides };
  } finally {
    for (const { peer } of ready) await peer.quit();
  }
}

/** Every library once per seed, one after the other. */
async function inTurn(ready: readonly Ready[], seeds: number, say: (line: string) => void): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>();
  for (let seed = 1; seed <= seeds; seed++) {
    const line: string[] = [];
    // The order turns from seed to seed.
    for (let i = 0; i < ready.length; i++) {
      const { contender, run } = ready[(i + seed) % ready.length]!;
      const found = runs.get(contender.name) ?? [];
      runs.set(contender.name, found);
      if (givenUp(found)) continue;
      await sleep(settleMilliseconds);
      found.push(await run(seed));
      const { seconds, reached, epochs, best } = found.at(-1)!;
      line.push(`${contender.label} ${reached ? "" : "not within "}${seconds.toFixed(2)} s (${epochs} epochs, ${best.toFixed(4)})`);
    }
    say(`  seed ${seed}: ${line.join("; ")}`);
  }
  return runs;
}

/** What scikit-learn reaches with its defaults, per seed. */
async function finalScores(request: object, seeds: number, versions: Record<string, string>): Promise<number[]> {
  const contender = contenders.find(({ name }) => name === "scikit-learn")!;
  const peer = startPeer(await contender.command(), contender.ways[0]!.environment);
  try {
    Object.assign(versions, (await peer.request<{ versions: object }>({ cmd: "versions" })).versions);
    const finals: number[] = [];
    for (let seed = 1; seed <= seeds; seed++)
      finals.push((await peer.request<{ score: number }>({ cmd: "final", ...request, seed })).score);
    return finals;
  } finally {
    await peer.quit();
  }
}

/**
 * The way with the fastest epoch at the middle batch; per batch the fastest of the ways to load; of the batches the one that gets to the
 * score first in a run that does not count.
 */
async function fastest(contender: Contender, { batches }: ScoreCase, request: object, versions: Record<string, string>): Promise<Ready> {
  const command = await contender.command();
  const peers = new Map<Way["environment"], Peer>();
  const peerOf = ({ environment }: Way): Peer => {
    if (!peers.has(environment)) peers.set(environment, startPeer(command, environment));
    return peers.get(environment)!;
  };
  const trial = async (way: Way, more: object): Promise<number> =>
    (await peerOf(way).request<{ seconds: number }>({ cmd: "trial", ...request, ...way.options, rows: trialRows, ...more })).seconds;
  const loadings = contender.loadings?.map((loading) => ({ loading })) ?? [{}];
  let best: (Ready & { readonly seconds: number }) | undefined;
  try {
    Object.assign(versions, (await peerOf(contender.ways[0]!).request<{ versions: object }>({ cmd: "versions" })).versions);
    const middle = { batch: batches[batches.length >> 1], ...loadings[0] };
    const way = await least(contender.ways, (one) => trial(one, middle));
    for (const batch of [...(contender.ownBatch ? [undefined] : []), ...batches]) {
      const size = batch === undefined ? {} : { batch };
      const loading = await least(loadings, (one) => trial(way, { ...size, ...one }));
      const run = (seed: number) => peerOf(way).request<Run>({ cmd: "score", ...request, ...way.options, ...size, ...loading, seed });
      const { seconds } = await run(0);
      const configuration = [`batch ${batch ?? "by default"}`, ...Object.values(loading), way.label].join(", ");
      if (!best || seconds < best.seconds) best = { contender, peer: peerOf(way), configuration, run, seconds };
    }
  } finally {
    for (const peer of peers.values()) if (peer !== best?.peer) await peer.quit();
  }
  return best!;
}

/** That for which it is least; what is alone is not measured. */
async function least<T>(all: readonly T[], measure: (one: T) => Promise<number>): Promise<T> {
  if (all.length === 1) return all[0]!;
  const found: { readonly one: T; readonly value: number }[] = [];
  for (const one of all) found.push({ one, value: await measure(one) });
  return found.reduce((a, b) => (b.value < a.value ? b : a)).one;
}

function shown({ label, seconds, ratio, runs, missing }: ScoreSide): string {
  if (!seconds || !runs) return `${label}: missing: ${missing}`;
  const reached = runs.filter((run) => run.reached).length;
  const against = ratio ? `, Gradus over it ${ratio.value.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]` : "";
  return `${label}: ${seconds.value.toFixed(3)} s [${seconds.low.toFixed(3)}, ${seconds.high.toFixed(3)}], reached ${reached} of ${runs.length}${against}`;
}

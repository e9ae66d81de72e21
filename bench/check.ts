/** The gradient check against `torch.autograd.gradcheck` in float64: the same networks, examples and kind of check. */
import { fileURLToPath } from "node:url";
import type { Interval } from "../src/util/statistics.ts";
import { machine, type Machine } from "./machine.ts";
import { startPeer, type Environment, type Peer } from "./process.ts";
import { findPython } from "./python.ts";
import { median, medianInterval } from "./statistics.ts";

interface CheckCase {
  readonly name: string;
  readonly network: "dense" | "gelu" | "cnn";
  readonly mode: "full" | "fast";
  readonly examples: number;
  /** Of whole checks, warm; the first check of a process is kept apart in fast mode. */
  readonly pairs: number;
  /** PyTorch's check of every coordinate takes minutes where it is left out. */
  readonly compared: boolean;
  /** Seconds. */
  readonly limit?: number;
}

const dense = "dense 784-120-40-10, tanh, 32 examples";
export const checkCases: readonly CheckCase[] = [
  { name: `${dense}: fast`, network: "dense", mode: "fast", examples: 32, pairs: 30, compared: true },
  { name: "convolutional, 8 examples of 28×28: fast", network: "cnn", mode: "fast", examples: 8, pairs: 30, compared: true },
  { name: `${dense}: every coordinate`, network: "dense", mode: "full", examples: 32, pairs: 2, compared: true, limit: 4 },
  {
    name: "convolutional, 8 examples of 28×28: every coordinate",
    network: "cnn",
    mode: "full",
    examples: 8,
    pairs: 3,
    compared: false,
    limit: 20,
  },
  {
    name: "dense 784-120-40-10, GELU, 32 examples: every coordinate",
    network: "gelu",
    mode: "full",
    examples: 32,
    pairs: 1,
    compared: false,
  },
];

interface Reply {
  readonly seconds: number;
  readonly passed: boolean;
  readonly parameters: number;
  readonly version?: string;
}

export interface CheckSide {
  /** Median of checks after the first ones. */
  readonly seconds: number;
  /** Of the first check of a process, in fast mode. */
  readonly first?: number;
  readonly configuration: string;
}

export interface CheckRow {
  readonly name: string;
  readonly parameters: number;
  readonly gradus: CheckSide;
  readonly torch?: CheckSide;
  /** Gradus over PyTorch, pair by pair. */
  readonly ratio?: Interval;
  readonly limit?: number;
}

export interface CheckResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly CheckRow[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Checks before the counted ones in fast mode, on both sides: compilers have then seen all of it. */
const warmUps = 10;
const threads: readonly Environment[] = ["1", "2"].flatMap((blas) =>
  ["1", "2"].map((omp) => ({ OPENBLAS_NUM_THREADS: blas, OMP_NUM_THREADS: omp })),
);

/** A process that has checked as often as it needs to be warm. */
async function warmed(peer: Peer, request: object, fast: boolean) {
  const first = await peer.request<Reply>(request);
  const trial: number[] = [];
  for (let i = 0; fast && i < warmUps; i++) trial.push((await peer.request<Reply>(request)).seconds);
  return { peer, first, trial: median(trial.length > 0 ? trial.slice(warmUps / 2) : [first.seconds]) };
}

export async function measureChecks({
  chosen,
  pairs,
  say,
}: {
  readonly chosen: (name: string) => boolean;
  readonly pairs?: number;
  readonly say: (line: string) => void;
}): Promise<CheckResult> {
  const rows: CheckRow[] = [];
  const versions: Record<string, string> = { node: process.version };
  for (const one of checkCases.filter(({ name }) => chosen(name))) {
    const row = await measure(one, pairs ?? one.pairs, versions);
    rows.push(row);
    const side = ({ seconds, first }: CheckSide) => `${seconds.toFixed(4)} s${first === undefined ? "" : ` (first ${first.toFixed(3)})`}`;
    const against = row.torch && row.ratio ? `; gradcheck ${side(row.torch)}, ratio ${row.ratio.value.toFixed(3)}` : "";
    say(`${row.name}, ${row.parameters} parameters: ${side(row.gradus)}${against}`);
  }
  return { machine: machine(), versions, rows };
}

async function measure(one: CheckCase, pairs: number, versions: Record<string, string>): Promise<CheckRow> {
  const { name, network, mode, examples, limit } = one;
  const fast = mode === "fast";
  const ours = startPeer([process.execPath, "--conditions=gradus-source", "--import", "tsx", here("peers/gradus-check.ts")]);
  const open: Peer[] = [ours];
  try {
    const request = { network, mode, examples };
    const mine = await warmed(ours, request, fast);
    const theirs: Awaited<ReturnType<typeof startTorch>>[] = [];
    // A check of every coordinate takes too long to try thread counts: those that win the fast one's trial.
    for (const environment of one.compared ? threads : []) {
      const started = await startTorch(environment, { ...request, mode: "fast" });
      open.push(started.peer);
      theirs.push(started);
    }
    const best = theirs.toSorted((a, b) => a.trial - b.trial)[0];
    if (best?.first.version) versions["torch"] = best.first.version;
    const [mySeconds, itsSeconds]: [number[], number[]] = [[], []];
    const answered = (reply: Reply): number => {
      if (!reply.passed) throw new Error(`${name}: the gradient check did not pass`);
      return reply.seconds;
    };
    for (let pair = 0; pair < pairs; pair++) {
      const turns = [
        async () => mySeconds.push(answered(await ours.request<Reply>(request))),
        async () => best && itsSeconds.push(answered(await best.peer.request<Reply>(request))),
      ];
      for (const turn of pair % 2 === 0 ? turns : turns.toReversed()) await turn();
    }
    const firstOf = ({ first }: { readonly first: Reply }) => (fast ? { first: first.seconds } : {});
    const torch = best && { seconds: median(itsSeconds), ...firstOf(best), configuration: best.label };
    return {
      name,
      parameters: mine.first.parameters,
      gradus: { seconds: median(mySeconds), ...firstOf(mine), configuration: "1 thread" },
      ...(torch ? { torch, ratio: medianInterval(mySeconds.map((seconds, i) => seconds / itsSeconds[i]!)) } : {}),
      ...(limit === undefined ? {} : { limit }),
    };
  } finally {
    for (const peer of open) await peer.quit();
  }
}

async function startTorch(environment: Environment, request: object) {
  const peer = startPeer([await findPython("torch"), here("peers/gradcheck.py")], environment);
  const label = Object.entries(environment)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
  return { ...(await warmed(peer, { ...request, threads: Number(environment["OMP_NUM_THREADS"]) }, true)), label };
}

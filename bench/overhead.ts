/** What monitors and checkpoints cost: equal trainings with and without them, epoch by epoch in turn. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { bootstrapInterval, type Interval } from "../src/util/statistics.ts";
import { caseName, type SpeedCase } from "./cases.ts";
import { machine, type Machine } from "./machine.ts";
import { interleave, type Turn } from "./pairs.ts";
import { bundle } from "./peers.ts";
import { startPeer, type Peer } from "./process.ts";
import { median, medianInterval } from "./statistics.ts";

/** A training whose epochs are of so many steps. */
export interface OverheadCase extends SpeedCase {
  readonly steps: number;
}

export type OverheadSide = "plain" | "monitors" | "checkpoints";

/** Shares of the time that each may cost. */
const overheadLimits = { monitors: 0.05, checkpoints: 0.02 } as const;

const overheadCases: readonly OverheadCase[] = [
  { layers: [784, 512, 512, 10], batch: 128, optimizer: "adam", rows: 400 * 128, steps: 400 },
  {
    architecture: { name: "cnn", inputShape: [1, 28, 28], layers: [32, 64, 128] },
    layers: [784, 10],
    batch: 64,
    optimizer: "adam",
    rows: 150 * 64,
    steps: 150,
  },
];

interface OverheadRow {
  /** `784-512-512-10 b128 adam, monitors` */
  readonly name: string;
  readonly what: keyof typeof overheadLimits;
  readonly stepsPerEpoch: number;
  /** Seconds of an epoch without it: the median. */
  readonly seconds: number;
  /** Over all epochs: the time with it over the time without it, the dense looks of the first epoch and all compiling with it. */
  readonly whole: Interval;
  /** Per epoch: the median of the ratios. */
  readonly epoch: Interval;
  readonly limit: number;
}

export interface OverheadResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly OverheadRow[];
}

const epochsInTurn = 30;
/** Each side waits for the other half of the time, so that this is 10 s of its own: as often as trainings write them. */
const secondsBetweenCheckpoints = 20;

export async function measureOverhead({
  chosen,
  pairs = epochsInTurn,
  say,
}: {
  readonly chosen: (name: string) => boolean;
  readonly pairs?: number;
  readonly say: (line: string) => void;
}): Promise<OverheadResult> {
  const rows: OverheadRow[] = [];
  let versions: Readonly<Record<string, string>> = {};
  const script = await bundle("gradus-overhead");
  for (const one of overheadCases)
    for (const what of ["monitors", "checkpoints"] as const) {
      const name = `${caseName(one)}, ${what}`;
      if (!chosen(name)) continue;
      const folder = await mkdtemp(`${tmpdir()}/gradus-bench-`);
      const peers: Peer[] = [];
      const begin = async (side: OverheadSide): Promise<Turn> => {
        const peer = startPeer([process.execPath, script]);
        peers.push(peer);
        const request = { cmd: "open", case: one, side, epochs: pairs, folder, every: secondsBetweenCheckpoints };
        ({ versions } = await peer.request<{ versions: Readonly<Record<string, string>> }>(request));
        return { peer, block: async () => (await peer.request<{ readonly seconds: number }>({ cmd: "epoch" })).seconds };
      };
      try {
        const { times, ratios } = await interleave(await begin(what), await begin("plain"), pairs);
        const whole = bootstrapInterval(times, ([watched, plain]) => watched! / plain!, { seed: 1 });
        const row = {
          name,
          what,
          stepsPerEpoch: one.steps,
          seconds: median(times[1]),
          whole,
          epoch: medianInterval(ratios),
          limit: overheadLimits[what],
        };
        rows.push(row);
        say(
          `${name}: ${row.seconds.toFixed(2)} s an epoch; whole ${spoken(whole)}, an epoch ${spoken(row.epoch)}; ` +
            `${whole.high <= 1 + row.limit ? "within" : "above"} ${100 * row.limit} %`,
        );
      } finally {
        for (const peer of peers) await peer.quit();
        await rm(folder, { recursive: true, force: true });
      }
    }
  return { machine: machine(), versions, rows };
}

const spoken = ({ value, low, high, n }: Interval): string => `${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] (${n} pairs)`;

/** Finds a library's fastest configuration for one case, and leaves its process ready. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SpeedCase } from "./cases.ts";
import { settleMilliseconds } from "./pairs.ts";
import type { Configuration, Library } from "./peers.ts";
import { startPeer, type Peer } from "./process.ts";
import { median } from "./statistics.ts";

export interface Block {
  readonly seconds: number;
  readonly loss: number;
}

/** A library's process in its best configuration. */
export interface Contestant {
  readonly library: Library;
  readonly configuration: Configuration;
  readonly versions: Readonly<Record<string, string>>;
  readonly peer: Peer;
  readonly parameters: number;
  /** As calibrated. */
  readonly stepSeconds: number;
  /** What each configuration took per step, in milliseconds, fastest first. */
  readonly tried: readonly { readonly label: string; readonly milliseconds: number }[];
}

interface Candidate {
  readonly configuration: Configuration;
  readonly peer: Peer;
  readonly parameters: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly times: number[];
}

const rounds = 6;
/** Libraries whose step takes longer than this, in seconds, are calibrated in one round. */
const slow = 1;
const blockSeconds = 0.15;
/** Configurations this much slower than the best after a round are not tried again. */
const hopeless = 1.4;

/**
 * All configurations, block by block in turn, so that a slow phase of the machine meets them alike; by medians.
 * @throws Error saying what is missing, or why no configuration runs
 */
export async function calibrate(library: Library, speedCase: SpeedCase): Promise<Contestant> {
  const command = await library.command();
  const all: Candidate[] = [];
  let failure = "";
  for (const configuration of library.configurations(speedCase)) {
    const peer = startPeer(command, configuration.environment);
    try {
      const { versions } = await peer.request<{ versions: Record<string, string> }>({ cmd: "versions" });
      const request = { cmd: "prepare", case: speedCase, ...configuration.options };
      const { parameters } = await peer.request<{ parameters: number }>(request);
      let { seconds } = await peer.request<Block>({ cmd: "block", steps: 1 });
      if (seconds < slow) ({ seconds } = await peer.request<Block>({ cmd: "block", steps: 1 }));
      all.push({ configuration, peer, parameters, versions, times: [seconds] });
    } catch (error) {
      failure = (error as Error).message;
      await peer.quit();
    }
  }
  if (all.length === 0) throw new Error(failure);

  let alive = all;
  const planned = Math.min(...all.map(({ times }) => times[0]!)) > slow ? 1 : rounds;
  for (let round = 0; round < planned && alive.length > (round === 0 ? 0 : 1); round++) {
    for (const candidate of alive) {
      await sleep(settleMilliseconds);
      const steps = stepsIn(blockSeconds, candidate.times.at(-1)!);
      const { seconds } = await candidate.peer.request<Block>({ cmd: "block", steps, warm: steps > 1 ? 2 : 0 });
      // The steps before were for warming up.
      if (round === 0) candidate.times.length = 0;
      candidate.times.push(seconds / steps);
    }
    const best = Math.min(...alive.map(({ times }) => median(times)));
    alive = alive.filter(({ times }) => median(times) <= hopeless * best);
  }
  alive.sort((a, b) => median(a.times) - median(b.times));
  const winner = alive[0]!;
  for (const { peer } of all) if (peer !== winner.peer) await peer.quit();
  const tried = all.map(({ configuration, times }) => ({ label: configuration.label, milliseconds: 1000 * median(times) }));
  tried.sort((a, b) => a.milliseconds - b.milliseconds);
  return { library, ...winner, stepSeconds: median(winner.times), tried };
}

export function stepsIn(seconds: number, stepSeconds: number): number {
  return Math.max(1, Math.round(seconds / stepSeconds));
}

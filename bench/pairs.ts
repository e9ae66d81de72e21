/** Two sides in turn: pairs of blocks, the order turned each time, and what the waiting side used meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Peer } from "./process.ts";

/** Between blocks: thread pools that spin after their work (OpenBLAS up to 30 ms) have stopped by then. */
export const settleMilliseconds = 80;

export interface Turn {
  readonly peer: Peer;
  /** One block; seconds per unit of work. */
  block(): Promise<number>;
}

export interface Pairs {
  /** Seconds of each block, per side. */
  readonly times: readonly [subject: readonly number[], peer: readonly number[]];
  /** Subject over peer, per pair: below 1 the subject is faster. */
  readonly ratios: readonly number[];
  /** Processor time of the waiting side as a share of one core; undefined where the system does not say. */
  readonly idleShare?: number;
}

export async function interleave(subject: Turn, peer: Turn, pairs: number): Promise<Pairs> {
  const sides = [subject, peer];
  const times: [number[], number[]] = [[], []];
  const ratios: number[] = [];
  let [waiting, waited] = [0, 0];
  for (let pair = 0; pair < pairs; pair++) {
    for (const index of pair % 2 === 0 ? [0, 1] : [1, 0]) {
      const other = sides[1 - index]!.peer;
      await sleep(settleMilliseconds);
      const [idleBefore, before] = [await other.processorSeconds(), performance.now()];
      times[index]!.push(await sides[index]!.block());
      const idleAfter = await other.processorSeconds();
      waiting += (idleAfter ?? NaN) - (idleBefore ?? NaN);
      waited += (performance.now() - before) / 1000;
    }
    ratios.push(times[0].at(-1)! / times[1].at(-1)!);
  }
  return { times, ratios, ...(Number.isNaN(waiting) ? {} : { idleShare: waiting / waited }) };
}

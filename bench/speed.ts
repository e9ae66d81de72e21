/** One training step against other libraries: interleaved pairs of blocks, the ratio of each pair, its median and interval. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Interval } from "../src/util/statistics.ts";
import { calibrate, settleMilliseconds, stepsIn, type Block, type Contestant } from "./calibrate.ts";
import { caseName, type SpeedCase } from "./cases.ts";
import { machine, processorTicks, type Machine } from "./machine.ts";
import type { Library } from "./peers.ts";
import { geometricMean, median, medianInterval } from "./statistics.ts";

/** How a library fared in one case. */
export interface Side {
  readonly label: string;
  readonly configuration: string;
  readonly tried: Contestant["tried"];
  /** Median over blocks. */
  readonly milliseconds: number;
  /** The quickest block. */
  readonly quickest: number;
}

export interface Comparison {
  readonly library: string;
  readonly label: string;
  readonly missing?: string;
  readonly result?: {
    readonly subject: Side;
    readonly peer: Side;
    /** Subject over peer, per pair: below 1 the subject is faster. */
    readonly ratio: Interval;
    readonly stepsPerBlock: readonly [subject: number, peer: number];
    /** Processor time of the waiting side as a share of one core; undefined where the system does not say. */
    readonly idleShare?: number;
  };
}

export interface SpeedResult {
  readonly subject: string;
  readonly machine: Machine;
  /** Share of the processors that the host gave to others meanwhile, where the system says. */
  readonly stolen?: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly { readonly name: string; readonly parameters: number; readonly comparisons: readonly Comparison[] }[];
  /** Geometric mean over cases of the median ratios, per library that ran every case. */
  readonly geometricMeans: Readonly<Record<string, number>>;
}

/** Pairs with a library whose step takes more than a second. */
export const pairsOfSlow = 5;

export interface SpeedOptions {
  readonly subject: Library;
  readonly peers: readonly Library[];
  readonly cases: readonly SpeedCase[];
  /** Replaces every library's number of pairs. */
  readonly pairs?: number;
  readonly say: (line: string) => void;
}

export async function measureSpeed({ subject, peers, cases, pairs, say }: SpeedOptions): Promise<SpeedResult> {
  const before = await processorTicks();
  const versions: Record<string, string> = {};
  const measured: { name: string; parameters: number; comparisons: Comparison[] }[] = [];
  for (const speedCase of cases) {
    const name = caseName(speedCase);
    say(name);
    const ours = await calibrate(subject, speedCase);
    Object.assign(versions, ours.versions);
    const comparisons: Comparison[] = [];
    for (const library of peers) {
      const head = { library: library.name, label: library.label };
      let theirs: Contestant | undefined;
      try {
        theirs = await calibrate(library, speedCase);
        Object.assign(versions, theirs.versions);
        const result = await compare(
          ours,
          theirs,
          pairs ?? (theirs.stepSeconds > 1 ? Math.min(pairsOfSlow, library.pairs) : library.pairs),
        );
        comparisons.push({ ...head, result });
        const { ratio } = result;
        say(
          `  ${result.subject.milliseconds.toFixed(3)} ms against ${library.label} ${result.peer.milliseconds.toFixed(3)} ms` +
            ` (${result.peer.configuration}): ratio ${ratio.value.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}], ${ratio.n} pairs` +
            (result.idleShare === undefined ? "" : `, waiting side ${(100 * result.idleShare).toFixed(1)} % of a core`),
        );
      } catch (error) {
        const missing = (error as Error).message;
        comparisons.push({ ...head, missing });
        say(`  ${library.label} missing: ${missing}`);
      } finally {
        await theirs?.peer.quit();
      }
    }
    await ours.peer.quit();
    measured.push({ name, parameters: ours.parameters, comparisons });
  }
  const after = await processorTicks();
  return {
    subject: subject.label,
    machine: machine(),
    ...(before && after ? { stolen: (after.stolen - before.stolen) / (after.total - before.total) } : {}),
    versions,
    cases: measured,
    geometricMeans: geometricMeans(peers, measured),
  };
}

/** Pairs of blocks, the order turned each time. */
async function compare(subject: Contestant, peer: Contestant, pairs: number): Promise<NonNullable<Comparison["result"]>> {
  if (subject.parameters !== peer.parameters) {
    throw new Error(`it has ${peer.parameters} parameters where ${subject.library.label} has ${subject.parameters}`);
  }
  const sides = [subject, peer].map((contestant) => {
    const seconds = contestant.library.blockMilliseconds / 1000;
    return { contestant, steps: stepsIn(seconds, contestant.stepSeconds), times: [] as number[] };
  });
  const ratios: number[] = [];
  let [waiting, waited] = [0, 0];
  for (let pair = 0; pair < pairs; pair++) {
    for (const index of pair % 2 === 0 ? [0, 1] : [1, 0]) {
      const { contestant, steps, times } = sides[index]!;
      const other = sides[1 - index]!.contestant.peer;
      await sleep(settleMilliseconds);
      const idleBefore = await other.processorSeconds();
      const { seconds, loss } = await contestant.peer.request<Block>({ cmd: "block", steps, warm: steps > 1 ? 2 : 0 });
      if (!Number.isFinite(loss)) throw new Error(`its loss became ${loss}`);
      const idleAfter = await other.processorSeconds();
      waiting += (idleAfter ?? NaN) - (idleBefore ?? NaN);
      waited += seconds;
      times.push(seconds / steps);
    }
    ratios.push(sides[0]!.times.at(-1)! / sides[1]!.times.at(-1)!);
  }
  const [ours, theirs] = sides.map(({ contestant, times }) => ({
    label: contestant.library.label,
    configuration: contestant.configuration.label,
    tried: contestant.tried,
    milliseconds: 1000 * median(times),
    quickest: 1000 * Math.min(...times),
  }));
  return {
    subject: ours!,
    peer: theirs!,
    ratio: medianInterval(ratios),
    stepsPerBlock: [sides[0]!.steps, sides[1]!.steps],
    ...(Number.isNaN(waiting) ? {} : { idleShare: waiting / waited }),
  };
}

function geometricMeans(peers: readonly Library[], cases: SpeedResult["cases"]): Record<string, number> {
  const means: Record<string, number> = {};
  for (const { name } of peers) {
    const ratios = cases.map(({ comparisons }) => comparisons.find(({ library }) => library === name)?.result?.ratio.value);
    if (ratios.every((ratio) => ratio !== undefined)) means[name] = geometricMean(ratios);
  }
  return means;
}

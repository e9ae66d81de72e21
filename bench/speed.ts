/** One training step against other libraries: interleaved pairs of blocks, the ratio of each pair, its median and interval. */
import type { Interval } from "../src/util/statistics.ts";
import { calibrate, stepsIn, type Block, type Contestant } from "./calibrate.ts";
import { caseName, type SpeedCase } from "./cases.ts";
import { machine, processorTicks, type Machine } from "./machine.ts";
import { interleave, type Turn } from "./pairs.ts";
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

const pairsPerLibrary = 30;

export interface SpeedOptions {
  readonly subject: Library;
  readonly peers: readonly Library[];
  readonly cases: readonly SpeedCase[];
  readonly pairs?: number;
  readonly say: (line: string) => void;
}

export async function measureSpeed({ subject, peers, cases, pairs = pairsPerLibrary, say }: SpeedOptions): Promise<SpeedResult> {
  const before = await processorTicks();
  const versions: Record<string, string> = {};
  const measured: { name: string; parameters: number; comparisons: Comparison[] }[] = [];
  for (const speedCase of cases) {
    const name = caseName(speedCase);
    say(name);
    const ours = await calibrate(subject, speedCase);
    Object.assign(versions, ours.versions);
    const comparisons: Comparison[] = [];
    for (const library of peers.filter(({ architectures }) => architectures || !speedCase.architecture)) {
      const head = { library: library.name, label: library.label };
      let theirs: Contestant | undefined;
      try {
        theirs = await calibrate(library, speedCase);
        Object.assign(versions, theirs.versions);
        const result = await compare(ours, theirs, pairs);
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
    geometricMeans: geometricMeans(measured),
  };
}

async function compare(subject: Contestant, peer: Contestant, pairs: number): Promise<NonNullable<Comparison["result"]>> {
  if (subject.parameters !== peer.parameters) {
    throw new Error(`it has ${peer.parameters} parameters where ${subject.library.label} has ${subject.parameters}`);
  }
  const [ours, theirs] = [blocks(subject), blocks(peer)];
  const { times, ratios, idleShare } = await interleave(ours, theirs, pairs);
  const side = ({ library, configuration, tried }: Contestant, seconds: readonly number[]): Side => ({
    label: library.label,
    configuration: configuration.label,
    tried,
    milliseconds: 1000 * median(seconds),
    quickest: 1000 * Math.min(...seconds),
  });
  return {
    subject: side(subject, times[0]),
    peer: side(peer, times[1]),
    ratio: medianInterval(ratios),
    stepsPerBlock: [ours.steps, theirs.steps],
    ...(idleShare === undefined ? {} : { idleShare }),
  };
}

/** Blocks of steps, each as long as the library's blocks should be. */
function blocks({ library, stepSeconds, peer }: Contestant): Turn & { readonly steps: number } {
  const steps = stepsIn(library.blockMilliseconds! / 1000, stepSeconds);
  return {
    peer,
    steps,
    async block() {
      const { seconds, loss } = await peer.request<Block>({ cmd: "block", steps, warm: steps > 1 ? 2 : 0 });
      if (!Number.isFinite(loss)) throw new Error(`its loss became ${loss}`);
      return seconds / steps;
    },
  };
}

/** Per library, over the cases that it was compared in; none where one of them failed. */
export function geometricMeans(cases: SpeedResult["cases"]): Record<string, number> {
  const means: Record<string, number> = {};
  for (const name of new Set(cases.flatMap(({ comparisons }) => comparisons.map(({ library }) => library)))) {
    const ratios = cases
      .flatMap(({ comparisons }) => comparisons.filter(({ library }) => library === name))
      .map(({ result }) => result?.ratio.value);
    if (ratios.every((ratio) => ratio !== undefined)) means[name] = geometricMean(ratios);
  }
  return means;
}

/** The study of the monitors: faults planted in small trainings, and trainings without; who was found, who was named, who was accused. */
import { wilsonInterval, type Interval } from "../../../src/util/statistics.ts";
import { rng } from "../../../src/util/rng.ts";
import { effects, endOf, faults, harmless, swingOf, type Fault, type Healthy, type Spread } from "./faults.ts";
import { subjectOf, subjects } from "./subjects.ts";
import { runTrial, type Measures, type Trial } from "./trial.ts";

export interface Planted {
  readonly fault: string;
  readonly rows: string;
  readonly strength: number;
  readonly trial: Trial;
}

export interface Study {
  readonly seed: number;
  readonly healthy: readonly Trial[];
  readonly spreads: ReadonlyMap<string, Healthy>;
  /** Faults whose effect was measured. */
  readonly planted: readonly Planted[];
  /** How many were drawn that had no effect, by monitor. */
  readonly vain: Readonly<Record<string, number>>;
}

const rowsOf = ({ name }: Trial) => name.split(" ")[0]!;

/** What one process makes: healthy trainings, the first half of them the yardstick of the noise; or faults of one kind. */
export interface StudyPart {
  readonly what: string;
  readonly trials: readonly { readonly rows: string; readonly strength: number; readonly trial: Trial }[];
  /** Faults that were drawn and had no effect. */
  readonly vain: number;
}

/** @param count of each half. @param share every so many-th of them, from one on: joined again by {@link joinHealthy} */
export async function healthyPart(
  seed: number,
  count: number,
  share: { readonly from: number; readonly of: number } = { from: 0, of: 1 },
): Promise<StudyPart> {
  const trials: Trial[] = [];
  for (let number = share.from; number < 2 * count; number += share.of)
    trials.push(await healthyTrial(2 * seed + (number < count ? 0 : 1), number % count));
  return { what: "healthy", trials: trials.map((trial) => ({ rows: rowsOf(trial), strength: 0, trial })), vain: 0 };
}

/** Shares in their order as one part. */
export function joinHealthy(shares: readonly StudyPart[]): StudyPart {
  const count = shares.reduce((sum, { trials }) => sum + trials.length, 0);
  const trials = Array.from({ length: count }, (_, number) => shares[number % shares.length]!.trials[Math.floor(number / shares.length)]!);
  return { what: "healthy", trials, vain: 0 };
}

const yardstickOf = ({ trials }: StudyPart) => spreadsOf(trials.slice(0, trials.length / 2).map(({ trial }) => trial));

/** Faults of one kind, until so many have an effect. */
export async function plantedPart(monitor: string, seed: number, wanted: number, healthy: StudyPart): Promise<StudyPart> {
  const spreads = yardstickOf(healthy);
  const fault = faults.find((each) => each.monitor === monitor)!;
  const trials: StudyPart["trials"][number][] = [];
  let tries = 0;
  while (trials.length < wanted && tries < 6 * wanted) {
    const one = await plantOne(fault, seed, tries++);
    if (isPresent(monitor, one.trial, spreads)) trials.push(one);
  }
  return { what: monitor, trials, vain: tries - trials.length };
}

export function joinStudy(seed: number, parts: readonly StudyPart[]): Study {
  const [healthy, ...others] = parts as readonly [StudyPart, ...StudyPart[]];
  const known = faults.flatMap(({ monitor }) => others.filter(({ what }) => what === monitor));
  return {
    seed,
    healthy: healthy.trials.slice(healthy.trials.length / 2).map(({ trial }) => trial),
    spreads: yardstickOf(healthy),
    planted: known.flatMap(({ what, trials }) => trials.map((one) => ({ fault: what, ...one }))),
    vain: Object.fromEntries(known.map(({ what, vain }) => [what, vain])),
  };
}

/** Equal options give the same study. @param planted of each kind, with an effect */
export async function study({
  seed,
  healthy,
  planted,
}: {
  readonly seed: number;
  readonly healthy: number;
  readonly planted: number;
}): Promise<Study> {
  const yardstick = await healthyPart(seed, healthy);
  const parts = [yardstick];
  for (const { monitor } of faults) parts.push(await plantedPart(monitor, seed, planted, yardstick));
  return joinStudy(seed, parts);
}

async function plantOne(fault: Fault, seed: number, number: number): Promise<StudyPart["trials"][number]> {
  const draw = rng(seed, fault.monitor, number);
  const subject = await subjectOf(draw.integer(subjects));
  const strength = draw.uniform();
  const change = fault.plant(subject, strength, draw);
  const trial = await runTrial(subject, change, seed * 1000 + number);
  return { rows: subject.rows.name, strength, trial };
}

async function healthyTrial(seed: number, number: number): Promise<Trial> {
  const subject = await subjectOf(number);
  return runTrial(subject, harmless(subject, rng(seed, "healthy", number)), seed * 1000 + number);
}

const isPresent = (monitor: string, trial: Trial, spreads: Study["spreads"]) =>
  effects[monitor]!.certain(trial, spreads.get(rowsOf(trial))!);
const isAbsent = (monitor: string, trial: Trial, spreads: Study["spreads"]) => effects[monitor]!.absent(trial, spreads.get(rowsOf(trial))!);

/** By data set: the noise that a fault's effect is held against. */
function spreadsOf(trials: readonly Trial[]): Map<string, Healthy> {
  const names = [...new Set(trials.map(rowsOf))];
  const measures = (name: string) => trials.filter((trial) => rowsOf(trial) === name).map((trial) => trial.measures);
  return new Map(names.map((name) => [name, spreadOf(measures(name))]));
}

function spreadOf(measures: readonly Measures[]): Healthy {
  const of = (figure: (measures: Measures) => number): Spread => {
    const values = measures.map(figure).filter(Number.isFinite);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    // Where healthy trainings are all alike, what rounding and a single unit do.
    return { mean, deviation: Math.max(0.02, Math.sqrt(squares / Math.max(1, values.length - 1))) };
  };
  return {
    up: of(({ up }) => up),
    down: of(({ down }) => down),
    stride: of(({ stride }) => stride),
    still: of(({ still }) => still),
    dead: of(({ dead }) => dead),
    saturated: of(({ saturated }) => saturated),
    modes: of(({ modes }) => modes),
    noise: of(({ noise }) => noise),
    shrunk: of(({ shrunk }) => shrunk),
    end: of(endOf),
    swing: of(swingOf),
  };
}

/** How one monitor did. */
export interface Score {
  readonly monitor: string;
  readonly planted: number;
  readonly without: number;
  /** Planted and found, as a finding of its own or as the consequence of another. */
  readonly recall: Interval;
  /** Planted and found as a finding of its own. */
  readonly named: number;
  /** Found, of all that were accused: a finding of its own where the fault is not. */
  readonly precision: Interval;
  readonly accused: readonly string[];
}

const fired = ({ findings }: Trial, monitor: string) => findings.some(({ rule }) => rule === monitor);
const isRoot = ({ findings }: Trial, monitor: string) => findings.some(({ rule, follows }) => rule === monitor && follows === undefined);

/** Trainings without the fault: as many healthy ones, whatever they show, as others with another fault that have none of its effect. */
export function scoreOf(monitor: string, { healthy, planted, spreads, seed }: Study): Score {
  const own = planted.filter(({ fault }) => fault === monitor).map(({ trial }) => trial);
  const clean = healthy.map((trial) => ({ what: "healthy", trial }));
  const others = planted
    .filter(({ fault, trial }) => fault !== monitor && isAbsent(monitor, trial, spreads))
    .map(({ fault, trial }) => ({ what: fault, trial }));
  const order = rng(seed, `others ${monitor}`).permutation(others.length);
  const size = Math.max(30, Math.ceil(own.length / 2));
  const without = [...clean.slice(0, size), ...[...order.subarray(0, size)].map((at) => others[at]!)];
  const accused = without.filter(({ trial }) => isRoot(trial, monitor)).map(({ what }) => what);
  const found = own.filter((trial) => fired(trial, monitor)).length;
  return {
    monitor,
    planted: own.length,
    without: without.length,
    recall: wilsonInterval(found, own.length),
    named: own.filter((trial) => isRoot(trial, monitor)).length,
    precision: wilsonInterval(found, found + accused.length),
    accused,
  };
}

/** Of trainings with a planted fault, or healthy ones: how many each monitor spoke of, as a cause and as a consequence. */
export function matrix({
  healthy,
  planted,
}: Study): { readonly what: string; readonly runs: number; readonly cells: readonly (readonly [own: number, follows: number])[] }[] {
  const rows = [
    { what: "healthy", trials: [...healthy] },
    ...faults.map(({ monitor }) => ({ what: monitor, trials: planted.filter(({ fault }) => fault === monitor).map(({ trial }) => trial) })),
  ];
  return rows.map(({ what, trials }) => ({
    what,
    runs: trials.length,
    cells: faults.map(({ monitor }) => {
      const all = trials.filter((trial) => fired(trial, monitor)).length;
      const own = trials.filter((trial) => isRoot(trial, monitor)).length;
      return [own, all - own] as const;
    }),
  }));
}

/** Every schedule by name, with its settings. */
import { didYouMean } from "../../util/closest.ts";
import { GradusError } from "../../util/errors.ts";
import { checkRanges, ranges, type Range } from "../../util/range.ts";
import { withWarmup, type Schedule } from "../schedule.ts";
import { reduceOnPlateau } from "./plateau.ts";

type Settings = Readonly<Record<string, number | string>>;

interface ScheduleRecord {
  /** Where nothing is said. */
  readonly settings: Settings;
  readonly make: (settings: never) => Schedule;
}

/** From 1 at progress 0 to 0 at progress 1. */
const halfCosine = (progress: number) => 0.5 * (1 + Math.cos(Math.PI * progress));
const between = (from: number, to: number, share: number) => to + (from - to) * share;

export const schedules = {
  /** 1 throughout. */
  constant: { settings: {}, make: () => ({ kind: "constant", settings: {}, factor: () => 1 }) },
  /** A straight line from 1 to `floor` behind the last step. */
  linear: {
    settings: { floor: 0 },
    make: ({ floor }: { floor: number }) => ({
      kind: "linear",
      settings: { floor },
      factor: ({ done, planned }) => between(1, floor, 1 - done / planned),
    }),
  },
  /** Half a cosine from 1 to `floor` (Loshchilov & Hutter 2017, without restarts). */
  cosine: {
    settings: { floor: 0 },
    make: ({ floor }: { floor: number }) => ({
      kind: "cosine",
      settings: { floor },
      factor: ({ done, planned }) => between(1, floor, halfCosine(done / planned)),
    }),
  },
  /** Times `factor` after every so many epochs. */
  step: {
    settings: { every: 30, factor: 0.1 },
    make: ({ every, factor }: { every: number; factor: number }) => ({
      kind: "step",
      settings: { every, factor },
      factor: ({ done, perEpoch }) => factor ** Math.floor(done / (every * perEpoch)),
    }),
  },
  /** Times `factor` after every epoch. */
  exponential: {
    settings: { factor: 0.95 },
    make: ({ factor }: { factor: number }) => ({
      kind: "exponential",
      settings: { factor },
      factor: ({ done, perEpoch }) => factor ** Math.floor(done / perEpoch),
    }),
  },
  /**
   * From `start` up to 1 at the share `peak` of the training and down to `floor`, half a cosine each (Smith & Topin 2018); the last
   * step is at the floor.
   */
  oneCycle: {
    settings: { peak: 0.3, start: 0.04, floor: 4e-6 },
    make: ({ peak, start, floor }: { peak: number; start: number; floor: number }) => ({
      kind: "oneCycle",
      settings: { peak, start, floor },
      factor({ done, planned }) {
        const [top, end] = [peak * planned - 1, planned - 1];
        if (done <= top) return between(start, 1, halfCosine(top > 0 ? done / top : 1));
        return between(1, floor, halfCosine((done - top) / (end - top)));
      },
    }),
  },
  reduceOnPlateau: { settings: { factor: 0.1, patience: 10, threshold: 1e-4, mode: "relative", floor: 0 }, make: reduceOnPlateau },
} as const satisfies Record<string, ScheduleRecord>;

export type ScheduleName = keyof typeof schedules;

/** How a plateau's threshold is meant. */
export const thresholdModes = ["relative", "absolute"] as const;

/** What each number of any schedule may be. */
export const scheduleRanges = {
  floor: { expected: "a number from 0 to 1", from: 0, upTo: 1 },
  every: ranges.count,
  factor: { expected: "a number above 0, at most 1", above: 0, upTo: 1 },
  peak: { expected: "a number above 0 and below 1", above: 0, below: 1 },
  start: { expected: "a number from 0 to 1", from: 0, upTo: 1 },
  patience: ranges.count,
  threshold: ranges.notNegative,
  warmup: ranges.notNegative,
} as const satisfies Record<string, Range>;

/** A schedule by name, and any of its settings. */
export interface ScheduleSettings {
  readonly kind: ScheduleName;
  /** Steps over which the rate rises at first: a share of all below 1, else their number. None where left out. */
  readonly warmup?: number | undefined;
  readonly [setting: string]: string | number | undefined;
}

/** A name, or a name with settings. */
export type ScheduleChoice = string | (Omit<ScheduleSettings, "kind"> & { readonly kind: string });

/**
 * @example scheduleByName({ kind: "cosine", floor: 0.01, warmup: 0.05 })
 * @throws GradusError for a name that is not a schedule, a setting it has not, or one out of its range
 */
export function scheduleByName(choice: ScheduleChoice): Schedule {
  const { kind, ...all } = typeof choice === "string" ? { kind: choice } : choice;
  const found: ScheduleRecord | undefined = Object.hasOwn(schedules, kind) ? schedules[kind as ScheduleName] : undefined;
  if (!found) throw new GradusError(`no schedule "${kind}"`, { hint: `one of ${Object.keys(schedules).join(", ")}` });
  const given = Object.fromEntries(Object.entries(all).filter((entry) => entry[1] !== undefined)) as Settings;
  const known = [...Object.keys(found.settings), "warmup"];
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new GradusError(`schedule ${kind} has no setting "${unknown}".`, { hint: didYouMean(unknown, known, "settings") });
  checkRanges(given, scheduleRanges);
  const { warmup = 0, ...settings } = given as { warmup?: number; mode?: string };
  if (settings.mode !== undefined && !thresholdModes.some((mode) => mode === settings.mode))
    throw new GradusError(`mode must be ${thresholdModes.join(" or ")}, found "${settings.mode}".`);
  if (warmup >= 1 && !Number.isInteger(warmup))
    throw new GradusError(`warmup must be a share below 1 or a whole number of steps, found ${warmup}.`);
  return withWarmup(found.make({ ...found.settings, ...settings } as never), warmup);
}

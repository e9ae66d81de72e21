/** Trainings of the study that were kept in a file, judged by the monitors as they are now: what they see changes no training. */
import { readFileSync } from "node:fs";
import { judgeRecord } from "../../../src/train/health.ts";
import type { HealthRecord } from "../../../src/train/monitor.ts";
import type { StudyPart } from "./study.ts";
import type { Trial } from "./trial.ts";

export interface Kept {
  readonly seed: number;
  readonly parts: readonly StudyPart[];
}

/** JSON, where numbers that are not finite are strings. */
export const keptText = (kept: Kept): string =>
  JSON.stringify(kept, (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value));

const strange: Readonly<Record<string, number>> = { Infinity: Infinity, "-Infinity": -Infinity, NaN: NaN };

export function readKept(path: string): Kept {
  const kept = JSON.parse(readFileSync(path, "utf8"), (_, value: unknown) =>
    typeof value === "string" && value in strange ? strange[value] : value,
  ) as Kept;
  const parts = kept.parts.map((part) => ({ ...part, trials: part.trials.map((one) => ({ ...one, trial: judged(one.trial) })) }));
  return { seed: kept.seed, parts };
}

/** The findings anew, from the record as it grew look by look. */
export function judged(trial: Trial): Trial {
  const said: { rule: string; follows?: string }[] = [];
  const findings = states(trial.record).flatMap((record) => judgeRecord(record, said));
  return {
    ...trial,
    findings: findings.map(({ rule, severity, subject, follows }) => ({
      rule,
      severity,
      ...(subject ? { subject } : {}),
      ...(follows ? { follows } : {}),
    })),
  };
}

/** A record after each of its looks: steps, then the epoch that ends with them, and at last what was not finite. */
function* growth({ facts, steps, units, epochs, nonFinite }: HealthRecord): Generator<HealthRecord> {
  let at = 0;
  for (const [i, { step, epoch }] of epochs.entries()) {
    const seen = {
      facts,
      units: units.filter((look) => look.epoch < epoch),
      epochs: epochs.slice(0, i),
    };
    for (; at < steps.length && steps[at]!.step <= step; at++) yield { ...seen, steps: steps.slice(0, at + 1) };
    yield { facts, steps: steps.slice(0, at), units: units.filter((look) => look.epoch <= epoch), epochs: epochs.slice(0, i + 1) };
  }
  for (; at < steps.length; at++) yield { facts, units, epochs, steps: steps.slice(0, at + 1) };
  if (nonFinite) yield { facts, steps, units, epochs, nonFinite };
}

const states = (record: HealthRecord): readonly HealthRecord[] => [...growth(record)];

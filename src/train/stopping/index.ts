/** Every rule of early stopping: one line each; and a rule with its settings checked. */
import { didYouMean } from "../../util/closest.ts";
import { GradusError } from "../../util/errors.ts";
import { checkRanges, ranges } from "../../util/range.ts";
import { improvementUnits, monitored, type ImprovementUnit, type Monitored, type StopRule } from "../stopping.ts";
import { generalisationLoss } from "./generalisation-loss.ts";
import { patience } from "./patience.ts";
import { progressQuotient } from "./progress-quotient.ts";

export const stopRules = { patience, generalisationLoss, progressQuotient } as const satisfies Record<string, StopRule>;
export type StopRuleName = keyof typeof stopRules;

/** When a training stops before its last epoch, as a person writes it. */
export interface StopOptions {
  readonly kind: StopRuleName | "none";
  /** Of `patience`: epochs without an improvement until it stops. Default 10. */
  readonly epochs?: number | undefined;
  /** Of `patience`: an improvement is more than this. Default 1. */
  readonly minImprovement?: number | undefined;
  /** Of `patience`: what `minImprovement` is counted in. Default noise: standard errors of the paired difference. */
  readonly unit?: ImprovementUnit | undefined;
  /** Of `generalisationLoss`: per cent (default 5); of `progressQuotient`: the quotient (default 1). */
  readonly threshold?: number | undefined;
  /** Of `progressQuotient`: epochs of a strip. Default 5. */
  readonly strip?: number | undefined;
  /** The first epoch after which it may stop. Default 1. */
  readonly startEpoch?: number | undefined;
  /** What is watched on the validation part. Default loss; the weights kept are those of its lowest value. */
  readonly monitor?: Monitored | undefined;
}

/** A rule with every setting filled in. */
export interface Stop {
  readonly rule: StopRule;
  readonly settings: Readonly<Record<string, number>>;
  readonly unit: ImprovementUnit;
  readonly startEpoch: number;
}

/**
 * The rule that options name; nothing for `none`.
 * @throws GradusError where a setting is out of its range, or of another rule
 */
export function stopOf({ kind, unit, startEpoch, monitor, ...given }: StopOptions): Stop | undefined {
  monitorOf({ monitor });
  const kinds = [...Object.keys(stopRules), "none"];
  if (!kinds.includes(kind)) throw new GradusError(`stop: there is no rule "${kind}".`, { hint: didYouMean(kind, kinds, "rules") });
  checkRanges({ "stop.startEpoch": startEpoch }, { "stop.startEpoch": ranges.count });
  if (unit !== undefined && !improvementUnits.includes(unit))
    throw new GradusError(`stop.unit must be one of ${improvementUnits.join(", ")}, found "${unit}".`);
  const settings: Record<string, number> = {};
  const own: StopRule["settings"] = kind === "none" ? {} : stopRules[kind].settings;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const setting = own[name];
    if (!setting) throw new GradusError(`stop: ${kind} has no setting ${name}.`, { hint: didYouMean(name, Object.keys(own), "settings") });
    checkRanges({ [`stop.${name}`]: value }, { [`stop.${name}`]: setting.range });
  }
  if (kind === "none") return undefined;
  for (const [name, setting] of Object.entries(own)) settings[name] = given[name as keyof typeof given] ?? setting.default;
  return { rule: stopRules[kind], settings, unit: unit ?? "noise", startEpoch: startEpoch ?? 1 };
}

/** @throws GradusError where it is neither the loss nor the error */
export function monitorOf({ monitor = "loss" }: { readonly monitor?: Monitored | undefined }): Monitored {
  if (!monitored.includes(monitor)) throw new GradusError(`stop.monitor must be one of ${monitored.join(", ")}, found "${monitor}".`);
  return monitor;
}

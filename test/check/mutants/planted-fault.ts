/** A fault planted by hand: where, what is wrong about it, and the place that should be named. */
import { checkGradient, type GradientCheck, type GradientCheckOptions } from "../../../src/check/gradient-check.ts";
import type { LossGraph } from "../../../src/check/subject.ts";
import { reference } from "../../../src/exec/reference.ts";
import type { Executor } from "../../../src/exec/session.ts";
import { withOtherRule, type Context, type Rule, type Terms } from "../planted.ts";

export interface Place {
  readonly operator: string;
  readonly layer?: string;
  readonly input?: string | number;
}

export interface PlantedFault {
  /** What is wrong, in words. */
  readonly what: string;
  /** The network, in words. */
  readonly where: string;
  readonly loss: () => LossGraph;
  /** A rule replaced while the check runs; left out where the loss itself brings wrong gradients. */
  readonly rule?: { readonly op: string; readonly make: (right: Rule) => Rule };
  readonly executor?: Executor;
  /** What the check should name; `unsteady` where the loss is not the same twice and there is no place to name. */
  readonly place: Place | "unsteady";
}

/** A wrong rule from the right one's terms. */
export const from =
  (change: (terms: Terms, context: Context) => Terms) =>
  (right: Rule): Rule =>
  (context) =>
    change(right(context), context).map((term) => term ?? null);

/** Tiny tensors, the plain interpreter, a sample of coordinates: what makes hundreds of checks affordable. */
export const quick: GradientCheckOptions = { executor: reference, coordinates: 20, batching: "off" };

export async function checkPlanted({ loss, rule, executor = reference }: PlantedFault): Promise<GradientCheck> {
  const check = () => checkGradient(loss(), { ...quick, executor });
  return rule ? withOtherRule(rule.op, rule.make, check) : check();
}

/** Whether the check named the place. */
export function isNamed({ place }: PlantedFault, { fault, deterministic }: GradientCheck): boolean {
  if (place === "unsteady") return !deterministic;
  return (
    fault?.operator === place.operator &&
    (place.layer === undefined || fault.layer === place.layer) &&
    (place.input === undefined || fault.input === place.input)
  );
}

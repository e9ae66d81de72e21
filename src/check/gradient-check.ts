/** The gradient check of one loss: is the gradient right, and if not, where does it go wrong? */
import { checkSubject, type CheckOptions, type SubjectCheck } from "./check.ts";
import { locateFault, type Fault } from "./locate.ts";
import { findNonFinite, type NonFinite } from "./non-finite.ts";
import { subjectOf, type LossGraph } from "./subject.ts";

export interface GradientCheck extends SubjectCheck {
  /** Where the error enters, if one was found. */
  readonly fault?: Fault;
  /** What is not finite at this point, where that is why nothing can be compared: no rule is at fault then. */
  readonly nonFinite?: NonFinite;
}

export interface GradientCheckOptions extends CheckOptions {
  /** Whether a failed check looks for the operator; default true. */
  readonly locate?: boolean;
}

/**
 * Checks the gradient of a loss at one point. Nothing that is given is changed.
 * @example
 * const w = input("w", "float64", [3]);
 * const loss = ops.ReduceSum(ops.Tanh(w), { keepdims: 0 });
 * const { passed, tensors } = await checkGradient({ loss, parameters: [w], inputs: { w: tensor("float64", [0.1, -0.2, 2]) } });
 * @throws GradusError where the loss is no scalar of its parameters, or an operator on the way has no gradient
 */
export async function checkGradient(spec: LossGraph, options: GradientCheckOptions = {}): Promise<GradientCheck> {
  const subject = subjectOf(spec);
  const check = await checkSubject(subject, options);
  const failed = check.tensors.filter(({ verdict }) => verdict === "failed");
  if (failed.length === 0) return check;
  const { executor, locate = true } = options;
  if (!Number.isFinite(check.loss)) return withCause(check, await findNonFinite(subject, { forward: true, executor }));
  const fault = locate ? await locateFault(subject, check.tensors, { ...options, step: check.step }) : undefined;
  if (fault) return { ...check, fault };
  const broken = failed.some(({ error }) => Number.isNaN(error));
  return broken ? withCause(check, await findNonFinite(subject, { forward: false, executor })) : check;
}

const withCause = (check: SubjectCheck, nonFinite: NonFinite | undefined): GradientCheck => (nonFinite ? { ...check, nonFinite } : check);

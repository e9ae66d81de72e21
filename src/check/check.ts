/** The gradient check of one loss: analytic gradients against differences, in float64, tensor by tensor (spec §3.5). */
import type { Executor } from "../exec/session.ts";
import { batchedSlopes } from "./batched.ts";
import { epsilons, type Verdict } from "./compare.ts";
import { defaultStep, type DifferenceOptions } from "./difference.ts";
import { createEvaluator, type Evaluator } from "./evaluate.ts";
import { createProber, everything } from "./probes.ts";
import { bandOf, relativeError, type Band } from "./relative-error.ts";
import type { Subject } from "./subject.ts";
import { GradusError } from "../util/errors.ts";
import { checkAlongDirections, checkCoordinates, type TensorCheck, type TensorCheckContext } from "./tensor-check.ts";

export interface CheckOptions extends DifferenceOptions {
  /**
   * `fast`: one random direction per tensor and one over all of them (others where kinks are in the way), coordinates only for tensors
   * that fail. Default `full`.
   */
  readonly mode?: "full" | "fast";
  /**
   * Most coordinates per tensor where each costs evaluations of its own; a larger tensor is sampled. Default 2000, and 100 where the
   * interpreter has to compute the losses.
   */
  readonly coordinates?: number;
  /** Of the sampled coordinates and directions. Default 1. */
  readonly seed?: number;
  /** Default: ONNX Runtime where it has the kernels in float64, else the reference interpreter. */
  readonly executor?: Executor;
  /** `off`: every coordinate by evaluations of the whole loss. */
  readonly batching?: "auto" | "off";
}

export type Outcome = "right" | "wrong" | "untested";

/** The verdict on several tensors or checks together: one that is wrong makes all wrong, and one must be right. */
export function together(verdicts: readonly (Outcome | Verdict)[]): Outcome {
  if (verdicts.some((verdict) => verdict === "wrong" || verdict === "failed")) return "wrong";
  return verdicts.some((verdict) => verdict === "right" || verdict === "passed") ? "right" : "untested";
}

export interface SubjectCheck {
  readonly loss: number;
  /** The same point gave the same loss and gradient, to the bit, before and after; where not, nothing that was compared counts. */
  readonly deterministic: boolean;
  readonly tensors: readonly TensorCheck[];
  /** The lecture's figure: all tensors' compared numbers as one vector. */
  readonly error: number;
  readonly band: Band;
  /** `untested`: there was no slope to compare in any tensor, for rounding, kinks or zeros. */
  readonly verdict: Outcome;
  /** The verdict is `right`. */
  readonly passed: boolean;
  readonly executor: string;
  /** Operators that compute in float32 whatever they are given: the check is then that much coarser. */
  readonly float32Only: readonly string[];
  readonly step: number;
  readonly seconds: number;
}

/** The best two-sided step where the loss is rounded to float32, about ∛(3ε). */
const float32Step = 7e-3;
const mostCoordinates = 2000;
const mostCoordinatesSlow = 100;

/** Shorter ones drown in rounding, longer ones leave the neighbourhood. */
export const stepRange = { least: 1e-12, most: 0.1 } as const;

/**
 * Every tensor of a subject against differences.
 * @throws GradusError for a step outside `stepRange`
 */
export async function checkSubject(subject: Subject, options: CheckOptions = {}): Promise<SubjectCheck> {
  const started = performance.now();
  const { step = defaultStep } = options;
  if (!(step >= stepRange.least && step <= stepRange.most)) {
    throw new GradusError(`the step of differences must be from ${stepRange.least} to ${stepRange.most}, found ${step}`);
  }
  if (options.mode !== "fast") return checkWith(subject, options, { started, lower: false });
  const quick = await checkWith(subject, options, { started, lower: true });
  // What differs where operators were written with others is looked at again with the operators themselves.
  return quick ?? checkWith(subject, options, { started, lower: false });
}

type Settled<T extends boolean> = T extends true ? SubjectCheck | undefined : SubjectCheck;

/** @returns undefined where the gradient was computed by other operators, and does not pass */
async function checkWith<T extends boolean>(
  subject: Subject,
  options: CheckOptions,
  { started, lower }: { readonly started: number; readonly lower: T },
): Promise<Settled<T>> {
  const evaluator = await createEvaluator(subject, options.executor, { lower });
  try {
    const coarse = subject.float32Only.length > 0;
    const step = options.step ?? (coarse ? float32Step : defaultStep);
    const first = await evaluator.lossAndGradients();
    const isSteady = async () => sameBits(first, await evaluator.lossAndGradients());
    const { directions, coordinates } = tensorChecks(subject, evaluator, first, { ...options, step });
    let compared: readonly TensorCheck[] = [];
    if (!Number.isFinite(first.loss)) compared = notFinite(subject);
    else if (options.mode === "fast") {
      compared = await directions();
      const passed = compared.every(({ verdict }) => verdict !== "failed");
      if (evaluator.replaced.length > 0 && !(passed && (await isSteady()))) return undefined as Settled<T>;
      if (!passed && (await isSteady())) compared = await coordinates(compared);
    } else if (await isSteady()) compared = await coordinates();
    // A mask drawn anew now and then shows only afterwards.
    const deterministic = await isSteady();
    const tensors = deterministic ? compared.map((check, i) => explained(check, subject.unreached[i])) : [];
    const verdict = deterministic ? together(tensors.map((tensor) => tensor.verdict)) : "wrong";
    const error = Number.isFinite(first.loss) ? relativeError(flat(tensors, "analytic"), flat(tensors, "numeric")) : NaN;
    return {
      loss: first.loss,
      deterministic,
      tensors,
      error,
      band: bandOf(error),
      verdict,
      passed: verdict === "right",
      executor: evaluator.executor(),
      float32Only: subject.float32Only,
      step,
      seconds: (performance.now() - started) / 1000,
    } as Settled<T>;
  } finally {
    await evaluator.dispose();
  }
}

/** A tensor without a slope, with the graph's reason for it. */
function explained(check: TensorCheck, unreached: string | undefined): TensorCheck {
  return unreached !== undefined && (check.verdict === "untested" || check.verdict === "kink") ? { ...check, reason: unreached } : check;
}

/** Of a loss that is no number nothing can be compared. */
function notFinite({ parameters, inputs }: Subject): TensorCheck[] {
  const none = new Float64Array();
  return parameters.map(({ name }) => {
    const { shape, data } = inputs[name!]!;
    const counts = { size: data.length, coordinates: 0, directions: 0, kinks: 0 };
    const figures = { error: NaN, floor: 0, threshold: 0, band: bandOf(NaN) };
    const points = { index: new Int32Array(), analytic: none, numeric: none };
    return { name: name!, shape, ...counts, ...figures, verdict: "failed", reason: "not finite", method: "plain", points };
  });
}

interface Point {
  readonly loss: number;
  readonly gradients: readonly Float64Array[];
}

function tensorChecks(
  subject: Subject,
  evaluator: Evaluator,
  { loss, gradients }: Point,
  options: CheckOptions & { readonly step: number },
) {
  const batching = options.batching !== "off" && (options.sides ?? "two") === "two";
  const batched = batching ? batchedSlopes(subject, evaluator, options) : undefined;
  const context: TensorCheckContext = {
    prober: createProber(evaluator, options),
    batched: async (tensor, share, agrees) => batched?.slopes(tensor, share, agrees),
    loss,
    epsilon: subject.float32Only.length > 0 ? epsilons.float32 : epsilons.float64,
    seed: options.seed ?? 1,
    mostPlain: () => options.coordinates ?? (evaluator.isSlow() ? mostCoordinatesSlow : mostCoordinates),
  };
  const tensors = subject.parameters.map(({ name }, position) => {
    return { position, name: name!, shape: subject.inputs[name!]!.shape, analytic: gradients[position]! };
  });
  return {
    /** Coordinates of all tensors, or of those that failed. */
    async coordinates(before?: readonly TensorCheck[]): Promise<TensorCheck[]> {
      const checks: TensorCheck[] = [];
      for (const tensor of tensors) {
        const known = before?.[tensor.position];
        checks.push(known && known.verdict !== "failed" ? known : await checkCoordinates(context, tensor));
      }
      return checks;
    },
    /** Two that see a fault alike by chance are seldom: one direction per tensor, and another over all. Where only that one differs, all have failed. */
    async directions(): Promise<TensorCheck[]> {
      const checks: TensorCheck[] = [];
      for (const tensor of tensors) checks.push(await checkAlongDirections(context, tensor, 1));
      if (tensors.length === 1 || checks.some(({ verdict }) => verdict === "failed")) return checks;
      const analytic = joined(gradients);
      const whole = { position: everything, name: "all tensors", shape: [analytic.length], analytic };
      const { verdict } = await checkAlongDirections(context, whole, 1);
      return verdict === "failed" ? checks.map((check) => ({ ...check, verdict })) : checks;
    },
  };
}

function sameBits(a: Point, b: Point): boolean {
  return Object.is(a.loss, b.loss) && a.gradients.every((gradient, i) => sameNumbers(gradient, b.gradients[i]!));
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function flat(tensors: readonly TensorCheck[], which: "analytic" | "numeric"): Float64Array {
  return joined(tensors.map(({ points }) => points[which]));
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

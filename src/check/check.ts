/** The gradient check of one loss: analytic gradients against differences, in float64, tensor by tensor (spec §3.5). */
import type { Executor } from "../exec/session.ts";
import { batchedSlopes } from "./batched.ts";
import { epsilons } from "./compare.ts";
import { defaultStep, type DifferenceOptions } from "./difference.ts";
import { createEvaluator, type Evaluator } from "./evaluate.ts";
import { createProber } from "./probes.ts";
import { bandOf, relativeError, type Band } from "./relative-error.ts";
import type { Subject } from "./subject.ts";
import { checkAlongDirections, checkCoordinates, type TensorCheck, type TensorCheckContext } from "./tensor-check.ts";

export interface CheckOptions extends DifferenceOptions {
  /** `fast`: three random directions per tensor, coordinates only for tensors that fail. Default `full`. */
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

export interface SubjectCheck {
  readonly loss: number;
  /** The same point gave the same loss and gradient, to the bit, before and after; where not, nothing that was compared counts. */
  readonly deterministic: boolean;
  readonly tensors: readonly TensorCheck[];
  /** The lecture's figure: all tensors' compared numbers as one vector. */
  readonly error: number;
  readonly band: Band;
  /** No tensor failed, and the loss is deterministic. */
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

/** Every tensor of a subject against differences. */
export async function checkSubject(subject: Subject, options: CheckOptions = {}): Promise<SubjectCheck> {
  const started = performance.now();
  const evaluator = await createEvaluator(subject, options.executor);
  try {
    const coarse = subject.float32Only.length > 0;
    const step = options.step ?? (coarse ? float32Step : defaultStep);
    const first = await evaluator.lossAndGradients();
    const isSteady = async () => sameBits(first, await evaluator.lossAndGradients());
    const compared = (await isSteady()) ? await checkTensors(subject, evaluator, first, { ...options, step }) : [];
    // A mask drawn anew now and then shows only afterwards.
    const deterministic = await isSteady();
    const tensors = deterministic ? compared : [];
    const failed = tensors.some(({ verdict }) => verdict === "failed");
    const error = relativeError(flat(tensors, "analytic"), flat(tensors, "numeric"));
    return {
      loss: first.loss,
      deterministic,
      tensors,
      error,
      band: bandOf(error),
      passed: deterministic && !failed,
      executor: evaluator.executor(),
      float32Only: subject.float32Only,
      step,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await evaluator.dispose();
  }
}

interface Point {
  readonly loss: number;
  readonly gradients: readonly Float64Array[];
}

async function checkTensors(
  subject: Subject,
  evaluator: Evaluator,
  { loss, gradients }: Point,
  options: CheckOptions & { readonly step: number },
): Promise<TensorCheck[]> {
  const batching = options.batching !== "off" && (options.sides ?? "two") === "two";
  const batched = batching ? batchedSlopes(subject, evaluator, options) : undefined;
  const context: TensorCheckContext = {
    prober: createProber(evaluator, options),
    batched: async (tensor, agrees) => batched?.slopes(tensor, agrees),
    loss,
    epsilon: subject.float32Only.length > 0 ? epsilons.float32 : epsilons.float64,
    seed: options.seed ?? 1,
    mostPlain: () => options.coordinates ?? (evaluator.isSlow() ? mostCoordinatesSlow : mostCoordinates),
  };
  const checks: TensorCheck[] = [];
  for (const [position, { name }] of subject.parameters.entries()) {
    const { shape } = subject.inputs[name!]!;
    const tensor = { position, name: name!, shape, analytic: gradients[position]! };
    let check = options.mode === "fast" ? await checkAlongDirections(context, tensor) : await checkCoordinates(context, tensor);
    if (options.mode === "fast" && check.verdict === "failed") check = await checkCoordinates(context, tensor);
    checks.push(check);
  }
  return checks;
}

function sameBits(a: Point, b: Point): boolean {
  return Object.is(a.loss, b.loss) && a.gradients.every((g, i) => g.every((value, k) => Object.is(value, b.gradients[i]![k])));
}

function flat(tensors: readonly TensorCheck[], which: "analytic" | "numeric"): Float64Array {
  const whole = new Float64Array(tensors.reduce((sum, { points }) => sum + points[which].length, 0));
  let at = 0;
  for (const { points } of tensors) {
    whole.set(points[which], at);
    at += points[which].length;
  }
  return whole;
}

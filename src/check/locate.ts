/** Where a wrong gradient begins: the operator nearest the loss whose incoming gradient is right and whose outgoing one is wrong. */
import { gradient } from "../autodiff/gradient.ts";
import { isFloat } from "../ir/dtype.ts";
import { constant, floatsFrom, graph, input, type Node, type Value } from "../ir/graph.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { applyOp, ops } from "../ops/build.ts";
import { checkSubject, type CheckOptions } from "./check.ts";
import { createEvaluator, type Evaluator } from "./evaluate.ts";
import { rebuild, type Replacements } from "../ops/rewrite.ts";
import { relativeError } from "./relative-error.ts";
import { subjectOf, type Subject } from "./subject.ts";
import type { TensorCheck } from "./tensor-check.ts";

export interface Fault {
  /** The operator whose rule, or whose share in the sum, is wrong. */
  readonly operator: string;
  /** The layer it stands in; `the loss` behind the last one, undefined where no layer is known. */
  readonly layer?: string;
  /** Which of its inputs gets a wrong gradient: a parameter's name, or a position from 0. */
  readonly input: string | number;
  /** Relative error of the gradient with respect to that input. */
  readonly error: number;
  /** The operator's own rule is wrong; else it is right by itself, and what was made of it is not. */
  readonly rule: boolean;
  /** Parameters whose gradient is wrong. */
  readonly parameters: readonly string[];
}

/** Coordinates of every intermediate value that are looked at. */
const coordinatesOfValues = 24;

interface Walk {
  readonly subject: Subject;
  readonly evaluator: Evaluator;
  readonly options: CheckOptions;
  readonly failed: ReadonlyMap<Value, TensorCheck>;
  readonly active: ReadonlySet<Value>;
}

/** Walks from the loss towards the parameters; undefined where no operator stands between right and wrong. */
export async function locateFault(subject: Subject, tensors: readonly TensorCheck[], options: CheckOptions): Promise<Fault | undefined> {
  const { loss, parameters } = subject;
  const nodes = graph({ outputs: { loss } }).nodes;
  const active = floatsFrom(nodes, parameters);
  const failed = new Map(parameters.flatMap((value, i) => (tensors[i]?.verdict === "failed" ? [[value, tensors[i]!] as const] : [])));
  const evaluator = await createEvaluator(subject, options.executor);
  const walk: Walk = {
    subject,
    evaluator,
    options: { ...options, mode: "full", coordinates: coordinatesOfValues, batching: "off" },
    failed,
    active,
  };
  const names = [...failed.values()].map(({ name }) => name);
  const errors = new Map<Value, Promise<number | undefined>>();
  const errorAt = (value: Value) => {
    if (!errors.has(value)) errors.set(value, errorOf(walk, value));
    return errors.get(value)!;
  };
  const suspects: { node: Node; index: number; error: number }[] = [];
  try {
    for (const node of nodes.toReversed()) {
      const outputs = node.outputs.filter((value) => active.has(value) && isRead(value, nodes, loss));
      if (outputs.length === 0 || (await anyWrong(outputs, errorAt))) continue;
      for (const [index, value] of node.inputs.entries()) {
        if (!value || !active.has(value)) continue;
        const error = await errorAt(value);
        if (error === undefined) continue;
        // Zero times infinity is no fault of a rule.
        if (Number.isNaN(error) && !(await isFiniteAt(walk, node))) return undefined;
        const own = await ownError(walk, node, index);
        if (own !== undefined) return { ...placeOf(subject, node, index), error: own, rule: true, parameters: names };
        suspects.push({ node, index, error });
      }
    }
    const ofParameters = suspects.every(({ node, index }) => parameters.includes(node.inputs[index]!));
    const factor = subject.given && ofParameters ? commonFactor(tensors) : undefined;
    if (factor !== undefined) {
      const last = nodes.at(-1)!;
      const index = last.inputs.findIndex((value) => value && active.has(value));
      const error = Math.abs(factor - 1) / (Math.abs(factor) + 1);
      return { ...placeOf(subject, last, index), error, rule: false, parameters: names };
    }
    const likeliest = await mostAlike(walk, suspects);
    return likeliest && { ...placeOf(subject, likeliest.node, likeliest.index), error: likeliest.error, rule: false, parameters: names };
  } finally {
    await evaluator.dispose();
  }
}

/** What all gradients are the same multiple of, a sum for a mean: the fault is in no layer, but in the loss as a whole. */
function commonFactor(tensors: readonly TensorCheck[]): number | undefined {
  const failed = tensors.filter(({ verdict }) => verdict === "failed");
  if (failed.length < 2 || tensors.some(({ verdict }) => verdict === "passed")) return undefined;
  let [product, square] = [0, 0];
  for (const { points } of failed) {
    points.numeric.forEach((n, i) => {
      product += n * points.analytic[i]!;
      square += n * n;
    });
  }
  const factor = product / square;
  const fits = ({ points, threshold }: TensorCheck) =>
    relativeError(
      points.analytic,
      points.numeric.map((n) => factor * n),
    ) <= threshold;
  return factor !== 0 && failed.every(fits) ? factor : undefined;
}

async function isFiniteAt({ evaluator }: Walk, { outputs }: Node): Promise<boolean> {
  const found = await evaluator.values(outputs.filter(({ dtype }) => isFloat(dtype)));
  return found.every(({ data }) => (data as Float64Array).every(Number.isFinite));
}

async function anyWrong(values: readonly Value[], errorAt: (value: Value) => Promise<number | undefined>): Promise<boolean> {
  for (const value of values) if ((await errorAt(value)) !== undefined) return true;
  return false;
}

function isRead(value: Value, nodes: readonly Node[], loss: Value): boolean {
  return value === loss || nodes.some((node) => node.inputs.includes(value));
}

/** The relative error of the gradient with respect to a value, undefined where it is right (or cannot be told). */
async function errorOf({ subject, evaluator, options, failed }: Walk, value: Value): Promise<number | undefined> {
  if (value.origin.kind === "input") return failed.get(value)?.error;
  if (value === subject.loss) return undefined;
  const [held] = await evaluator.values([value]);
  const cut = input("cut", held!.dtype, held!.shape);
  const [loss] = rebuild([subject.loss], new Map([[value, cut]]));
  return wrongness({ loss: loss!, parameters: [cut], inputs: { ...subject.inputs, cut: held! } }, options);
}

async function wrongness(spec: Parameters<typeof subjectOf>[0], options: CheckOptions): Promise<number | undefined> {
  const { tensors } = await checkSubject(subjectOf(spec), options);
  return tensors[0]!.verdict === "failed" ? tensors[0]!.error : undefined;
}

/** The error of one operator's rule by itself: Σ ⟨gradient of the loss, output⟩ against differences of the operator alone. */
async function ownError({ subject, evaluator, options }: Walk, node: Node, index: number): Promise<number | undefined> {
  const given = node.inputs.filter((value) => value !== null);
  const floats = node.outputs.filter(({ dtype }) => isFloat(dtype));
  const seeds = gradient(subject.loss, floats, undefined, { cut: "zeros" });
  const found = await evaluator.values([...given, ...seeds]);
  const valueOf = new Map<Value, Tensor>(given.map((value, i) => [value, found[i]!]));
  const { dtype, shape } = valueOf.get(node.inputs[index]!)!;
  const fresh = input("fresh", dtype, shape);
  // What is constant in the graph stays constant: axes and shapes are read when it is built.
  const inputs = node.inputs.map((value, i) => {
    if (i === index || !value) return i === index ? fresh : null;
    return value.origin.kind === "constant" ? value : constant(valueOf.get(value)!, value.name);
  });
  const copy = applyOp(node.op, inputs, node.attributes);
  const terms = node.outputs.flatMap((value, i) => {
    const at = floats.indexOf(value);
    if (at < 0) return [];
    const sum = ops.ReduceSum(ops.Mul(copy.outputs[i]!, constant(found[given.length + at]!)), null, { keepdims: 0 });
    return [value.dtype === "float64" ? sum : ops.Cast(sum, { to: "float64" })];
  });
  const loss = terms.reduce((a, b) => ops.Add(a, b));
  return wrongness({ loss, parameters: [fresh], inputs: { fresh: valueOf.get(node.inputs[index]!)! } }, options);
}

/** Of places whose rules are right, the one whose part of the gradient is most like what is wrong about the whole. */
async function mostAlike<S extends { readonly node: Node; readonly index: number }>(
  walk: Walk,
  suspects: readonly S[],
): Promise<S | undefined> {
  if (suspects.length < 2) return suspects[0];
  const { failed } = walk;
  let [best, most] = [suspects[0]!, -1];
  for (const suspect of suspects) {
    const value = suspect.node.inputs[suspect.index]!;
    const points = failed.get(value)?.points;
    if (!points) continue;
    const part = await partOf(walk, suspect.node, suspect.index, value);
    let [dot, a, b] = [0, 0, 0];
    points.index.forEach((at, i) => {
      if (at < 0) return;
      const off = points.analytic[i]! - points.numeric[i]!;
      dot += off * part[at]!;
      a += off ** 2;
      b += part[at]! ** 2;
    });
    const alike = a * b > 0 ? Math.abs(dot) / Math.sqrt(a * b) : 0;
    // Nearer the loss comes first; a later place must be more alike than rounding makes it.
    if (alike > most + 1e-6) [best, most] = [suspect, alike];
  }
  return best;
}

/** What one edge of the graph adds to a value's gradient. */
async function partOf({ subject, options }: Walk, node: Node, index: number, value: Value): Promise<Float64Array> {
  const held = subject.inputs[value.name!]!;
  const edge = input("edge", "float64", held.shape);
  const copy = applyOp(
    node.op,
    node.inputs.map((one, i) => (i === index ? edge : one)),
    node.attributes,
  );
  const made: Replacements = new Map(node.outputs.map((output, i) => [output, copy.outputs[i]!]));
  const [loss] = rebuild([subject.loss], made);
  const part = subjectOf({
    loss: loss!,
    parameters: [edge],
    inputs: { ...subject.inputs, edge: tensor("float64", held.data, held.shape) },
  });
  const evaluator = await createEvaluator(part, options.executor);
  try {
    return (await evaluator.lossAndGradients()).gradients[0]!;
  } finally {
    await evaluator.dispose();
  }
}

function placeOf({ signals, parameters }: Subject, node: Node, index: number): Pick<Fault, "operator" | "layer" | "input"> {
  const value = node.inputs[index]!;
  const layer = layerOf({ signals }, node);
  return {
    operator: node.op,
    ...(layer === undefined ? {} : { layer }),
    input: parameters.includes(value) ? value.name! : index,
  };
}

/** The first layer whose output needs the node. */
export function layerOf({ signals }: Pick<Subject, "signals">, node: Node): string | undefined {
  if (signals.length === 0) return undefined;
  for (const { name, value } of signals) if (graph({ outputs: { value } }).nodes.includes(node)) return name;
  return "the loss";
}

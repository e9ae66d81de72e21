/** Reverse-mode differentiation: a graph becomes a graph of the same operators. */
import { capturesOf, floatsFrom, graph, int64, scalar, type Node, type Value } from "../ir/graph.ts";
import { isFloat } from "../ir/dtype.ts";
import { formatShape, sameShape, type Shape } from "../ir/shape.ts";
import { opRecord, ops } from "../ops/build.ts";
import type { GradientRule } from "../ops/op.ts";
import { GradusError } from "../util/errors.ts";
import { leanOps } from "./repetition.ts";
import { describeCut, noteDerived, placeIn, waysTo } from "./ways.ts";

export interface GradientOptions {
  /**
   * What a value gets whose every way to the loss leads through operators without a slope (ArgMax, a cast to integers, Round): an error
   * that names the operator, or zeros. Default `refuse`.
   */
  readonly cut?: "refuse" | "zeros";
  /** What errors call the values, where those have no names. */
  readonly names?: readonly string[];
}

/**
 * Gradients of a scalar with respect to values of its graph, as new values; differentiate again for second order.
 * A value that the scalar does not depend on gets zeros; integers and conditions beside a smooth way are constants.
 * @param loss a float value of shape [] (or with one element); of any shape where a seed is given
 * @param seed gradient of some scalar with respect to `loss`, in its shape or repeated to it: the result is then that
 *   scalar's gradient (a vector-Jacobian product)
 * @throws GradusError where the loss is no scalar, an operator on the way has no gradient, or every way is cut off by one
 * @example
 * const [dw] = gradient(ops.ReduceMean(ops.MatMul(x, w), { keepdims: 0 }), [w]);
 */
export function gradient(loss: Value, wrt: readonly Value[], seed?: Value, { cut = "refuse", names = [] }: GradientOptions = {}): Value[] {
  if (!isFloat(loss.dtype) || !(seed || loss.shape.every((dim) => dim === 1))) {
    throw new GradusError(`gradient needs a float scalar, got ${loss.dtype}${formatShape(loss.shape)}`);
  }
  for (const { dtype, name } of wrt) {
    if (!isFloat(dtype))
      throw new GradusError(`there is no gradient with respect to ${name ?? "a value"} of dtype ${dtype}, only to floats`);
  }
  const start = seed ? repeatTo(seed, loss) : fullLike(loss, 1);
  const nodes = nodesInOrder(loss);
  const found = pullback(nodes, [[loss, start]], wrt, (output) => ` (its output ${placeIn(loss, output)})`);
  if (cut === "refuse") {
    const missing = wrt.flatMap((value, i) => (found[i] ? [] : [{ value, name: names[i] ?? value.name ?? "a value" }]));
    refuseCuts(loss, missing);
  }
  const results = wrt.map((value, i) => found[i] ?? fullLike(value, 0));
  noteDerived(results, seed ? [...nodes, ...nodesInOrder(seed)] : nodes);
  return results;
}

/** @throws GradusError where a value reaches the loss, but by no smooth way */
function refuseCuts(loss: Value, missing: readonly { readonly value: Value; readonly name: string }[]): void {
  if (missing.length === 0) return;
  const ways = waysTo(
    loss,
    missing.map(({ value }) => value),
  );
  ways.forEach((way, i) => {
    if (typeof way === "string") return;
    throw new GradusError(`the loss depends on ${missing[i]!.name} ${describeCut(loss, way)}`, {
      hint: "put something smooth in its place, or take no gradient with respect to what lies before it (freeze it)",
    });
  });
}

/**
 * Gradients of some scalar with respect to values, from its gradients with respect to others, back through nodes.
 * @param nodes in topological order: the graph, or the body of a control operator
 * @param seeds values and the scalar's gradients with respect to them
 * @param place of an output, for errors
 * @returns null where a value does not reach a seed
 */
function pullback(
  nodes: readonly Node[],
  seeds: Iterable<readonly [Value, Value]>,
  wrt: readonly Value[],
  place: (output: Value) => string = () => "",
): (Value | null)[] {
  const active = floatsFrom(nodes, wrt);
  const parts = new Map<Value, Value[]>();
  const add = (value: Value, term: Value) => {
    const terms = parts.get(value);
    if (terms) terms.push(term);
    else parts.set(value, [term]);
  };
  const total = (value: Value): Value | null => {
    const terms = parts.get(value);
    if (!terms) return null;
    const sum = terms.reduce((a, b) => ops.Add(a, b));
    parts.set(value, [sum]);
    return sum;
  };
  for (const [value, term] of seeds) add(value, term);
  for (const node of nodes.toReversed()) {
    const output = node.outputs.find((value) => active.has(value) && parts.has(value));
    if (!output) continue;
    const { gradient: rule } = opRecord(node.op);
    if (typeof rule !== "function") throw new GradusError(`${node.op} has no gradient: ${rule.none}${place(output)}`);
    backward(node, rule, active, total, add);
  }
  return wrt.map(total);
}

/** Adds a node's contribution to the gradients of what it reads. */
function backward(
  node: Node,
  // eslint-disable-next-line typescript/no-explicit-any
  rule: GradientRule<any>,
  active: ReadonlySet<Value>,
  total: (value: Value) => Value | null,
  add: (value: Value, term: Value) => void,
): void {
  const read = [...node.inputs, ...capturesOf(node)];
  const needs = (index: number) => {
    const value = read[index];
    return value ? active.has(value) : false;
  };
  const terms = rule({
    ops: leanOps,
    inputs: node.inputs as readonly Value[],
    outputs: node.outputs,
    outputGradients: node.outputs.map(total) as unknown as [Value],
    attributes: node.attributes,
    needs,
    pullback: (inner, seeds, wrt) => pullback(inner, seeds, wrt),
  });
  read.forEach((value, index) => {
    const term = terms[index];
    if (value && term && needs(index)) add(value, undoBroadcast(term, value.shape));
  });
}

/** Sums a gradient over the axes along which its value was repeated. */
export function undoBroadcast(gradientOfResult: Value, shape: Shape): Value {
  const lead = gradientOfResult.shape.length - shape.length;
  const repeated = gradientOfResult.shape.flatMap((dim, axis) => (axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  if (repeated.length === 0) return gradientOfResult;
  const kept = repeated.filter((axis) => axis >= lead);
  const sum = ops.ReduceSum(gradientOfResult, int64(repeated), { keepdims: kept.length > 0 ? 1 : 0 });
  if (kept.length === 0 || lead === 0) return sum;
  return ops.Squeeze(sum, int64(Array.from({ length: lead }, (_, axis) => axis)));
}

/** A number in the shape and dtype of a value. */
function fullLike(value: Value, fill: number): Value {
  return repeatTo(scalar(value.dtype, fill), value);
}

/** A value repeated to the shape of another. */
function repeatTo(small: Value, value: Value): Value {
  return sameShape(small.shape, value.shape) ? small : ops.Expand(small, ops.Shape(value));
}

/** The nodes a value depends on, inputs first. */
function nodesInOrder(value: Value): Node[] {
  return [...graph({ outputs: { value } }).nodes];
}

/** Reductions, whose axes moved from an attribute to an input, and softmax, whose axis once meant something else. */
import type { Value } from "../../ir/graph.ts";
import { ops, type OpName } from "../../ops/build.ts";
import { axisOf, build, given, knownAt, some, vector, type Rewrite, type Upgrades } from "./upgrade.ts";

/** Axes as an attribute. */
const reduceSum: Rewrite = (node) => {
  const axes = node.attributes.int64s("axes");
  return [ops.ReduceSum(given(node, 0), axes ? vector(axes) : null, some({ keepdims: node.attributes.int("keepdims") }))];
};

/** What a reduction over no axis at all leaves to do. */
const alone: Readonly<Record<string, (x: Value) => Value>> = {
  ReduceL1: (x) => ops.Abs(x),
  ReduceL2: (x) => ops.Abs(x),
  ReduceLogSum: (x) => ops.Log(x),
  ReduceSumSquare: (x) => ops.Mul(x, x),
};

/** Since opset 18 the axes are an input; ours take them as an attribute. */
const axesInput =
  (op: OpName): Rewrite =>
  (node) => {
    const x = given(node, 0);
    const axes = knownAt(node, 1, `axes of ${op}`) ?? [];
    const keepdims = node.attributes.int("keepdims");
    const unchanged = node.attributes.int("noop_with_empty_axes");
    if (axes.length === 0 && unchanged) return [(alone[op] ?? ops.Identity)(x)];
    return build(op, x, some({ axes: axes.length > 0 ? axes : undefined, keepdims }));
  };

/** Before opset 13 the axes from `axis` on were one, and those before it another. */
const flattened =
  (op: "Softmax" | "LogSoftmax" | "Hardmax"): Rewrite =>
  (node) => {
    const x = given(node, 0);
    const rank = x.shape.length;
    // The end itself was allowed as an axis; nothing is behind it.
    const chosen = node.attributes.int("axis") ?? 1;
    const axis = chosen === rank ? rank : axisOf(x, chosen);
    if (axis === rank - 1) return build(op, x, { axis: -1 });
    return [ops.Reshape(build(op, ops.Flatten(x, { axis }), { axis: 1 })[0]!, ops.Shape(x), { allowzero: 1 })];
  };

const names = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSumSquare",
] as const;

export const reductions: Upgrades = {
  ReduceSum: [{ from: 1, to: 12, rewrite: reduceSum }],
  ...Object.fromEntries(names.map((op) => [op, [{ from: 18, rewrite: axesInput(op) }]])),
  Softmax: [{ from: 1, to: 12, rewrite: flattened("Softmax") }],
  LogSoftmax: [{ from: 1, to: 12, rewrite: flattened("LogSoftmax") }],
  Hardmax: [{ from: 1, to: 12, rewrite: flattened("Hardmax") }],
};

/** Small changes of what a gradient rule returns: of a whole term, or of one node on the way to it. */
import { constant, dependencies, int64, scalar, type Attributes, type Node, type Value } from "../../../src/ir/graph.ts";
import { isFloat } from "../../../src/ir/dtype.ts";
import { normalizeAxis, sameShape, staticShape } from "../../../src/ir/shape.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import { applyOp, constantFloats, contentsOf, ops } from "../../../src/ops/build.ts";
import { rewritten } from "../../../src/ops/rewrite.ts";
import { GradusError } from "../../../src/util/errors.ts";
import type { Context, Terms } from "../planted.ts";

export const kinds = ["sign", "factor", "axis", "transpose", "dropped term", "off by one", "condition", "function"] as const;
export type Kind = (typeof kinds)[number];

export interface Edit {
  readonly kind: Kind;
  /** What is changed, in words that find the same place again when the rule is called on another graph. */
  readonly text: string;
  /** Whether a node inside the term is changed, rather than the whole term. */
  readonly inner: boolean;
  /** Throws GradusError where the changed graph does not fit together. */
  readonly make: () => Value | null;
}

/** Every edit of the gradient with respect to one input. */
export function editsOfTerm(terms: Terms, index: number, context: Context): Edit[] {
  if (!context.needs(index)) return [];
  const term = terms[index];
  if (term) return [...wholeEdits(terms, index, term), ...innerEdits(term, context)];
  // Where a rule says that nothing passes, something does.
  const [dy] = context.outputGradients as readonly (Value | null)[];
  if (index >= context.inputs.length || !dy) return [];
  const { shape } = context.inputs[index]!;
  const passes = shape.length === 0 || sameShape(dy.shape, shape);
  return passes ? [{ kind: "function", text: "everything passes", inner: false, make: () => dy }] : [];
}

/** The terms with one of them edited; as they were where the edit has no place in this graph. */
export function edited(terms: Terms, index: number, text: string, context: Context): Terms {
  const edit = editsOfTerm(terms, index, context).find((one) => one.text === text);
  const made = edit && attempt(edit, terms[index] ?? null);
  if (made === undefined) return terms;
  return Array.from({ length: Math.max(terms.length, index + 1) }, (_, i) => (i === index ? made : (terms[i] ?? null)));
}

/** The edited term, or undefined where it does not infer or has another shape. */
export function attempt({ make }: Edit, term: Value | null): Value | null | undefined {
  try {
    const made = make();
    return made === null || term === null || (made.dtype === term.dtype && sameShape(made.shape, term.shape)) ? made : undefined;
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

const axesOf = (value: Value) => value.shape.map((_, axis) => axis);
const wideAxes = (value: Value) => axesOf(value).filter((axis) => value.shape[axis] !== 1);

/** Elements moved on by one along an axis, the last to the front. */
export function rolled(value: Value, axis: number): Value {
  const end = int64([2 ** 31 - 1]);
  const [last, rest] = [ops.Slice(value, int64([-1]), end, int64([axis])), ops.Slice(value, int64([0]), int64([-1]), int64([axis]))];
  return inShapeOf(value, ops.Concat(last, rest, { axis }));
}

/** The last two axes swapped and read in the old shape. */
function scrambled(value: Value, perm: readonly number[]): Value {
  return inShapeOf(value, ops.Transpose(value, { perm }));
}

function inShapeOf(like: Value, value: Value): Value {
  if (sameShape(like.shape, value.shape)) return value;
  const known = staticShape(like.shape);
  return known ? ops.Reshape(value, int64(known)) : value;
}

function swappedAt<T>(list: readonly T[], a: number, b: number): T[] {
  return list.map((item, i) => (i === a ? list[b]! : i === b ? list[a]! : item));
}

function wholeEdits(terms: Terms, index: number, term: Value): Edit[] {
  const edit = (kind: Kind, text: string, make: () => Value | null): Edit => ({ kind, text, inner: false, make });
  const wide = wideAxes(term);
  const [last, before] = [wide.at(-1), wide.at(-2)];
  const partner = terms.findIndex((other, i) => i > index && other && sameShape(other.shape, term.shape) && other !== term);
  return [
    edit("sign", "the sign", () => ops.Neg(term)),
    edit("factor", "times 1.01", () => ops.Mul(term, 1.01)),
    edit("factor", "times 2", () => ops.Mul(term, 2)),
    edit("factor", "times 0.5", () => ops.Mul(term, 0.5)),
    edit("dropped term", "no gradient", () => null),
    ...wide.map((axis) => edit("off by one", `moved on by one along axis ${axis}`, () => rolled(term, axis))),
    ...wide.map((axis) =>
      edit("axis", `the mean over axis ${axis}, repeated`, () => ops.Add(ops.Mul(term, 0), ops.ReduceMean(term, { axes: [axis] }))),
    ),
    ...(last !== undefined && before !== undefined
      ? [edit("transpose", `axes ${before} and ${last} swapped`, () => scrambled(term, swappedAt(axesOf(term), before, last)))]
      : []),
    ...(partner < 0 ? [] : [edit("transpose", `the gradient of input ${partner}`, () => terms[partner]!)]),
  ];
}

/** Nodes that the rule made for a term, in order. */
function nodesOf(term: Value, { inputs, outputs, outputGradients }: Context): { nodes: Node[]; stops: Set<Value> } {
  const stops = new Set<Value>([...inputs, ...outputs, ...outputGradients].filter((value) => value !== null) as Value[]);
  // A rule may look through repetition into what comes before it.
  const outside = new Set<Node>();
  const reach = (value: Value, into: Set<Node>, nodes: Node[], closed: (at: Value) => boolean) => {
    if (value.origin.kind !== "node" || closed(value) || into.has(value.origin.node)) return;
    into.add(value.origin.node);
    for (const read of dependencies(value.origin.node)) reach(read, into, nodes, closed);
    nodes.push(value.origin.node);
  };
  for (const value of stops) reach(value, outside, [], () => false);
  const nodes: Node[] = [];
  reach(term, new Set(outside), nodes, (value) => stops.has(value));
  return { nodes, stops };
}

function innerEdits(term: Value, context: Context): Edit[] {
  const { nodes, stops } = nodesOf(term, context);
  const numbers = new Map<string, number>();
  return nodes.flatMap((node) => {
    const number = (numbers.get(node.op) ?? 0) + 1;
    numbers.set(node.op, number);
    return nodeEdits(node).map(({ kind, text, make }): Edit => ({
      kind,
      text: `${node.op} ${number}: ${text}`,
      inner: true,
      make: () => {
        const write = (at: Node, inputs: readonly (Value | null)[]) => (at === node ? [make(inputs)] : undefined);
        return rewritten([term], write, new Map([...stops].map((value) => [value, value])))[0]!;
      },
    }));
  });
}

interface NodeEdit {
  readonly kind: Kind;
  readonly text: string;
  readonly make: (inputs: readonly (Value | null)[]) => Value;
}

type NodeEdits = (node: Node) => readonly NodeEdit[];

const one = (kind: Kind, text: string, make: NodeEdit["make"]): NodeEdit => ({ kind, text, make });
const applied = (node: Node, op: string, inputs: readonly (Value | null)[], attributes: Attributes = node.attributes) =>
  applyOp(op, inputs, attributes).outputs[0]!;
const replaced = (inputs: readonly (Value | null)[], index: number, value: Value) => inputs.map((old, i) => (i === index ? value : old));

/** The operand `index` alone, where it has the shape of the result. */
function alone(node: Node, index: number, kind: Kind, text: string): NodeEdit[] {
  const operand = node.inputs[index]!;
  return sameShape(operand.shape, node.outputs[0]!.shape) ? [one(kind, text, (inputs) => inputs[index]!)] : [];
}

/** A constant number of an operand changed. */
function otherNumber(node: Node, index: number): NodeEdit[] {
  const value = node.inputs[index];
  const [number, ...more] = (value && isFloat(value.dtype) && constantFloats(value)) || [];
  if (number === undefined || more.length > 0 || number === 0) return [];
  const exponent = node.op === "Pow" || Number.isInteger(number);
  const next = exponent ? number + 1 : number * 2;
  return [
    one(exponent ? "off by one" : "factor", `${short(number)} is ${short(next)}`, (inputs) =>
      applied(node, node.op, replaced(inputs, index, like(value!, next))),
    ),
  ];
}

const like = ({ dtype, shape }: Value, number: number) =>
  shape.length === 0 ? scalar(dtype, number) : constant(tensor(dtype as "float64", [number], shape as number[]));
const short = (number: number) => String(Number(number.toPrecision(4)));

/** A constant list of integers (axes, starts, pads) changed. */
function otherList(
  node: Node,
  index: number,
  kind: Kind,
  text: string,
  change: (list: readonly number[]) => readonly number[] | undefined,
) {
  const value = node.inputs[index];
  const list = value && contentsOf(value);
  if (!list || !list.every((dim) => typeof dim === "number") || value.shape.length !== 1) return [];
  const next = change(list);
  const same = !next || next.every((number, i) => number === list[i]);
  return same ? [] : [one(kind, text, (inputs) => applied(node, node.op, replaced(inputs, index, int64(next))))];
}

/** Axes one further on; undefined where all are meant. */
function nextAxes(axes: readonly number[], rank: number): number[] | undefined {
  if (rank < 2 || axes.length >= rank) return undefined;
  return axes.map((axis) => (normalizeAxis(axis, rank) + 1) % rank).sort((a, b) => a - b);
}

const axisAttribute: NodeEdits = (node) => {
  const rank = node.inputs[0]!.shape.length;
  const axis = node.attributes["axis"] as number | undefined;
  if (axis === undefined || rank < 2) return [];
  const next = (normalizeAxis(axis, rank) + 1) % rank;
  return [
    one("axis", `axis ${next}`, (inputs) =>
      inShapeOf(node.outputs[0]!, applied(node, node.op, inputs, { ...node.attributes, axis: next })),
    ),
  ];
};

const reductionAxes: NodeEdits = (node) => {
  const rank = node.inputs[0]!.shape.length;
  const axes = node.attributes["axes"] as readonly number[] | undefined;
  const next = axes && nextAxes(axes, rank);
  const repeatedBack = (value: Value) => inShapeOf(node.outputs[0]!, value);
  return [
    ...otherList(node, 1, "axis", "the axes after them", (list) => nextAxes(list, rank)),
    ...(next
      ? [
          one("axis", `axes ${next.join(", ")}`, (inputs) =>
            repeatedBack(applied(node, node.op, inputs, { ...node.attributes, axes: next })),
          ),
        ]
      : []),
  ];
};

const meanForSum: NodeEdits = (node) => [
  one("factor", "the mean for the sum", (inputs) => {
    const axes = inputs[1] ? contentsOf(inputs[1]) : undefined;
    const { keepdims = 1 } = node.attributes;
    return applyOp("ReduceMean", [inputs[0]!], axes ? { axes: axes as number[], keepdims } : { keepdims }).outputs[0]!;
  }),
];

const sumForMean: NodeEdits = (node) => [
  one("factor", "the sum for the mean", (inputs) => {
    const { axes, keepdims = 1 } = node.attributes;
    return applyOp("ReduceSum", [inputs[0]!, axes ? int64(axes as number[]) : null], { keepdims }).outputs[0]!;
  }),
];

const left: NodeEdits = (node) => alone(node, 0, "factor", "its factor left out");
const right: NodeEdits = (node) => alone(node, 1, "factor", "its first factor left out");
const instead =
  (kind: Kind, op: string): NodeEdits =>
  (node) => [one(kind, `${op} instead`, (inputs) => applied(node, op, inputs))];
const bare =
  (kind: Kind): NodeEdits =>
  (node) => [one(kind, "left out", (inputs) => inShapeOf(node.outputs[0]!, inputs[0]!))];

const shiftedPads: NodeEdits = (node) => {
  const pads = node.attributes["pads"] as readonly number[] | undefined;
  const axes = (pads?.length ?? 0) / 2;
  return Array.from({ length: axes }, (_, axis) => axis).flatMap((axis) => {
    const [from, to] = pads![axis]! > 0 ? [axis, axis + axes] : [axis + axes, axis];
    if (pads![from] === 0) return [];
    const next = pads!.map((pad, i) => pad + Number(i === to) - Number(i === from));
    return [one("off by one", `pads ${next.join(", ")}`, (inputs) => applied(node, node.op, inputs, { ...node.attributes, pads: next }))];
  });
};

const toggled =
  (kind: Kind, key: string, least: number): NodeEdits =>
  (node) => {
    const value = (node.attributes[key] as number | undefined) ?? least;
    return [one(kind, `${key} ${1 - value}`, (inputs) => applied(node, node.op, inputs, { ...node.attributes, [key]: 1 - value }))];
  };

const noSum: NodeEdits = (node) =>
  node.attributes["reduction"] === "add"
    ? [one("function", "writes where it should add", (inputs) => applied(node, node.op, inputs, { ...node.attributes, reduction: "none" }))]
    : [];

const permuted: NodeEdits = (node) => {
  const perm = node.attributes["perm"] as readonly number[] | undefined;
  const wide = wideAxes(node.outputs[0]!);
  const [a, b] = wide.slice(-2);
  if (!perm || a === undefined || b === undefined) return [];
  const next = swappedAt(perm, a, b);
  return [
    one("transpose", `perm ${next.join(", ")}`, (inputs) =>
      inShapeOf(node.outputs[0]!, applied(node, "Transpose", inputs, { perm: next })),
    ),
  ];
};

const turned: NodeEdits = (node) => [
  one("transpose", "its factors swapped", ([a, b]) => inShapeOf(node.outputs[0]!, applied(node, "MatMul", [b!, a!]))),
  one("transpose", "its left factor transposed", ([a, b]) =>
    applied(node, "MatMul", [scrambled(a!, swappedAt(axesOf(a!), a!.shape.length - 2, a!.shape.length - 1)), b!]),
  ),
];

const shiftedSlice: NodeEdits = (node) => {
  const by = (step: number): NodeEdit[] => {
    const lists = [1, 2].map((index) => {
      const value = node.inputs[index]!;
      return value && contentsOf(value);
    });
    if (!lists.every((list) => list?.every((dim) => typeof dim === "number"))) return [];
    const [starts, ends] = lists.map((list) => int64((list as number[]).map((number) => number + step)));
    return [
      one("off by one", `starts and ends ${step > 0 ? "after" : "before"}`, (inputs) =>
        applied(node, "Slice", [inputs[0]!, starts!, ends!, ...inputs.slice(3)]),
      ),
    ];
  };
  return [...by(-1), ...by(1)];
};

const nextIndex: NodeEdits = (node) => {
  const axis = normalizeAxis((node.attributes["axis"] as number | undefined) ?? 0, Math.max(1, node.inputs[0]!.shape.length));
  const size = node.inputs[0]!.shape[axis];
  if (typeof size !== "number" || size < 2) return [];
  return otherList(node, 1, "off by one", "the index after it", (list) => list.map((index) => (index + 1) % size));
};

const swappedChoice: NodeEdits = (node) => [
  one("condition", "its choices swapped", ([condition, a, b]) => applied(node, "Where", [condition!, b!, a!])),
];
const reversed =
  (op: string): NodeEdits =>
  (node) => [one("condition", `${op} instead`, (inputs) => applied(node, op, inputs))];

const edits: Readonly<Record<string, readonly NodeEdits[]>> = {
  Add: [
    instead("sign", "Sub"),
    (node) => alone(node, 0, "dropped term", "its second term left out"),
    (node) => alone(node, 1, "dropped term", "its first term left out"),
    (node) => otherNumber(node, 0),
    (node) => otherNumber(node, 1),
  ],
  Sub: [
    instead("sign", "Add"),
    (node) => alone(node, 0, "dropped term", "its second term left out"),
    (node) => otherNumber(node, 0),
    (node) => otherNumber(node, 1),
  ],
  Neg: [bare("sign")],
  Mul: [left, right, (node) => otherNumber(node, 0), (node) => otherNumber(node, 1)],
  Div: [instead("function", "Mul"), left, (node) => otherNumber(node, 0), (node) => otherNumber(node, 1)],
  Pow: [(node) => otherNumber(node, 1)],
  Sqrt: [bare("function")],
  Exp: [bare("function")],
  Log: [bare("function")],
  Reciprocal: [bare("function")],
  Sign: [bare("function")],
  Tanh: [bare("function")],
  Sigmoid: [bare("function")],
  Cos: [instead("function", "Sin")],
  Sin: [instead("function", "Cos")],
  Sinh: [instead("function", "Cosh")],
  Cosh: [instead("function", "Sinh")],
  Greater: [reversed("Less")],
  GreaterOrEqual: [reversed("Less")],
  Less: [reversed("Greater")],
  LessOrEqual: [reversed("Greater")],
  Not: [bare("condition")],
  And: [instead("condition", "Or")],
  Or: [instead("condition", "And")],
  Where: [swappedChoice],
  ReduceSum: [reductionAxes, meanForSum],
  ReduceMean: [reductionAxes, sumForMean],
  Softmax: [axisAttribute],
  Concat: [axisAttribute],
  GatherElements: [axisAttribute],
  ScatterElements: [axisAttribute, noSum],
  ScatterND: [noSum],
  Gather: [axisAttribute, nextIndex],
  CumSum: [toggled("off by one", "exclusive", 0), toggled("sign", "reverse", 0)],
  Trilu: [toggled("transpose", "upper", 1)],
  Transpose: [permuted],
  MatMul: [turned],
  Gemm: [toggled("transpose", "transA", 0), toggled("transpose", "transB", 0)],
  Slice: [shiftedSlice],
  Pad: [(node) => otherList(node, 1, "off by one", "one before, one fewer behind", shiftedPadding)],
  Conv: [shiftedPads],
  ConvTranspose: [shiftedPads],
};

/** One more before and one less behind on the first axis that is padded. */
function shiftedPadding(pads: readonly number[]): number[] | undefined {
  const axes = pads.length / 2;
  const at = pads.findIndex((pad) => pad > 0);
  if (at < 0) return undefined;
  const other = at < axes ? at + axes : at - axes;
  return pads.map((pad, i) => pad + Number(i === other) - Number(i === at));
}

function nodeEdits(node: Node): NodeEdit[] {
  const made = Object.hasOwn(edits, node.op) && node.outputs.length === 1 && node.inputs[0] ? edits[node.op]! : [];
  return made.flatMap((f) => f(node));
}

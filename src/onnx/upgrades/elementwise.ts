/** Elementwise operators: broadcasting before opset 7, bounds as attributes, and operators newer than ours as compositions. */
import { int64, scalar } from "../../ir/graph.ts";
import { dtypes, type DType } from "../../ir/dtype.ts";
import { ops, type OpName } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import { dtypeOf } from "../tensor-proto.ts";
import { axisOf, build, given, needed, type Rewrite, type Upgrade, type Upgrades } from "./upgrade.ts";

/** Before opset 7 only the second input was repeated, and its axes were matched from `axis` on (from the end, unless given). */
const broadcastOne =
  (op: OpName): Rewrite =>
  (node) => {
    const [a, b] = [given(node, 0), given(node, 1)];
    const axis = node.attributes.int("axis");
    if ((node.attributes.int("broadcast") ?? 0) === 0 || axis === undefined) return build(op, a, b);
    const behind = a.shape.length - axisOf(a, axis) - b.shape.length;
    if (behind < 0) throw new GradusError(`the second input has more axes than the first from axis ${axis} on`);
    return build(op, a, behind === 0 ? b : ops.Unsqueeze(b, int64(trailing(b.shape.length, behind))));
  };

/** `count` axes behind `rank` others. */
const trailing = (rank: number, count: number): number[] => Array.from({ length: count }, (_, i) => rank + i);

const limitedBroadcast = (op: OpName): readonly Upgrade[] => [{ from: 1, to: 6, rewrite: broadcastOne(op) }];

/** Bounds as attributes. */
const clip: Rewrite = (node) => {
  const x = given(node, 0);
  const bound = (name: string) => {
    const value = node.attributes.float(name);
    return value === undefined ? null : scalar(x.dtype, value);
  };
  const [min, max] = [bound("min"), bound("max")];
  node.attributes.ints("consumed_inputs");
  return [ops.Clip(x, min, max)];
};

/** Before opset 7 a slope per channel was a vector along axis 1. */
const prelu: Rewrite = (node) => {
  const [x, slope] = [given(node, 0), given(node, 1)];
  const behind = x.shape.length - 2;
  const perChannel = slope.shape.length === 1 && slope.shape[0] !== 1 && behind > 0;
  return [ops.PRelu(x, perChannel ? ops.Unsqueeze(slope, int64(trailing(1, behind))) : slope)];
};

/** The dtype by its name in capitals. */
const castByName: Rewrite = (node) => {
  const name = needed(node.attributes.string("to"), "to").toLowerCase();
  const to = { float: "float32", double: "float64" }[name] ?? name;
  if (!dtypes.includes(to as DType)) throw new GradusError(`element type ${name}, which Gradus does not take`);
  return [ops.Cast(given(node, 0), { to: to as DType })];
};

/** Saturation and rounding only concern element types of eight bits and less, which are refused anyway. */
const cast: Rewrite = (node) => {
  node.attributes.int("saturate");
  node.attributes.string("round_mode");
  return [ops.Cast(given(node, 0), { to: dtypeOf(needed(node.attributes.int("to"), "to"), 'attribute "to"') })];
};

const castLike: Rewrite = (node) => {
  node.attributes.int("saturate");
  node.attributes.string("round_mode");
  return [ops.CastLike(given(node, 0), given(node, 1))];
};

/** x·Φ(x), or its approximation by tanh (Hendrycks & Gimpel 2016). */
const gelu: Rewrite = (node) => {
  const x = given(node, 0);
  const approximate = node.attributes.string("approximate") ?? "none";
  if (approximate === "none") return [ops.Mul(ops.Mul(x, 0.5), ops.Add(ops.Erf(ops.Mul(x, Math.SQRT1_2)), 1))];
  if (approximate !== "tanh") throw new GradusError(`approximate "${approximate}" is not none or tanh`);
  const inner = ops.Mul(ops.Add(x, ops.Mul(ops.Mul(ops.Mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return [ops.Mul(ops.Mul(x, 0.5), ops.Add(ops.Tanh(inner), 1))];
};

/** x·tanh(ln(1 + eˣ)) (Misra 2019). */
const mish: Rewrite = (node) => [ops.Mul(given(node, 0), ops.Tanh(ops.Softplus(given(node, 0))))];

/** x·σ(αx) (Ramachandran et al. 2017). */
const swish: Rewrite = (node) => {
  const x = given(node, 0);
  const alpha = node.attributes.float("alpha") ?? 1;
  return [ops.Mul(x, ops.Sigmoid(alpha === 1 ? x : ops.Mul(x, alpha)))];
};

/** C was repeated on demand only. */
const gemm: Rewrite = (node) => {
  const { attributes } = node;
  attributes.int("broadcast");
  const options = {
    alpha: attributes.float("alpha") ?? 1,
    beta: attributes.float("beta") ?? 1,
    transA: attributes.int("transA") ?? 0,
    transB: attributes.int("transB") ?? 0,
  };
  return [ops.Gemm(given(node, 0), given(node, 1), given(node, 2), options)];
};

/** One entry per class: its place is the number. */
const classes: Rewrite = (node) => {
  const { attributes } = node;
  const x = given(node, 0);
  const names = needed(attributes.strings("classes_strings"), "classes_strings");
  const places = names.map((_, i) => i);
  const [unknownNumber, unknownName] = [attributes.int("default_int64") ?? -1, attributes.string("default_string") ?? "_Unused"];
  return x.dtype === "string"
    ? [ops.LabelEncoder(x, { keys_strings: names, values_int64s: places, default_int64: unknownNumber })]
    : [ops.LabelEncoder(x, { keys_int64s: places, values_strings: names, default_string: unknownName })];
};

const suffixes: Readonly<Partial<Record<DType, string>>> = { string: "strings", int64: "int64s", float32: "floats" };

/** Since ai.onnx.ml 4 keys, values and the default may be tensors as well. */
const labelEncoder: Rewrite = (node) => {
  const { attributes } = node;
  const options: Record<string, unknown> = {};
  for (const part of ["keys", "values"]) {
    for (const suffix of ["strings", "int64s", "floats"] as const) {
      const name = `${part}_${suffix}`;
      const list = suffix === "strings" ? attributes.strings(name) : suffix === "floats" ? attributes.floats(name) : attributes.ints(name);
      if (list !== undefined) options[name] = list;
    }
    const held = attributes.tensor(`${part}_tensor`);
    if (!held) continue;
    const suffix = suffixes[held.dtype];
    if (!suffix) throw new GradusError(`${part} of dtype ${held.dtype}`);
    options[`${part}_${suffix}`] = plain(held.data as ArrayLike<number | bigint | string>);
  }
  const fallback = attributes.tensor("default_tensor");
  if (fallback?.data.length === 1 && suffixes[fallback.dtype]) {
    options[`default_${suffixes[fallback.dtype]!.slice(0, -1)}`] = plain(fallback.data as ArrayLike<number | bigint | string>)[0];
  } else if (fallback) throw new GradusError(`a default of ${fallback.data.length} elements of ${fallback.dtype}`);
  const [text, whole, number] = [attributes.string("default_string"), attributes.int("default_int64"), attributes.float("default_float")];
  if (text !== undefined) options["default_string"] ??= text;
  if (whole !== undefined) options["default_int64"] ??= whole;
  if (number !== undefined) options["default_float"] ??= number;
  return build("LabelEncoder", given(node, 0), options);
};

const plain = (data: ArrayLike<number | bigint | string>) => Array.from(data, (item) => (typeof item === "bigint" ? Number(item) : item));

export const elementwise: Upgrades = {
  Add: limitedBroadcast("Add"),
  Sub: limitedBroadcast("Sub"),
  Mul: limitedBroadcast("Mul"),
  Div: limitedBroadcast("Div"),
  Pow: limitedBroadcast("Pow"),
  And: limitedBroadcast("And"),
  Or: limitedBroadcast("Or"),
  Xor: limitedBroadcast("Xor"),
  Equal: limitedBroadcast("Equal"),
  Greater: limitedBroadcast("Greater"),
  Less: limitedBroadcast("Less"),
  Gemm: [{ from: 1, to: 6, rewrite: gemm }],
  PRelu: [{ from: 1, to: 6, rewrite: prelu }],
  Clip: [{ from: 1, to: 10, rewrite: clip }],
  Cast: [
    { from: 1, to: 5, rewrite: castByName },
    { from: 19, rewrite: cast },
  ],
  CastLike: [{ from: 19, rewrite: castLike }],
  Gelu: [{ from: 20, fallback: true, rewrite: gelu }],
  Mish: [{ from: 18, fallback: true, rewrite: mish }],
  Swish: [{ from: 24, fallback: true, rewrite: swish }],
};

export const labels: Upgrades = {
  LabelEncoder: [
    { from: 1, to: 1, rewrite: classes },
    { from: 4, rewrite: labelEncoder },
  ],
};

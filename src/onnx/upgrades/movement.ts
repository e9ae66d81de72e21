/** Operators on shapes and positions whose attributes became inputs, or got company. */
import { constant, int64, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { FileNode } from "../file-node.ts";
import { axisOf, build, given, knownAt, needed, some, vector, type Rewrite, type Upgrades } from "./upgrade.ts";

/** Axes as an attribute, to axes as an input. */
const axesAttribute =
  (op: "Squeeze" | "Unsqueeze"): Rewrite =>
  (node) => {
    const axes = node.attributes.int64s("axes");
    return build(op, given(node, 0), ...(axes ? [vector(axes)] : []));
  };

/** `starts`, `ends` and `axes` as attributes. */
const slice: Rewrite = (node) => {
  const { attributes } = node;
  const axes = attributes.int64s("axes");
  const [starts, ends] = [attributes.int64s("starts"), attributes.int64s("ends")];
  return [ops.Slice(given(node, 0), vector(needed(starts, "starts")), vector(needed(ends, "ends")), axes ? vector(axes) : null)];
};

/** Pads and the fill as attributes; in opset 1 the pads had another name. */
const padAttributes: Rewrite = (node) => {
  const { attributes } = node;
  const x = given(node, 0);
  const pads = attributes.int64s(attributes.has("paddings") ? "paddings" : "pads");
  const fill = constant(tensor(x.dtype, attributes.float("value") ?? 0));
  return [ops.Pad(x, vector(needed(pads, "pads")), fill, some({ mode: attributes.string("mode") }))];
};

/** Since opset 18 pads may be for some axes only. */
const padAxes: Rewrite = (node) => {
  const x = given(node, 0);
  const mode = some({ mode: node.attributes.string("mode") });
  const axes = knownAt(node, 3, "axes of Pad")?.map((axis) => axisOf(x, axis));
  if (!axes) return [ops.Pad(x, given(node, 1), node.inputs[2] ?? null, mode)];
  const rank = x.shape.length;
  const places = [...axes, ...axes.map((axis) => axis + rank)];
  const pads = ops.ScatterElements(int64(new Array<number>(2 * rank).fill(0)), int64(places), given(node, 1));
  return [ops.Pad(x, knownPads(node, places, 2 * rank) ?? pads, node.inputs[2] ?? null, mode)];
};

function knownPads(node: FileNode, places: readonly number[], length: number): Value | undefined {
  const pads = node.inputs[1]?.origin.kind === "constant" ? knownAt(node, 1, "pads") : undefined;
  if (!pads) return undefined;
  if (pads.length !== places.length) throw new GradusError(`${places.length / 2} axes need ${places.length} pads, got ${pads.length}`);
  const all = new Array<number>(length).fill(0);
  places.forEach((place, i) => (all[place] = pads[i]!));
  return int64(all);
}

/** `k` as an attribute. */
const topK: Rewrite = (node) => {
  const k = needed(node.attributes.int("k"), "k");
  return build("TopK", given(node, 0), int64([k]), some({ axis: node.attributes.int("axis") }));
};

/**
 * Sizes from the attribute, or equal: as many as there are outputs, or as opset 18 says (then the last may be smaller).
 */
const split: Rewrite = (node) => {
  const { attributes, version } = node;
  if (version >= 13 && node.inputs[1]) return undefined;
  const x = given(node, 0);
  const axis = axisOf(x, attributes.int("axis") ?? 0);
  const listed = version < 13 ? attributes.int64s("split") : undefined;
  const parts = (version >= 18 ? attributes.int("num_outputs") : undefined) ?? node.outputs;
  const sizes = listed ? vector(listed) : equalParts(x, axis, parts, version >= 18);
  return ops.Split(x, sizes, { axis });
};

function equalParts(x: Value, axis: number, parts: number, mayBeUneven: boolean): Value {
  const size = x.shape[axis]!;
  if (!(parts >= 1)) throw new GradusError(`${parts} parts`);
  if (typeof size !== "number") {
    const each = ops.Div(ops.Shape(x, { start: axis, end: axis + 1 }), int64([parts]));
    return ops.Concat(...new Array<Value>(parts).fill(each), { axis: 0 });
  }
  const each = Math.ceil(size / parts);
  const last = size - each * (parts - 1);
  if (last < 0 || (last !== each && !mayBeUneven)) throw new GradusError(`axis ${axis} of size ${size} in ${parts} equal parts`);
  return int64(Array.from({ length: parts }, (_, i) => (i === parts - 1 ? last : each)));
}

/** The shape as an attribute. */
const reshape: Rewrite = (node) => [ops.Reshape(given(node, 0), vector(needed(node.attributes.int64s("shape"), "shape")))];

/** Renamed when its like for slices came. */
const scatter: Rewrite = (node) => [
  ops.ScatterElements(given(node, 0), given(node, 1), given(node, 2), some({ axis: node.attributes.int("axis") })),
];

/** Modes were renamed. */
const gridSample: Rewrite = (node) => {
  const { attributes } = node;
  const mode = attributes.string("mode") ?? "linear";
  const old = { linear: "bilinear", cubic: "bicubic", nearest: "nearest" }[mode];
  if (given(node, 0).shape.length !== 4 || old === undefined) throw new GradusError(`mode "${mode}" on more than two spatial axes`);
  const rest = some({ padding_mode: attributes.string("padding_mode"), align_corners: attributes.int("align_corners") });
  return build("GridSample", given(node, 0), given(node, 1), { mode: old, ...rest });
};

export const movement: Upgrades = {
  Squeeze: [{ from: 1, to: 12, rewrite: axesAttribute("Squeeze") }],
  Unsqueeze: [{ from: 1, to: 12, rewrite: axesAttribute("Unsqueeze") }],
  Slice: [{ from: 1, to: 9, rewrite: slice }],
  Pad: [
    { from: 1, to: 10, rewrite: padAttributes },
    { from: 18, rewrite: padAxes },
  ],
  TopK: [{ from: 1, to: 9, uses: ["TopK"], rewrite: topK }],
  Split: [{ from: 2, rewrite: split }],
  Reshape: [{ from: 1, to: 4, rewrite: reshape }],
  Scatter: [{ from: 9, rewrite: scatter }],
  GridSample: [{ from: 20, uses: ["GridSample"], rewrite: gridSample }],
};

/** Resampling: Upsample became Resize, which then learnt to name its coordinates, and axes. */
import { constant, int64, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { constantFloats, ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { FileNode } from "../file-node.ts";
import { axisOf, build, given, knownAt, needed, some, type Rewrite, type Upgrades } from "./upgrade.ts";

/**
 * Before opset 11 the place of output i in the input was i / scale; of the nearest element the one before (where it grows) or the
 * one after (where it shrinks), as ONNX Runtime reads the old operators.
 */
function asymmetric(x: Value, scales: Value, all: readonly number[], mode: string): readonly Value[] {
  const grows = all.every((scale) => scale >= 1);
  if (mode === "nearest" && !grows && all.some((scale) => scale > 1)) throw new GradusError("scales above and below 1 in one operator");
  const options = mode === "nearest" ? { nearest_mode: grows ? "floor" : "ceil" } : {};
  if (mode !== "nearest" && mode !== "linear") throw new GradusError(`mode "${mode}" is not nearest or linear`);
  return build("Resize", x, null, scales, { mode, coordinate_transformation_mode: "asymmetric", ...options });
}

const modeOf = (node: FileNode) => {
  const mode = node.attributes.string("mode") ?? "nearest";
  return mode === "bilinear" ? "linear" : mode;
};

/** Scales as an attribute. */
const upsampleByAttribute: Rewrite = (node) => {
  const scales = needed(node.attributes.floats("scales"), "scales");
  return asymmetric(given(node, 0), constant(tensor("float32", scales)), scales, modeOf(node));
};

/** Scales as an input; an Upsample's are never below 1. */
const upsampleByInput: Rewrite = (node) => asymmetric(given(node, 0), given(node, 1), [], modeOf(node));

const resizeByScales: Rewrite = (node) => asymmetric(given(node, 0), given(node, 1), knownScales(given(node, 1)), modeOf(node));

function knownScales(scales: Value): readonly number[] {
  const known = constantFloats(scales);
  if (!known) throw new GradusError("scales must be known when the graph is built (a constant)");
  return known;
}

/** An input that may be there without elements, as another's place. */
const present = (value: Value | null | undefined): Value | null => (value && !value.shape.includes(0) ? value : null);

/** Since opset 18: scales and sizes for some axes only. Before, an input without elements may stand for one that is not there. */
const resize: Rewrite = (node) => {
  const { attributes } = node;
  if (node.version < 18 && !node.inputs.some((value) => value?.shape.includes(0))) return undefined;
  const x = given(node, 0);
  const [roi, scales, sizes] = [1, 2, 3].map((i) => present(node.inputs[i])) as [Value | null, Value | null, Value | null];
  const options = some({
    coordinate_transformation_mode: attributes.string("coordinate_transformation_mode"),
    cubic_coeff_a: attributes.float("cubic_coeff_a"),
    exclude_outside: attributes.int("exclude_outside"),
    extrapolation_value: attributes.float("extrapolation_value"),
    mode: attributes.string("mode"),
    nearest_mode: attributes.string("nearest_mode"),
  });
  const listed = node.version >= 18 ? attributes.ints("axes") : undefined;
  if (node.version >= 18) refuseNew(node);
  const axes = listed?.map((axis) => axisOf(x, axis));
  if (axes && roi) throw new GradusError("a region of interest on some axes, which Gradus does not take");
  const at = (place: number) => axes!.indexOf(place);
  const allScales = axes && scales ? spread(node, axes, x.shape.length) : scales;
  const allSizes =
    axes && sizes
      ? ops.Concat(
          ...x.shape.map((_, i) =>
            at(i) < 0 ? ops.Shape(x, { start: i, end: i + 1 }) : ops.Slice(sizes, int64([at(i)]), int64([at(i) + 1])),
          ),
          { axis: 0 },
        )
      : sizes;
  return build("Resize", x, roi, allScales, ...(allSizes ? [allSizes] : []), options);
};

function refuseNew({ attributes }: FileNode): void {
  if (attributes.int("antialias")) throw new GradusError("antialias, which Gradus does not take");
  const policy = attributes.string("keep_aspect_ratio_policy") ?? "stretch";
  if (policy !== "stretch") throw new GradusError(`keep_aspect_ratio_policy "${policy}", only stretch is taken`);
}

/** Scales of all axes, 1 where none is given. */
function spread(node: FileNode, axes: readonly number[], rank: number): Value {
  const scales = knownScales(given(node, 2));
  if (scales.length !== axes.length) throw new GradusError(`${scales.length} scales for ${axes.length} axes`);
  const all = new Float32Array(rank).fill(1);
  axes.forEach((axis, i) => (all[axis] = scales[i]!));
  return constant(tensor("float32", all));
}

/** The pixels' centres moved; where the old ones are meant, the new attribute says so. */
const roiAlign: Rewrite = (node) => {
  const { attributes } = node;
  const options = some({
    mode: attributes.string("mode"),
    output_height: attributes.int("output_height"),
    output_width: attributes.int("output_width"),
    sampling_ratio: attributes.int("sampling_ratio"),
    spatial_scale: attributes.float("spatial_scale"),
  });
  const mode = "output_half_pixel";
  return build("RoiAlign", given(node, 0), given(node, 1), given(node, 2), { ...options, coordinate_transformation_mode: mode });
};

/** The axis as an input. */
const dft: Rewrite = (node) => {
  const { attributes } = node;
  const axis = knownAt(node, 2, "the axis of DFT")?.[0] ?? -2;
  const options = some({ inverse: attributes.int("inverse"), onesided: attributes.int("onesided") });
  return build("DFT", given(node, 0), node.inputs[1] ?? null, { axis: axisOf(given(node, 0), axis), ...options });
};

export const resizing: Upgrades = {
  Upsample: [
    { from: 7, to: 8, uses: ["Resize"], rewrite: upsampleByAttribute },
    { from: 9, uses: ["Resize"], rewrite: upsampleByInput },
  ],
  Resize: [
    { from: 10, to: 10, uses: ["Resize"], rewrite: resizeByScales },
    { from: 11, uses: ["Resize"], rewrite: resize },
  ],
  RoiAlign: [{ from: 10, to: 15, uses: ["RoiAlign"], rewrite: roiAlign }],
  DFT: [{ from: 20, uses: ["DFT"], rewrite: dft }],
};

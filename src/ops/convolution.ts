/** Convolution (cross-correlation, as everywhere in deep learning) over any number of spatial axes. */
import { formatShape, sizeOf, type Shape } from "../ir/shape.ts";
import { biasGradient, correlateTransposed, weightGradient } from "./convolution-gradient.ts";
import { checkBias, kernelOf, perGroup, startFromBias, type ConvAttributes } from "./convolution-shape.ts";
import { agree } from "./dims.ts";
import { requireFloat, requireSameDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { axisOf, outputDim, outputsOf, spatialDims, tapSources, windowKinds, windowsOf, type Axis, type Window } from "./windows.ts";

const convWindows = (x: Shape, w: Shape, attributes: ConvAttributes): Window[] => windowsOf(kernelOf(w, x.length, attributes), attributes);

/** out[n, f, o] += Σ over channels c of f's group and taps k: x[n, c, source of (o, k)]·w[f, c, k]. */
function correlate(out: Float64Array, x: NdArray, w: NdArray, axes: readonly Axis[]): void {
  const sources = tapSources(axes);
  const [batch, channels] = x.shape as [number, number];
  const [features, width] = w.shape as [number, number];
  const [image, windows, taps] = [sizeOf(x.shape.slice(2)), sizeOf(outputsOf(axes)), sizeOf(w.shape.slice(2))];
  const [from, weights] = [numbers(x), numbers(w)];
  const featuresPerGroup = features / (channels / width);
  for (let n = 0; n < batch; n++) {
    for (let f = 0; f < features; f++) {
      const to = (n * features + f) * windows;
      for (let c = 0; c < width; c++) {
        const plane = (n * channels + Math.floor(f / featuresPerGroup) * width + c) * image;
        const kernel = (f * width + c) * taps;
        for (let i = 0; i < windows * taps; i++) {
          const source = sources[i]!;
          if (source >= 0) out[to + Math.floor(i / taps)]! += from[plane + source]! * weights[kernel + (i % taps)]!;
        }
      }
    }
  }
}

/**
 * y[n, f, o…] = b[f] + Σ x[n, c, o·stride + k·dilation - pad…]·w[f, c, k…], with channels and features in `group` groups that do not mix.
 * x [batch, channels, spatial…], w [features, channels/group, kernel…], b [features].
 */
export const Conv: Op<ConvAttributes> = defineOp<ConvAttributes>({
  arity: [2, 3],
  attributes: { ...windowKinds, group: "int" },
  infer: (context) => {
    const dtype = requireSameDType(context);
    const x = requireFloat(required(context, 0)).shape;
    const w = required(context, 1).shape;
    const spatial = spatialDims(x);
    const { group = 1 } = context.attributes;
    const windows = convWindows(x, w, context.attributes);
    const channels = perGroup(x[1]!, group, "channels");
    const what = `weights ${formatShape(w)} do not fit the channels of ${formatShape(x)}${group > 1 ? ` in ${group} groups` : ""}`;
    if (channels !== undefined) agree(w[1]!, channels, what);
    perGroup(w[0]!, group, "features");
    checkBias(context, w[0]!);
    return [{ dtype, shape: [x[0]!, w[0]!, ...windows.map((window, i) => outputDim(spatial[i]!, window))] }];
  },
  evaluate: ([x, w, b], { attributes }) => {
    const windows = convWindows(x!.shape, w!.shape, attributes);
    const axes = windows.map((window, i) => axisOf(x!.shape[i + 2]!, window as Window & { kernel: number }));
    const shape = [x!.shape[0]!, w!.shape[0]!, ...outputsOf(axes)];
    const data = startFromBias(shape[0]!, shape[1]!, sizeOf(outputsOf(axes)), b);
    correlate(data, x!, w!, axes);
    return [{ dtype: x!.dtype, shape, data }];
  },
  gradient: ({ ops, inputs: [x, w], outputGradients: [dy], attributes, needs }) => {
    const correlation = { windows: convWindows(x!.shape, w!.shape, attributes), group: attributes.group ?? 1 };
    return [
      needs(0) ? correlateTransposed(ops, x!, dy, w!, correlation) : null,
      needs(1) ? weightGradient(ops, x!, dy, w!, correlation) : null,
      needs(2) ? biasGradient(ops, dy) : null,
    ];
  },
  samples: [
    { inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]] },
    {
      inputs: [
        [2, 3, 7],
        [4, 3, 3],
      ],
      attributes: { strides: [2], pads: [1, 0], dilations: [2] },
    },
    {
      inputs: [[2, 1, 3, 4, 3], [3, 1, 3, 3, 1], [3]],
      attributes: { kernel_shape: [3, 3, 1], strides: [1, 2, 3], pads: [1, 1, 0, 1, 0, 0] },
    },
    {
      inputs: [[2, 4, 5, 6], [6, 2, 3, 3], [6]],
      attributes: { group: 2, pads: [0, 1, 2, 1] },
    },
    {
      inputs: [
        [2, 3, 6, 5],
        [6, 1, 3, 2],
      ],
      attributes: { group: 3, strides: [2, 3], dilations: [1, 2], pads: [1, 1, 1, 1] },
    },
    { inputs: [[2, 3, 6, 7], [4, 3, 3, 3], [4]], attributes: { auto_pad: "SAME_UPPER", strides: [2, 3] } },
    // More channels; more features than windows; more features than taps.
    { inputs: [[2, 16, 3, 4], [8, 16, 3, 3], [8]], attributes: { pads: [1, 0, 0, 1], strides: [1, 2] } },
    {
      inputs: [
        [2, 9, 3],
        [5, 9, 2],
      ],
    },
    {
      inputs: [
        [2, 1, 4],
        [7, 1, 3],
      ],
    },
    // A batch as long as an axis: with a name for it, that axis has it too.
    {
      inputs: [
        [5, 2, 5, 6],
        [4, 2, 2, 3],
      ],
      attributes: { auto_pad: "SAME_LOWER" },
    },
    {
      inputs: [
        [5, 4, 5, 6],
        [6, 2, 3, 3],
      ],
      attributes: { group: 2, strides: [2, 1], pads: [1, 0, 1, 2] },
    },
    {
      inputs: [
        [2, 3, 5, 6],
        [4, 3, 3, 1],
      ],
      attributes: { auto_pad: "VALID", strides: [1, 2] },
    },
    { inputs: [[2, 3, 4, 5], [4, 3, 1, 1], [4]] },
  ],
});

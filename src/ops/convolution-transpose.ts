/** Transposed convolution: what a convolution's gradient does to its input, as an operator. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape, multiplyDims, sizeOf, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { checkBias, kernelOf, perGroup, startFromBias, type ConvAttributes } from "./convolution-shape.ts";
import { biasGradient, weightGradient } from "./convolution-gradient.ts";
import { agree } from "./dims.ts";
import { requireFloat, requireSameDType, required } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type NdArray, type Op } from "./op.ts";
import { axisOf, extent, halves, outputsOf, spatialDims, tapSources, windowKinds, windowsOf, type Axis, type Window } from "./windows.ts";

interface ConvTransposeAttributes extends ConvAttributes {
  readonly output_padding?: readonly number[];
  readonly output_shape?: readonly number[];
}

/**
 * One axis of the output, and the windows on it with which a convolution has the input's size: `after` is negative where the output
 * goes beyond them. Undefined windows: a symbolic size decides the pads.
 */
interface Transposed {
  readonly output: Dim;
  readonly window: Window | undefined;
}

function transposedAxes(x: Shape, w: Shape, attributes: ConvTransposeAttributes): Transposed[] {
  const spatial = spatialDims(x);
  const windows = windowsOf(kernelOf(w, x.length, attributes), attributes);
  const { output_padding: extra, output_shape: named } = attributes;
  const sizes = named && named.length === x.length ? named.slice(2) : named;
  for (const [what, vector] of [
    ["output_padding", extra],
    ["output_shape", sizes],
  ] as const) {
    if (vector && vector.length !== spatial.length)
      throw new GradusError(`${what} [${vector.join(", ")}] must have ${spatial.length} elements, got ${vector.length}`);
  }
  return windows.map((window, i) => transposedAxis(spatial[i]!, window, extra?.[i] ?? 0, sizes?.[i]));
}

function transposedAxis(dim: Dim, window: Window, extra: number, named: number | undefined): Transposed {
  const { kernel, stride, dilation, autoPad } = window;
  if (extra < 0 || (extra > 0 && extra >= Math.max(stride, dilation)))
    throw new GradusError(`output_padding ${extra} must be less than the stride ${stride} or the dilation ${dilation}`);
  if (typeof kernel !== "number") return { output: named ?? unknownDim(), window: undefined };
  const span = extent({ kernel, dilation });
  if (named !== undefined) {
    if (typeof dim !== "number") return { output: named, window: undefined };
    const reach = stride * (dim - 1) + span;
    const [before] = halves(Math.max(reach + extra - named, 0), autoPad);
    return { output: named, window: { ...window, before, after: reach - named - before, autoPad: "NOTSET" } };
  }
  const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
  const [before, end] = same ? halves(Math.max(span + extra - stride, 0), autoPad) : [window.before, window.after];
  const after = end - extra;
  // stride·(size - 1) + span - before - after
  const rest = span - stride - before - after;
  const output = typeof dim === "number" ? stride * dim + rest : rest === 0 ? multiplyDims([dim, stride]) : unknownDim();
  if (typeof output === "number" && output < 1)
    throw new GradusError(`pads ${before} and ${end} leave nothing of an axis of ${output + before + end}`);
  return { output, window: { ...window, before, after, autoPad: "NOTSET" } };
}

/** The axes of the output where all is known. */
function knownTransposed(x: Shape, w: Shape, attributes: ConvTransposeAttributes): Axis[] {
  return transposedAxes(x, w, attributes).map(({ output, window }) => axisOf(output as number, window as Window & { kernel: number }));
}

/** out[n, f, source of (o, k)] += Σ over channels c of f's group: x[n, c, o]·w[c, f, k]. */
function spread(out: Float64Array, x: NdArray, w: NdArray, axes: readonly Axis[], group: number): void {
  const sources = tapSources(axes);
  const [batch, channels] = x.shape as [number, number];
  const width = w.shape[1]!;
  const [image, windows, taps] = [sizeOf(axes.map(({ size }) => size)), sizeOf(outputsOf(axes)), sizeOf(w.shape.slice(2))];
  const [from, weights] = [numbers(x), numbers(w)];
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const plane = (n * channels + c) * windows;
      const first = Math.floor(c / (channels / group)) * width;
      for (let f = 0; f < width; f++) {
        const to = (n * group * width + first + f) * image;
        const kernel = (c * width + f) * taps;
        for (let i = 0; i < windows * taps; i++) {
          const target = sources[i]!;
          if (target >= 0) out[to + target]! += from[plane + Math.floor(i / taps)]! * weights[kernel + (i % taps)]!;
        }
      }
    }
  }
}

/** Gradient in x: the convolution of dy over windows of which the last may end before dy does. */
function inputGradient(ops: Ops, dy: Value, w: Value, windows: readonly Window[], group: number): Value {
  const beyond = windows.map(({ after, stride }) => (-after >= stride ? after : 0)); // else one more window would not fit
  const along = windows.map((_, i) => i + 2);
  const cut = beyond.some((end) => end < 0) ? ops.Pad(dy, int64([...along.map(() => 0), 0, 0, 0, 0, ...beyond])) : dy;
  const pads = [...windows.map(({ before }) => before), ...windows.map(({ after }) => Math.max(after, 0))];
  return ops.Conv(cut, w, {
    group,
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
    pads,
  });
}

/**
 * y[n, f, o·stride + k·dilation - pad…] += x[n, c, o…]·w[c, f, k…], on the bias: every input lays its window of weights on the output.
 * x [batch, channels, spatial…], w [channels, features/group, kernel…], b [features]. The output's size is
 * stride·(size - 1) + output_padding + dilation·(kernel - 1) + 1 - pads; `output_shape` names it instead, and decides the pads.
 */
export const ConvTranspose: Op<ConvTransposeAttributes> = defineOp<ConvTransposeAttributes>({
  arity: [2, 3],
  attributes: { ...windowKinds, group: "int", output_padding: "ints", output_shape: "ints" },
  infer: (context) => {
    const dtype = requireSameDType(context);
    const x = requireFloat(required(context, 0)).shape;
    const w = required(context, 1).shape;
    const { group = 1 } = context.attributes;
    const axes = transposedAxes(x, w, context.attributes);
    perGroup(x[1]!, group, "channels");
    agree(x[1]!, w[0]!, `weights ${formatShape(w)} do not fit the channels of ${formatShape(x)}`);
    const features = multiplyDims([w[1]!, group]);
    checkBias(context, features);
    return [{ dtype, shape: [x[0]!, features, ...axes.map(({ output }) => output)] }];
  },
  evaluate: ([x, w, b], { attributes }) => {
    const { group = 1 } = attributes;
    const axes = knownTransposed(x!.shape, w!.shape, attributes);
    const sizes = axes.map(({ size }) => size);
    const shape = [x!.shape[0]!, w!.shape[1]! * group, ...sizes];
    const data = startFromBias(shape[0]!, shape[1]!, sizeOf(sizes), b);
    spread(data, x!, w!, axes, group);
    return [{ dtype: x!.dtype, shape, data }];
  },
  gradient: ({ ops, inputs: [x, w], outputGradients: [dy], attributes, needs }) => {
    const { group = 1 } = attributes;
    const windows = transposedAxes(x!.shape, w!.shape, attributes).map(({ window }) => {
      if (!window) throw new GradusError(`the gradient of ConvTranspose needs known spatial sizes, got ${formatShape(x!.shape.slice(2))}`);
      return window;
    });
    return [
      needs(0) ? inputGradient(ops, dy, w!, windows, group) : null,
      needs(1) ? weightGradient(ops, dy, x!, w!, { windows, group }) : null,
      needs(2) ? biasGradient(ops, dy) : null,
    ];
  },
  samples: [
    { inputs: [[2, 3, 4, 5], [3, 4, 3, 3], [4]] },
    { inputs: [[2, 3, 4], [3, 4, 3], [4]], attributes: { strides: [3], pads: [1, 0], dilations: [2], output_padding: [2] } },
    {
      inputs: [
        [2, 3, 3, 1, 4],
        [3, 1, 1, 3, 3],
      ],
      attributes: { strides: [1, 3, 1], pads: [0, 1, 2, 0, 0, 1] },
    },
    { inputs: [[2, 4, 3, 5], [4, 3, 3, 3], [6]], attributes: { group: 2, strides: [2, 1], pads: [1, 1, 0, 2] } },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 1, 3, 3],
      ],
      attributes: { group: 3, kernel_shape: [3, 3], strides: [1, 3], dilations: [3, 1] },
    },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 4, 3, 3],
      ],
      attributes: { strides: [3, 3], output_shape: [10, 11] },
    },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 4, 3, 4],
      ],
      attributes: { strides: [3, 3], output_shape: [8, 11] },
    },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 4, 4, 3],
      ],
      attributes: { auto_pad: "SAME_UPPER", strides: [1, 3] },
    },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 4, 4, 3],
      ],
      attributes: { auto_pad: "SAME_LOWER", strides: [3, 1] },
    },
    {
      inputs: [
        [2, 3, 3, 4],
        [3, 4, 1, 3],
      ],
      attributes: { auto_pad: "VALID", output_padding: [1, 0], strides: [3, 1] },
    },
  ],
});

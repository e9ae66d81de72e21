/** Images: brought to one size, scaled to [0, 1], each channel standardised (spec §3.1). */
import { constant, graph, input, int64, type Graph, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError, internal } from "../../util/errors.ts";
import { grouped, type Column, type ImageColumn } from "../table.ts";
import { defineTransform, type ColumnPlan } from "../transform.ts";

/** Each channel of the resized image: (x/255 − μ)/σ, with μ and σ over all pixels of the training images as they are in their files. */
export interface ImagePlan extends ColumnPlan {
  readonly kind: "image";
  readonly channels: ImageColumn["channels"];
  /** In pixels, of what the network sees. */
  readonly height: number;
  readonly width: number;
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly number[];
  /** Per channel; 1 where all its pixels are alike. */
  readonly deviation: readonly number[];
}

export const image = defineTransform<ImageColumn, ImagePlan>({
  kind: "image",
  applies: (column: Column) => column.kind === "image",

  fit(column, { size }) {
    const { name, sqlType, channels, values } = column;
    const found = targetSize(column, size);
    const { mean, deviation } = channelMoments(values, channels);
    if (deviation.every((value) => value === 0))
      return { plan: undefined, notes: [`${name} left out: all pixels are alike in the training images`] };
    const notes = found.note ? [`${name}: ${found.note}`] : [];
    const plan = { kind: "image", column: name, sqlType, channels, height: found.height, width: found.width, mean } as const;
    return { plan: { ...plan, deviation: deviation.map((value) => (value === 0 ? 1 : value)) }, notes };
  },

  input: ({ column, channels }) => input(column, "uint8", ["batch", `height of ${column}`, `width of ${column}`, channels]),

  build(plans, inputs) {
    return plans.map(({ column, channels, height, width, mean, deviation }, i) => {
      const perChannel = (of: (channel: number) => number): Value =>
        constant(
          tensor(
            "float32",
            Float32Array.from({ length: channels }, (_, channel) => of(channel)),
            [1, channels, 1, 1],
          ),
        );
      const pixels = ops.Transpose(ops.Cast(inputs[i]!, { to: "float32" }), { perm: [0, 3, 1, 2] });
      const resized = inSize(pixels, channels, height, width);
      const centred = ops.Sub(
        resized,
        perChannel((channel) => 255 * mean[channel]!),
      );
      const scaled = ops.Mul(
        centred,
        perChannel((channel) => 1 / (255 * deviation[channel]!)),
      );
      return { value: ops.Reshape(scaled, int64([-1, channels * height * width])), features: pixelNames(column, channels, height, width) };
    });
  },

  shape: ({ channels, height, width }) => [channels, height, width],

  raw({ channels, heights, widths, offsets, values, name }, rows, plan) {
    if (channels !== plan.channels)
      throw new GradusError(`column "${name}": the model takes images of ${plan.channels} channels, found ${channels}.`, {
        hint: "1 is gray, 3 is red, green and blue, 4 has transparency too.",
      });
    const [height, width] = rows.length > 0 ? [heights[rows[0]!]!, widths[rows[0]!]!] : [plan.height, plan.width];
    const size = height * width * channels;
    const data = new Uint8Array(rows.length * size);
    rows.forEach((row, i) => {
      if (heights[row] !== height || widths[row] !== width) internal("images of different sizes in one tensor");
      data.set(values.subarray(offsets[row], offsets[row + 1]), i * size);
    });
    return tensor("uint8", data, [rows.length, height, width, channels]);
  },
});

function pixelNames(column: string, channels: number, height: number, width: number): string[] {
  return Array.from({ length: channels * height * width }, (_, at) => {
    const [channel, y, x] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
    return channels === 1 ? `${column}[${y},${x}]` : `${column}[${channel},${y},${x}]`;
  });
}

/** The size asked for, else that of all images, else the medians of theirs. */
function targetSize({ heights, widths }: ImageColumn, size: readonly [number, number] | undefined) {
  const alike = heights.every((height, row) => height === heights[0] && widths[row] === widths[0]);
  const [height, width] = size ?? (alike ? [heights[0]!, widths[0]!] : [median(heights), median(widths)]);
  if (alike && height === heights[0] && width === widths[0]) return { height, width };
  const from = alike ? `${heights[0]}×${widths[0]}` : `${spread(heights)} × ${spread(widths)}`;
  const why = size ? "as asked for" : "the medians of their heights and widths (--size HxW for another)";
  return { height, width, note: `${grouped(heights.length)} training images of ${from} pixels are resized to ${height}×${width}, ${why}` };
}

function median(sizes: Int32Array): number {
  const sorted = sizes.toSorted();
  const middle = sorted.length >> 1;
  return Math.round(sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2);
}

function spread(sizes: Int32Array): string {
  let [low, high] = [Infinity, -Infinity];
  for (const size of sizes) [low, high] = [Math.min(low, size), Math.max(high, size)];
  return low === high ? `${low}` : `${low} … ${high}`;
}

/** μ and σ (divisor m) of each channel of values in [0, 1], exactly: from how often each of the 256 values occurs. */
function channelMoments(values: Uint8Array, channels: number): { mean: number[]; deviation: number[] } {
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  if (channels === 1) {
    const [only] = counts;
    for (const value of values) only![value]! += 1;
  } else for (let i = 0; i < values.length; i++) counts[i % channels]![values[i]!]! += 1;
  const m = values.length / channels;
  const mean = counts.map((count) => count.reduce((sum, n, value) => sum + n * value, 0) / m);
  const deviation = counts.map((count, channel) =>
    Math.sqrt(count.reduce((sum, n, value) => sum + n * (value - mean[channel]!) ** 2, 0) / m),
  );
  return { mean: mean.map((value) => value / 255), deviation: deviation.map((value) => value / 255) };
}

/** Images that have the size as they are, others resampled. */
function inSize(x: Value, channels: number, height: number, width: number): Value {
  const same = ops.ReduceMin(
    ops.Cast(ops.Equal(ops.Slice(ops.Shape(x), int64([2]), int64([4]), int64([0])), int64([height, width])), { to: "int64" }),
    {
      keepdims: 0,
    },
  );
  const branch = (y: Value): Graph => graph({ inputs: [], captures: [x], outputs: { y } });
  const [y] = ops.If(ops.Cast(same, { to: "bool" }), {
    then_branch: branch(ops.Reshape(x, int64([-1, channels, height, width]))),
    else_branch: branch(resize(x, channels, height, width)),
  });
  return y!;
}

/**
 * Linear resampling that averages where it shrinks (the triangle filter, as wide as a step of the output): output pixel i is at
 * c = (i + ½)·s with s = from/to, and pixel j weighs max(0, 1 − |j + ½ − c| / max(1, s)), normalised. Two products of matrices, since
 * Resize of opset 17 skips pixels where it shrinks.
 * @param x float32 [batch, channels, any, any]
 * @returns float32 [batch, channels, height, width]
 */
function resize(x: Value, channels: number, height: number, width: number): Value {
  const sizes = ops.Shape(x);
  const [rows, columns] = [2, 3].map((axis) => ops.Slice(sizes, int64([axis]), int64([axis + 1]), int64([0]))) as [Value, Value];
  const wide = ops.MatMul(ops.Reshape(x, ops.Concat(int64([-1]), columns, { axis: 0 })), weights(columns, width));
  const turned = ops.Transpose(ops.Reshape(wide, ops.Concat(int64([-1, channels]), rows, int64([width]), { axis: 0 })), {
    perm: [0, 1, 3, 2],
  });
  const high = ops.MatMul(ops.Reshape(turned, ops.Concat(int64([-1]), rows, { axis: 0 })), weights(rows, height));
  return ops.Transpose(ops.Reshape(high, int64([-1, channels, width, height])), { perm: [0, 1, 3, 2] });
}

/** How much each of `from` pixels weighs in each of `to`: float32 [from, to]. @param from int64 [1] */
function weights(from: Value, to: number): Value {
  const double = (value: number): Value => constant(tensor("float64", value));
  const length = ops.Squeeze(ops.Cast(from, { to: "float64" }), int64([0]));
  const scale = ops.Mul(length, double(1 / to));
  const index = ops.Range(int64Scalar(0), ops.Squeeze(from, int64([0])), int64Scalar(1));
  const pixels = ops.Unsqueeze(ops.Add(ops.Cast(index, { to: "float64" }), double(0.5)), int64([1]));
  const outputs = constant(
    tensor(
      "float64",
      Float64Array.from({ length: to }, (_, i) => i + 0.5),
      [1, to],
    ),
  );
  const distance = ops.Div(ops.Abs(ops.Sub(pixels, ops.Mul(outputs, scale))), ops.Max(scale, double(1)));
  const triangle = ops.Max(ops.Sub(double(1), distance), double(0));
  return ops.Cast(ops.Div(triangle, ops.ReduceSum(triangle, int64([0]), { keepdims: 1 })), { to: "float32" });
}

const int64Scalar = (value: number): Value => constant(tensor("int64", value));

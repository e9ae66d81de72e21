/** Operators on boxes in images. */
import { unknownDim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { agree } from "./dims.ts";
import { required, requireDType } from "./infer.ts";
import { numbers } from "./ndarray.ts";
import { defineOp, type Op } from "./op.ts";
import { int } from "./samples.ts";

interface SuppressionAttributes {
  /** 0: boxes are two opposite corners [y, x, y, x]; 1: [x, y, width, height] around a centre. */
  readonly center_point_box?: number;
}

type Box = readonly [top: number, left: number, bottom: number, right: number];

function boxAt(data: Float64Array, at: number, center: boolean): Box {
  const [a, b, c, d] = data.subarray(at, at + 4) as unknown as [number, number, number, number];
  if (center) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

const area = ([top, left, bottom, right]: Box) => Math.max(0, bottom - top) * Math.max(0, right - left);

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const union = area(a) + area(b) - both;
  return both === 0 || union <= 0 ? 0 : both / union;
}

/** Of boxes [batch, boxes, 4] with scores [batch, classes, boxes] the best that do not overlap: rows of batch, class and box. */
export const NonMaxSuppression: Op<SuppressionAttributes> = defineOp<SuppressionAttributes>({
  arity: [2, 5],
  attributes: { center_point_box: "int" },
  infer: (context) => {
    const [boxes, scores] = [0, 1].map((i) => requireDType(required(context, i), ["float32", "float64"], "boxes and scores").shape);
    if (boxes!.length !== 3 || scores!.length !== 3)
      throw new GradusError("boxes must be [batch, boxes, 4] and scores [batch, classes, boxes]");
    agree(boxes![2]!, 4, "a box has four numbers");
    agree(boxes![0]!, scores![0]!, "boxes and scores are of different batches");
    agree(boxes![1]!, scores![2]!, "boxes and scores differ in number");
    return [{ dtype: "int64", shape: [unknownDim(), 3] }];
  },
  evaluate: ([boxes, scores, most, iou, least], { attributes: { center_point_box = 0 } }) => {
    const [batches, classes, count] = scores!.shape as [number, number, number];
    const limit = most ? numbers(most)[0]! : 0;
    const [threshold, lowest] = [iou ? numbers(iou)[0]! : 0, least ? numbers(least)[0]! : -Infinity];
    const chosen: number[] = [];
    for (let b = 0; b < batches; b++) {
      const all = Array.from({ length: count }, (_, i) => boxAt(numbers(boxes), (b * count + i) * 4, center_point_box === 1));
      for (let c = 0; c < classes; c++) {
        const score = numbers(scores).subarray((b * classes + c) * count, (b * classes + c + 1) * count);
        const order = [...score.keys()].filter((i) => score[i]! > lowest).toSorted((i, j) => score[j]! - score[i]! || i - j);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length >= limit) break;
          if (kept.every((k) => overlap(all[k]!, all[i]!) <= threshold)) kept.push(i);
        }
        chosen.push(...kept.flatMap((i) => [b, c, i]));
      }
    }
    return [{ dtype: "int64", shape: [chosen.length / 3, 3], data: Float64Array.from(chosen) }];
  },
  gradient: { none: "the result is integers, which do not change with the input's values" },
  samples: [
    {
      inputs: [
        { shape: [1, 4, 4], values: [0, 0, 1, 1, 0, 0.1, 1, 1.1, 1, 1, 0, -0.1, 0, 10, 1, 11], dtype: "float32" },
        { shape: [1, 2, 4], values: [0.9, 0.75, 0.6, 0.95, 0.3, 0.8, 0.2, 0.1], dtype: "float32" },
        int(3),
        { shape: [1], values: [0.5], dtype: "float32" },
        { shape: [1], values: [0.15], dtype: "float32" },
      ],
    },
    {
      inputs: [
        { shape: [1, 3, 4], values: [0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1, 0.5, 10.5, 1, 1], dtype: "float32" },
        { shape: [1, 1, 3], values: [0.9, 0.75, 0.6], dtype: "float32" },
        int(2),
        { shape: [1], values: [0.5], dtype: "float32" },
      ],
      attributes: { center_point_box: 1 },
    },
    {
      inputs: [
        { shape: [1, 2, 4], values: [0, 0, 1, 1, 0, 0, 1, 1], dtype: "float32" },
        { shape: [1, 1, 2], values: [0.9, 0.75], dtype: "float32" },
      ],
    },
  ],
});

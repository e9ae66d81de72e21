import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";
import { normalOf } from "../noise.ts";

/** The mean over a cell of Σ w², w the four weights of a cubic B-spline: the share of variance that smoothing leaves, per axis. */
export const splineVariance = 151 / 315;

export const elastic = defineAugmentation({
  kind: "elastic",
  about:
    "a smooth random distortion: independent normal displacements on a grid, joined by cubic B-splines (after Simard et al. 2003, Ronneberger et al. 2015)",
  forms: ["image"],
  settings: {
    displacement: { range: ranges.notNegative, default: 1, about: "its standard deviation in pixels, in either direction" },
    cells: { range: ranges.count, default: 4, about: "of the grid along the longer side; the more, the finer the distortion" },
  },
  probability: 1,
  fills: true,
  displace: ({ displacement, cells }, draw, [, height = 1, width = 1], { dx, dy }) => {
    const spacing = Math.max(height, width) / cells;
    const [columns, rows] = [splineTaps(width, spacing), splineTaps(height, spacing)];
    const scale = displacement / splineVariance;
    // A whole row of the grid beyond each border, so that every pixel has its 4 × 4 neighbours.
    const controls = new Float32Array(rows.controls * columns.controls);
    const line = new Float32Array(columns.controls);
    for (const field of [dx, dy]) {
      for (let i = 0; i < controls.length; i++) controls[i] = scale * normalOf(draw.uint32());
      for (let y = 0; y < height; y++) {
        const [top, at] = [rows.first[y]! * columns.controls, 4 * y];
        for (let k = 0; k < line.length; k++) {
          let sum = 0;
          for (let tap = 0; tap < 4; tap++) sum += rows.weights[at + tap]! * controls[top + tap * columns.controls + k]!;
          line[k] = sum;
        }
        const { first, weights } = columns;
        for (let x = 0, w = 0; x < width; x++, w += 4) {
          const k = first[x]!;
          const near = weights[w + 1]! * line[k + 1]! + weights[w + 2]! * line[k + 2]!;
          field[y * width + x] = weights[w]! * line[k]! + near + weights[w + 3]! * line[k + 3]!;
        }
      }
    }
  },
});

interface SplineTaps {
  /** Points of the grid along this axis. */
  readonly controls: number;
  /** The first of the four points that a pixel is joined from. */
  readonly first: Int32Array;
  /** Four a pixel; they sum to 1. */
  readonly weights: Float64Array;
}

const taps = new Map<string, SplineTaps>();

/** Uniform cubic B-spline weights of every pixel of an axis, its middle at pixel + ½. */
function splineTaps(size: number, spacing: number): SplineTaps {
  const key = `${size}/${spacing}`;
  const known = taps.get(key);
  if (known) return known;
  const first = new Int32Array(size);
  const weights = new Float64Array(4 * size);
  for (let i = 0; i < size; i++) {
    const place = (i + 0.5) / spacing;
    first[i] = Math.floor(place);
    const t = place - first[i]!;
    weights.set([(1 - t) ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6, t ** 3 / 6], 4 * i);
  }
  const made = { controls: first[size - 1]! + 4, first, weights };
  taps.set(key, made);
  return made;
}

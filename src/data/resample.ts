/** Images through an inverse map: every pixel of the result is interpolated between four of the source. */
import type { Affine, DisplacementField, Fill } from "./augmentation.ts";

export const identity: Affine = [1, 0, 0, 0, 1, 0];

/** First `second`'s map, then `first`'s: places of the result through both to the source. */
export function compose(first: Affine, second: Affine): Affine {
  const [a, b, c, d, e, f] = first;
  const [g, h, i, j, k, l] = second;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/** What a displacement field adds to places of the source: four numbers of its (dx, dy) each. */
export interface Displacement {
  readonly field: DisplacementField;
  readonly by: readonly [xx: number, xy: number, yx: number, yy: number];
}

/** Places of the source for one row of the result. */
interface Places {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

let places: Places = { x: new Float64Array(0), y: new Float64Array(0) };

/**
 * Writes the image into `target`, bilinear between pixel centres; places that fall on a pixel give its value exactly.
 * @param source [channels, height, width], not the memory of `target`
 */
export function resample(
  source: Float32Array,
  target: Float32Array,
  [channels = 1, height = 1, width = 1]: readonly number[],
  map: Affine,
  fill: Fill,
  displacement?: Displacement,
): void {
  const [a, b, c, d, e, f] = map;
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  // Exact for flips, quarter turns of squares and whole shifts: halves cancel.
  const [offsetX, offsetY] = [c + centreX - a * centreX - b * centreY, f + centreY - d * centreX - e * centreY];
  const grid = { channels, height, width, plane: height * width };
  if (!displacement && isCopy(map)) return copyPixels(source, target, grid, a, offsetX, e, offsetY, fill);
  if (places.x.length < width) places = { x: new Float64Array(width), y: new Float64Array(width) };
  const { x: px, y: py } = places;
  for (let y = 0; y < height; y++) {
    const rowX = b * y + offsetX;
    const rowY = e * y + offsetY;
    for (let x = 0; x < width; x++) {
      px[x] = a * x + rowX;
      py[x] = d * x + rowY;
    }
    if (displacement) displace(places, displacement, y * width, width);
    sampleRow(source, target, grid, y * width, places, fill);
  }
}

function displace({ x: px, y: py }: Places, { field, by }: Displacement, row: number, width: number): void {
  const { dx, dy } = field;
  const [xx, xy, yx, yy] = by;
  for (let x = 0; x < width; x++) {
    const [u, v] = [dx[row + x]!, dy[row + x]!];
    px[x] = px[x]! + (xx * u + xy * v);
    py[x] = py[x]! + (yx * u + yy * v);
  }
}

interface Grid {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly plane: number;
}

/** One row of the result in all channels. */
function sampleRow(source: Float32Array, target: Float32Array, grid: Grid, row: number, { x: px, y: py }: Places, fill: Fill): void {
  const { channels, height, width, plane } = grid;
  const lastX = width - 1;
  const lastY = height - 1;
  for (let x = 0; x < width; x++) {
    const sx = px[x]!;
    const sy = py[x]!;
    if (sx >= 0 && sx < lastX && sy >= 0 && sy < lastY) {
      const x0 = sx | 0;
      const y0 = sy | 0;
      const tx = sx - x0;
      const ty = sy - y0;
      let i = y0 * width + x0;
      let to = row + x;
      for (let channel = 0; channel < channels; channel++, to += plane, i += plane) {
        const v00 = source[i]!;
        const v10 = source[i + width]!;
        const top = v00 + tx * (source[i + 1]! - v00);
        target[to] = top + ty * (v10 + tx * (source[i + width + 1]! - v10) - top);
      }
    } else if (fill === "edge")
      sampleEdge(source, target, grid, row + x, sx < 0 ? 0 : sx > lastX ? lastX : sx, sy < 0 ? 0 : sy > lastY ? lastY : sy);
    else sampleFilled(source, target, grid, row + x, sx, sy, fill);
  }
}

/** A place on the border, or moved there from outside. */
function sampleEdge(
  source: Float32Array,
  target: Float32Array,
  { channels, height, width, plane }: Grid,
  at: number,
  sx: number,
  sy: number,
): void {
  const x0 = sx | 0;
  const y0 = sy | 0;
  const tx = sx - x0;
  const ty = sy - y0;
  const right = x0 + 1 < width ? 1 : 0;
  const below = y0 + 1 < height ? width : 0;
  let i = y0 * width + x0;
  for (let channel = 0, to = at; channel < channels; channel++, to += plane, i += plane) {
    const v00 = source[i]!;
    const v10 = source[i + below]!;
    const top = v00 + tx * (source[i + right]! - v00);
    target[to] = top + ty * (v10 + tx * (source[i + below + right]! - v10) - top);
  }
}

/** A place whose neighbours may lie outside, where everything is `fill`. */
function sampleFilled(source: Float32Array, target: Float32Array, grid: Grid, at: number, sx: number, sy: number, fill: number): void {
  const { channels, height, width, plane } = grid;
  const x0 = Math.floor(sx);
  const y0 = Math.floor(sy);
  const tx = sx - x0;
  const ty = sy - y0;
  const inside = (x: number, y: number) => x >= 0 && x < width && y >= 0 && y < height;
  for (let channel = 0; channel < channels; channel++) {
    const from = channel * plane;
    const value = (x: number, y: number) => (inside(x, y) ? source[from + y * width + x]! : fill);
    const v00 = value(x0, y0);
    const v10 = value(x0, y0 + 1);
    const top = v00 + tx * (value(x0 + 1, y0) - v00);
    target[from + at] = top + ty * (v10 + tx * (value(x0 + 1, y0 + 1) - v10) - top);
  }
}

/** Whether a map only mirrors along the axes and moves by whole pixels. */
function isCopy([a, b, c, d, e, f]: Affine): boolean {
  return b === 0 && d === 0 && Math.abs(a) === 1 && Math.abs(e) === 1 && Number.isInteger(c) && Number.isInteger(f);
}

/** The source's pixel for (x, y) is (a·x + offsetX, e·y + offsetY), a and e being ±1. */
function copyPixels(
  source: Float32Array,
  target: Float32Array,
  { channels, height, width }: Grid,
  a: number,
  offsetX: number,
  e: number,
  offsetY: number,
  fill: Fill,
): void {
  const inner = (size: number, sign: number, offset: number): readonly [number, number] => {
    const [from, to] = sign > 0 ? [-offset, size - offset] : [offset - size + 1, offset + 1];
    return [Math.min(size, Math.max(0, from)), Math.min(size, Math.max(0, to))];
  };
  const [left, right] = inner(width, a, offsetX);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const to = (channel * height + y) * width;
      let row = e * y + offsetY;
      if (row < 0 || row >= height) {
        if (fill !== "edge") {
          target.fill(fill, to, to + width);
          continue;
        }
        row = row < 0 ? 0 : height - 1;
      }
      const from = (channel * height + row) * width;
      const [before, after] =
        fill === "edge" ? [source[from + (a > 0 ? 0 : width - 1)]!, source[from + (a > 0 ? width - 1 : 0)]!] : [fill, fill];
      for (let x = 0; x < left; x++) target[to + x] = before;
      if (a > 0) for (let x = left; x < right; x++) target[to + x] = source[from + offsetX + x]!;
      else for (let x = left; x < right; x++) target[to + x] = source[from + offsetX - x]!;
      for (let x = right; x < width; x++) target[to + x] = after;
    }
  }
}

/** What can be said of a picture in numbers: size, light, sharpness, colour. */
import type { ImageColumn } from "../data/table.ts";

/**
 * Seven properties of each image, NaN where an image is missing:
 * `resolution` √(height·width); `aspect` width/height; `brightness` and `contrast`, mean and standard deviation of the luma
 * 0.299 R + 0.587 G + 0.114 B in 0 … 255; `sharpness`, the variance of the luma's Laplacian (Pech-Pacheco 2000), relative to that of
 * the luma, so that a faint picture is not an unsharp one; `entropy` of the luma's 256 grays in bits; of colour images `colourfulness`
 * (Hasler & Süsstrunk 2003).
 * @param rows of the column
 */
export function imageProperties(column: ImageColumn, rows: Int32Array): Readonly<Record<string, Float64Array>> {
  const empty = () => new Float64Array(rows.length).fill(NaN);
  const found = {
    resolution: empty(),
    aspect: empty(),
    brightness: empty(),
    contrast: empty(),
    sharpness: empty(),
    entropy: empty(),
    ...(column.channels === 1 ? {} : { colourfulness: empty() }),
  };
  rows.forEach((row, i) => {
    const [height, width] = [column.heights[row]!, column.widths[row]!];
    if (height === 0) return;
    const luma = lumaOf(column, row);
    const { mean, variance } = momentsOf(luma);
    found.resolution[i] = Math.sqrt(height * width);
    found.aspect[i] = width / height;
    found.brightness[i] = mean;
    found.contrast[i] = Math.sqrt(variance);
    found.sharpness[i] = variance > 0 ? laplacianVariance(luma, height, width) / variance : 0;
    found.entropy[i] = entropyOf(luma);
    if (found.colourfulness) found.colourfulness[i] = colourfulnessOf(column, row);
  });
  return found;
}

/** The gray of every pixel, 0 … 255, [height · width]. */
export function lumaOf({ channels, heights, widths, offsets, values }: ImageColumn, row: number): Float32Array {
  const pixels = heights[row]! * widths[row]!;
  const start = offsets[row]!;
  const luma = new Float32Array(pixels);
  if (channels === 1) {
    for (let i = 0; i < pixels; i++) luma[i] = values[start + i]!;
    return luma;
  }
  for (let i = 0; i < pixels; i++) {
    const at = start + i * channels;
    luma[i] = 0.299 * values[at]! + 0.587 * values[at + 1]! + 0.114 * values[at + 2]!;
  }
  return luma;
}

export function momentsOf(values: ArrayLike<number>): { readonly mean: number; readonly variance: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return { mean, variance: squares / values.length };
}

/** Of the four neighbours' sum minus four times the pixel, over all inner pixels. */
function laplacianVariance(luma: Float32Array, height: number, width: number): number {
  if (height < 3 || width < 3) return 0;
  const found = new Float32Array((height - 2) * (width - 2));
  let at = 0;
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      found[at++] = luma[i - 1]! + luma[i + 1]! + luma[i - width]! + luma[i + width]! - 4 * luma[i]!;
    }
  return momentsOf(found).variance;
}

function entropyOf(luma: Float32Array): number {
  const counts = new Int32Array(256);
  for (const value of luma) counts[Math.min(255, Math.round(value))]! += 1;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / luma.length) * Math.log2(count / luma.length);
  return bits;
}

/** √(σ²(R−G) + σ²((R+G)/2−B)) + 0.3·√(mean² of the same two). */
function colourfulnessOf({ channels, heights, widths, offsets, values }: ImageColumn, row: number): number {
  const pixels = heights[row]! * widths[row]!;
  const [first, second] = [new Float32Array(pixels), new Float32Array(pixels)];
  for (let i = 0; i < pixels; i++) {
    const at = offsets[row]! + i * channels;
    const [r, g, b] = [values[at]!, values[at + 1]!, values[at + 2]!];
    first[i] = r - g;
    second[i] = (r + g) / 2 - b;
  }
  const [a, c] = [momentsOf(first), momentsOf(second)];
  return Math.sqrt(a.variance + c.variance) + 0.3 * Math.hypot(a.mean, c.mean);
}

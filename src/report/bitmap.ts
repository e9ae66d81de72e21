/** A picture as a data URL that any page draws: an uncompressed bitmap, at most so large. */
import type { ImageColumn } from "../data/table.ts";

const headerSize = 54;

/** Longer sides are thinned out to `most` pixels; a missing image is a single gray pixel. */
export function bitmapUrl({ channels, heights, widths, offsets, values }: ImageColumn, row: number, most = 96): string {
  const [height, width] = [heights[row]!, widths[row]!];
  const scale = Math.max(1, Math.max(height, width) / most);
  const [h, w] = [Math.max(1, Math.round(height / scale)), Math.max(1, Math.round(width / scale))];
  const stride = Math.ceil((w * 3) / 4) * 4;
  const bytes = new Uint8Array(headerSize + stride * h).fill(128, headerSize);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, headerSize, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, w, true);
  view.setInt32(22, h, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  view.setUint32(34, stride * h, true);
  for (let y = 0; y < h && height > 0; y++)
    for (let x = 0; x < w; x++) {
      const at = offsets[row]! + (Math.floor((y * height) / h) * width + Math.floor((x * width) / w)) * channels;
      const rgb = channels === 1 ? [values[at]!, values[at]!, values[at]!] : [values[at]!, values[at + 1]!, values[at + 2]!];
      // Rows from the bottom up, blue first.
      bytes.set(rgb.toReversed(), headerSize + (h - 1 - y) * stride + x * 3);
    }
  return `data:image/bmp;base64,${base64(bytes)}`;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const four = [18, 12, 6, 0].map((shift) => digits[(word >> shift) & 63]!);
    const kept = Math.min(3, bytes.length - i) + 1;
    text += four.map((digit, place) => (place < kept ? digit : "=")).join("");
  }
  return text;
}

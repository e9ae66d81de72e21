/** A contact sheet: each row one training example and what the epochs make of it, its label beside; images or sequences. */
import { deflateSync } from "node:zlib";
import { formatAugmentations } from "../../data/augment-text.ts";
import type { AugmentationPreview, AugmentedExample } from "../../train/augment-preview.ts";

const gap = 8;
const labelWidth = 120;
const head = 58;
const ink = "#1b1b1b";
const faint = "#6a6a6a";
/** Colour-blind-safe hues (Okabe & Ito 2008). */
const lines = ["#0072b2", "#d55e00", "#009e73", "#9c4f86", "#8a6d00"];

/** An SVG document; images stand in it as PNG, enlarged pixel by pixel. */
export function contactSheet(preview: AugmentationPreview): { readonly svg: string; readonly width: number; readonly height: number } {
  const { shape, examples, seed, steps } = preview;
  const image = shape.length === 3;
  const [, high = 1, wide = 1] = shape;
  // Small images are shown several times as large, in whole pixels.
  const times = image ? Math.max(1, Math.round(84 / Math.max(high, wide))) : 1;
  const most = image ? Math.max(1, (times * Math.max(high, wide)) / 224) : 1;
  const cell = image ? { width: (times * wide) / most, height: (times * high) / most } : { width: 120, height: 64 };
  const columns = 1 + (examples[0]?.augmented.length ?? 0);
  const width = labelWidth + columns * (cell.width + gap) + gap;
  const height = head + examples.length * (cell.height + gap) + gap;
  const left = (column: number) => labelWidth + gap + column * (cell.width + gap);
  const top = (row: number) => head + row * (cell.height + gap);
  const draw = image ? imageCell(preview) : sequenceCell(preview);
  const titles = ["original", ...(examples[0]?.augmented.map(({ epoch }) => `epoch ${epoch}`) ?? [])];
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${gap}" y="20" fill="${ink}" font-size="14">${escaped(formatAugmentations(steps).replaceAll(",", " · "))}</text>`,
    `<text x="${gap}" y="${head - 10}" fill="${faint}">seed ${seed}</text>`,
    ...titles.map((title, i) => `<text x="${left(i)}" y="${head - 10}" fill="${faint}">${title}</text>`),
    ...examples.flatMap((example, row) => [
      `<text x="${gap}" y="${top(row) + 16}" fill="${ink}" font-weight="600">${escaped(shortened(example.label))}</text>`,
      `<text x="${gap}" y="${top(row) + 34}" fill="${faint}">row ${example.row}</text>`,
      ...[example.original, ...example.augmented.map(({ values }) => values)].map((values, column) =>
        draw(values, example, left(column), top(row), cell.width, cell.height),
      ),
    ]),
    "</svg>",
  ];
  return { svg: parts.join("\n"), width, height };
}

type Cell = (values: Float32Array, example: AugmentedExample, x: number, y: number, width: number, height: number) => string;

/** Pixels as they were before standardisation where that is known; else from the darkest of the originals to the brightest. */
function imageCell({ shape, pixels, examples }: AugmentationPreview): Cell {
  const [channels = 1, height = 1, width = 1] = shape;
  let [low, high] = [Infinity, -Infinity];
  for (const { original } of examples) {
    for (const value of original) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const byte = (value: number, channel: number) => {
    const share = pixels ? value * pixels.deviation[channel]! + pixels.mean[channel]! : (value - low) / (high - low || 1);
    return Math.round(255 * Math.min(1, Math.max(0, share)));
  };
  return (values, _, x, y, shownWidth, shownHeight) => {
    const rgb = new Uint8Array(3 * height * width);
    for (let i = 0; i < height * width; i++) {
      for (let c = 0; c < 3; c++) {
        const channel = channels >= 3 ? c : 0;
        rgb[3 * i + c] = byte(values[channel * height * width + i]!, channel);
      }
    }
    const data = encodePng(rgb, width, height).toString("base64");
    return `<image x="${x}" y="${y}" width="${shownWidth}" height="${shownHeight}" image-rendering="pixelated" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`;
  };
}

/** A line per feature on the scale of the originals. */
function sequenceCell({ shape, examples }: AugmentationPreview): Cell {
  const [steps = 1, features = 1] = shape;
  let most = 0;
  for (const { original } of examples) for (const value of original) most = Math.max(most, Math.abs(value));
  return (values, _, x, y, width, height) => {
    const place = (step: number, value: number) => {
      const down = Math.min(1.2, Math.max(-1.2, value / (most || 1)));
      return `${(x + (width * (step + 0.5)) / steps).toFixed(1)},${(y + height / 2 - (down * height) / 2.4).toFixed(1)}`;
    };
    const drawn = Array.from({ length: Math.min(features, lines.length) }, (_, feature) => {
      const points = Array.from({ length: steps }, (_, step) => place(step, values[step * features + feature]!));
      return `<polyline points="${points.join(" ")}" fill="none" stroke="${lines[feature]}" stroke-width="1.2"/>`;
    });
    return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="#f6f6f6"/>${drawn.join("")}`;
  };
}

const shortened = (label: string) => (label.length > 14 ? `${label.slice(0, 13)}…` : label);
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A PNG file of 8 bits a channel (ISO/IEC 15948). @param rgb [height, width, 3] */
export function encodePng(rgb: Uint8Array, width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(3 * y * width, 3 * (y + 1) * width), y * (1 + 3 * width) + 1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** The checksum of PNG chunks (ISO 3309), bit by bit. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

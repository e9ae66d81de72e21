/** Image files to pixels: PNG, JPEG and WebP, told by their first bytes, whatever they are called. */
import { GradusError } from "../../util/errors.ts";
import { grouped } from "../table.ts";

/** An image may have so many pixels, 8 192 × 8 192: a small file can announce many more than memory holds. */
export const MOST_PIXELS = 2 ** 26;

const SUFFIXES: Readonly<Record<string, string>> = {
  png: "PNG",
  apng: "PNG",
  jpg: "JPEG",
  jpeg: "JPEG",
  jpe: "JPEG",
  jfif: "JPEG",
  webp: "WebP",
};
const OTHERS = ["gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jp2", "jxl", "svg", "ico", "psd", "ppm", "pgm"];

/** First bytes, `?` any byte, as latin-1. */
const KINDS: readonly (readonly [start: string, kind: string])[] = [
  ["\x89PNG\r\n\x1a\n", "PNG"],
  ["\xff\xd8\xff", "JPEG"],
  ["RIFF????WEBP", "WebP"],
];

const FOREIGN: readonly (readonly [start: string, what: string])[] = [
  ["GIF8", "a GIF image"],
  ["BM", "a BMP image"],
  ["II*\0", "a TIFF image"],
  ["MM\0*", "a TIFF image"],
  ["????ftypavif", "an AVIF image"],
  ["????ftyphei", "a HEIC image"],
  ["????ftypmif1", "a HEIC image"],
  ["<svg", "an SVG drawing"],
  ["<?xml", "an SVG drawing or another XML file"],
  ["%PDF", "a PDF document"],
  ["\x1f\x8b", "compressed"],
  ["PK\x03\x04", "compressed"],
  ["<!doctype", "a web page"],
  ["<!DOCTYPE", "a web page"],
  ["<html", "a web page"],
];

/** Whether bytes begin with a text. */
const begins = (bytes: Uint8Array, start: string): boolean =>
  bytes.length >= start.length && [...start].every((letter, i) => letter === "?" || letter.charCodeAt(0) === bytes[i]);

const suffixOf = (path: string): string => /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";

/** Whether a name is that of an image, of a kind that is read or of another. */
export const isImageName = (path: string): boolean => suffixOf(path) in SUFFIXES || OTHERS.includes(suffixOf(path));

/** PNG, JPEG or WebP by the first bytes. */
export function imageKind(head: Uint8Array): string | undefined {
  return KINDS.find(([start]) => begins(head, start))?.[1];
}

/** What the header of an image says, and what will be done to it. */
export interface ImageFacts {
  /** Upright, as EXIF says. */
  readonly height: number;
  readonly width: number;
  readonly gray: boolean;
  /** PNG, JPEG or WebP. */
  readonly format: string;
  /** Short texts for the notes: `JPEG named .png`, `CMYK`, `16 bits a channel`, `transparent`, `animated`. */
  readonly remarks: readonly string[];
}

/** The package that decodes and draws. @throws GradusError where it does not load */
export async function library(): Promise<(typeof import("sharp"))["default"]> {
  const { default: sharp } = await import("sharp").catch((cause: unknown) => {
    throw new GradusError(`images cannot be decoded here: the package sharp does not load (${(cause as Error).message.split("\n")[0]}).`, {
      hint: "install it for this platform: npm install sharp",
      cause,
    });
  });
  return sharp;
}

/**
 * Reads the header of an image.
 * @throws GradusError where it is empty, no PNG, JPEG or WebP, damaged, or has more pixels than `MOST_PIXELS`
 */
export async function readImageFacts(shown: string, bytes: Uint8Array): Promise<ImageFacts> {
  if (bytes.length === 0) throw new GradusError(`${shown} is empty (0 bytes); an image was expected.`, { hint: SKIP });
  const kind = imageKind(bytes);
  if (!kind) {
    const foreign = FOREIGN.find(([start]) => begins(bytes, start))?.[1];
    throw new GradusError(`${shown} is ${foreign ?? "no image"}; PNG, JPEG or WebP was expected.`, {
      hint: foreign?.includes("image") ? `convert it, e.g. to PNG; ${SKIP}` : SKIP,
    });
  }
  const sharp = await library();
  const found = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((cause: Error) => damaged(shown, kind, cause));
  const { width, height } = found.autoOrient;
  if (width * height > MOST_PIXELS)
    throw new GradusError(`${shown} announces ${grouped(width)}×${grouped(height)} pixels; an image may have ${grouped(MOST_PIXELS)}.`, {
      hint: `make it smaller; ${SKIP}`,
    });
  const named = SUFFIXES[suffixOf(shown)];
  const wide = found.depth !== "uchar";
  return {
    height,
    width,
    format: kind,
    gray: /^(b-w|grey16)$/.test(found.space ?? ""),
    remarks: [
      ...(named !== undefined && named !== kind ? [`${kind} named .${suffixOf(shown)}`] : []),
      ...(found.space === "cmyk" ? ["CMYK"] : []),
      ...((found.orientation ?? 1) > 1 ? ["turned"] : []),
      ...(wide ? ["16 bits a channel"] : []),
      ...(found.hasAlpha ? ["transparent"] : []),
      ...((found.pages ?? 1) > 1 ? ["animated"] : []),
    ],
  };
}

/** What is done with images that a remark is made of. */
export const REMEDIES: Readonly<Record<string, string>> = {
  CMYK: "CMYK, converted to RGB",
  "16 bits a channel": "of 16 bits a channel, read as 8",
  turned: "turned upright, as EXIF says",
  transparent: "with transparency, laid on white",
  animated: "animated, the first picture taken",
};

const SKIP = "leave out what cannot be read and list it: --skip-bad-rows";

/** The decoder's own words are left out: among images decoded at once they may be another's. */
const damaged = (shown: string, kind: string, cause: Error): never => {
  throw new GradusError(`${shown}: the ${kind} image is damaged or cut off.`, { hint: SKIP, cause });
};

/**
 * Decodes an image: upright, on white where transparent, 8 bits a channel.
 * @param channels 1 gives luminance, 3 repeats gray
 * @param into height · width · channels bytes, row by row, pixel by pixel
 * @throws GradusError where it is damaged or cut off
 */
export async function decodeImage(shown: string, bytes: Uint8Array, channels: 1 | 3, into: Uint8Array): Promise<void> {
  const sharp = await library();
  const { data } = await sharp(bytes, { failOn: "error", limitInputPixels: MOST_PIXELS, pages: 1 })
    .autoOrient()
    .flatten({ background: "#ffffff" })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: Error) => damaged(shown, imageKind(bytes)!, cause));
  if (data.length === into.length) into.set(data);
  else if (channels === 3 && data.length * 3 === into.length) for (let i = 0; i < into.length; i++) into[i] = data[Math.floor(i / 3)]!;
  else damaged(shown, imageKind(bytes)!, new Error(`${data.length} values instead of ${into.length}`));
}

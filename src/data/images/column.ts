/** Image files as a column: headers first, then all pixels into one array. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { GradusError } from "../../util/errors.ts";
import { checkSize, fingerprintOf } from "../arrays/bytes.ts";
import type { SkippedRow } from "../reading.ts";
import { grouped, type ImageColumn } from "../table.ts";
import { decodeImage, readImageFacts, REMEDIES, type ImageFacts } from "./decode.ts";

/** An image file: as named in messages, and where it lies. */
export interface ImageFile {
  readonly shown: string;
  readonly path: string;
}

export interface ReadImages {
  readonly column: ImageColumn;
  /** Of the files given, those that are rows of the column. */
  readonly kept: readonly number[];
  readonly skipped: readonly SkippedRow[];
  readonly notes: readonly string[];
  readonly fingerprint: string;
}

/** Files that are read at once; decoding runs on threads of its own. */
const AT_ONCE = 8;
/** A file of an image may be so large, in bytes. */
const MOST_FILE_BYTES = 2 ** 28;

/**
 * Reads image files.
 * @param options.skipBad leaves out those that cannot be read, and lists them
 * @param options.formats says the format even where all have one
 * @param options.channels of a saved model: all are read as gray or as colour; else as colour where one of them is
 * @throws GradusError naming the first file that cannot be read; where none is left; where they are more than memory is meant for
 */
export async function readImages(
  shown: string,
  name: string,
  files: readonly ImageFile[],
  options: { readonly skipBad?: boolean | undefined; readonly channels?: number | undefined; readonly formats?: boolean },
): Promise<ReadImages> {
  const bad = new Map<number, GradusError>();
  const facts: (ImageFacts | undefined)[] = [];
  const digests: string[] = [];
  await inGroups(files, bad, options.skipBad === true, async ({ shown: file, path }, i) => {
    const bytes = await fileBytes(file, path);
    digests[i] = createHash("sha256").update(bytes).digest("hex");
    facts[i] = await readImageFacts(file, bytes);
  });
  const seen = files.flatMap((_, i) => (facts[i] ? [{ i, ...facts[i] }] : []));
  const colour = seen.filter(({ gray }) => !gray).length;
  const channels = options.channels === 1 || (options.channels === undefined && colour === 0) ? 1 : 3;
  const total = seen.reduce((sum, { height, width }) => sum + height * width * channels, 0);
  checkSize(shown, total);
  const values = new Uint8Array(total);
  const offsets = new Float64Array(seen.length + 1);
  seen.forEach(({ height, width }, row) => (offsets[row + 1] = offsets[row]! + height * width * channels));
  const failed = new Map<number, GradusError>();
  await inGroups(seen, failed, options.skipBad === true, async ({ i }, row) => {
    const { shown: file, path } = files[i]!;
    await decodeImage(file, await fileBytes(file, path), channels, values.subarray(offsets[row]!, offsets[row + 1]!));
  });
  for (const [row, error] of failed) bad.set(seen[row]!.i, error);
  const good = seen.map((entry, row) => ({ ...entry, row })).filter(({ row }) => !failed.has(row));
  if (good.length === 0)
    throw new GradusError(
      `${shown}: none of ${grouped(files.length)} images can be read; the first: ${[...bad.values()][0]?.message ?? ""}`,
      {
        hint: "PNG, JPEG and WebP are read.",
      },
    );
  return {
    column: compact(name, channels, good, offsets, values),
    kept: good.map(({ i }) => i),
    skipped: [...bad].toSorted(([a], [b]) => a - b).map(([i, error]) => ({ file: files[i]!.shown, line: 0, reason: error.message })),
    notes: [
      ...formatNotes(good, options.formats === true),
      ...remarksOf(files, good),
      ...channelNotes(good.length, good.filter(({ gray }) => gray).length, channels, options.channels),
    ],
    fingerprint: fingerprintOf(good.map(({ i }) => ({ name: files[i]!.shown, digest: digests[i]! }))),
  };
}

/** The good rows one behind the other, moved within the same memory. */
function compact(
  name: string,
  channels: 1 | 3,
  good: readonly (ImageFacts & { readonly row: number })[],
  from: Float64Array,
  values: Uint8Array,
): ImageColumn {
  const offsets = new Float64Array(good.length + 1);
  good.forEach(({ row }, i) => {
    values.copyWithin(offsets[i]!, from[row]!, from[row + 1]!);
    offsets[i + 1] = offsets[i]! + from[row + 1]! - from[row]!;
  });
  const heights = Int32Array.from(good, ({ height }) => height);
  const widths = Int32Array.from(good, ({ width }) => width);
  return { name, kind: "image", sqlType: "IMAGE", channels, heights, widths, offsets, values: values.subarray(0, offsets.at(-1)!) };
}

/** Does something with each, a few at a time; what is wrong with one is thrown, or collected. */
async function inGroups<T>(
  items: readonly T[],
  bad: Map<number, GradusError>,
  skip: boolean,
  act: (item: T, index: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const group = items.slice(from, from + AT_ONCE);
    const results = await Promise.allSettled(group.map((item, i) => act(item, from + i)));
    results.forEach((result, i) => {
      if (result.status === "fulfilled") return;
      if (!skip || !(result.reason instanceof GradusError)) throw result.reason;
      bad.set(from + i, result.reason);
    });
  }
}

async function fileBytes(shown: string, path: string): Promise<Uint8Array> {
  const unreadable = (cause: NodeJS.ErrnoException): never => {
    const why =
      cause.code === "ENOENT"
        ? "is not there"
        : cause.code === "ELOOP"
          ? "is a link that leads back to itself"
          : `cannot be read (${cause.code ?? cause.message})`;
    throw new GradusError(`${shown} ${why}; an image was expected.`, { hint: "check the path, or leave it out: --skip-bad-rows", cause });
  };
  const status = await stat(path).catch(unreadable);
  if (!status.isFile())
    throw new GradusError(`${shown} is no file; an image was expected.`, { hint: "check the path, or leave it out: --skip-bad-rows" });
  if (status.size > MOST_FILE_BYTES)
    throw new GradusError(`${shown} has ${grouped(status.size)} bytes; an image file may have ${grouped(MOST_FILE_BYTES)}.`, {
      hint: "make it smaller, or leave it out: --skip-bad-rows",
    });
  return readFile(path).catch(unreadable);
}

/** What formats there are, where there are several or it is asked for. */
function formatNotes(good: readonly ImageFacts[], always: boolean): string[] {
  const counts = new Map<string, number>();
  for (const { format } of good) counts.set(format, (counts.get(format) ?? 0) + 1);
  if (counts.size < 2) return always ? [`format: ${good[0]!.format}`] : [];
  const shown = [...counts]
    .toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([format, count]) => `${grouped(count)} ${format}`);
  return [`formats: ${shown.join(", ")}`];
}

function remarksOf(files: readonly ImageFile[], good: readonly (ImageFacts & { readonly i: number })[]): string[] {
  const first = new Map<string, { count: number; file: string }>();
  for (const { i, remarks } of good)
    for (const remark of remarks) {
      const known = first.get(remark);
      if (known) known.count += 1;
      else first.set(remark, { count: 1, file: files[i]!.shown });
    }
  return [...first].map(([remark, { count, file }]) => {
    const what = REMEDIES[remark] ?? `a ${remark}, read as what it is`;
    return count === 1 ? `${file} is ${what}` : `${grouped(count)} images are ${what.replace(/^a /, "")}, e.g. ${file}`;
  });
}

function channelNotes(images: number, gray: number, channels: 1 | 3, asked: number | undefined): string[] {
  if (asked === 1 && gray < images)
    return [`${grouped(images - gray)} of ${grouped(images)} images are in colour, read as gray as the model takes them`];
  if (channels === 3 && gray > 0)
    return [
      `${grouped(gray)} of ${grouped(images)} images are gray, read as colour${asked === undefined ? " as the others are" : " as the model takes them"}`,
    ];
  return [];
}

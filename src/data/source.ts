/** What a person names as data becomes files: a path, a quoted pattern, standard input; compressed ones decompressed on the side. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { GradusError } from "../util/errors.ts";
import { compressionOf, decompressFile } from "./decompress.ts";
import { checkFile, inspectFile, type FileFacts } from "./file.ts";

/** The files behind a name, and a folder for what is made of them on the way. */
export interface Source {
  readonly files: readonly FileFacts[];
  /** SHA-256 of the bytes as they were named, hex; of several files, of their fingerprints in order. */
  readonly fingerprint: string;
  /** Temporary; gone with `close`. */
  readonly scratch: string;
  close(): Promise<void>;
}

const MOST_FILES = 10_000;

/**
 * Opens what is behind a path.
 * @param path of a file; a pattern with `*`, `?` or `[…]` for several; `-` for standard input
 * @throws GradusError where nothing is there, or it cannot be read
 */
export async function openSource(path: string, input: AsyncIterable<Uint8Array> = process.stdin): Promise<Source> {
  const scratch = await mkdtemp(join(tmpdir(), "gradus-"));
  const close = () => rm(scratch, { recursive: true, force: true });
  try {
    const paths = path === "-" ? [await spool(input, scratch)] : await matching(path);
    const files: FileFacts[] = [];
    for (const [i, found] of paths.entries())
      files.push(await openFile(path === "-" ? "standard input" : found, found, join(scratch, `plain-${i}`)));
    const fingerprint =
      files.length === 1
        ? files[0]!.fingerprint
        : createHash("sha256")
            .update(files.map((file) => file.fingerprint).join("\n"))
            .digest("hex");
    return { files, fingerprint, scratch, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function spool(input: AsyncIterable<Uint8Array>, scratch: string): Promise<string> {
  if (input === process.stdin && process.stdin.isTTY)
    throw new GradusError("standard input is a terminal; data were expected.", { hint: "pipe a file in: gradus … - < data.csv" });
  const path = join(scratch, "standard-input");
  await pipeline(input, createWriteStream(path));
  return path;
}

async function openFile(path: string, at: string, plain: string): Promise<FileFacts> {
  const { absolutePath, bytes } = await checkFile(path, at);
  const kind = compressionOf(await firstBytes(absolutePath));
  if (!kind) return inspectFile({ path, absolutePath, bytes });
  const hash = createHash("sha256");
  await decompressFile({ path, absolutePath, bytes, kind }, plain, (chunk) => hash.update(chunk));
  if ((await stat(plain)).size === 0)
    throw new GradusError(`${path} is empty (0 bytes once decompressed); a header line and rows were expected.`);
  const facts = await inspectFile({ path, absolutePath: plain, bytes: (await stat(plain)).size });
  return { ...facts, fingerprint: hash.digest("hex"), name: path.replace(/\.(gz|gzip|zst|zstd)$/i, "") };
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(4);
    return bytes.subarray(0, (await file.read(bytes, 0, 4, 0)).bytesRead);
  } finally {
    await file.close();
  }
}

const hasPattern = (path: string): boolean => /[*?[]/.test(path);

/** A path itself where it exists or is no pattern; else what the pattern matches, sorted. */
async function matching(path: string): Promise<string[]> {
  if (!hasPattern(path) || (await stat(path).catch(() => undefined))) return [path];
  let found = [path.startsWith("/") ? "/" : ""];
  for (const segment of path.split("/").filter((part) => part !== "")) {
    if (!hasPattern(segment)) found = found.map((at) => join(at, segment));
    else {
      const expression = patternOf(segment);
      const lists = await Promise.all(
        found.map(async (at) => {
          const names = await readdir(at === "" ? "." : at).catch(() => []);
          return names
            .filter((name) => expression.test(name) && (segment.startsWith(".") || !name.startsWith(".")))
            .map((name) => join(at, name));
        }),
      );
      found = lists.flat();
    }
    if (found.length > MOST_FILES)
      throw new GradusError(`${path} matches more than ${MOST_FILES} files.`, {
        hint: "put them into fewer files, e.g. one Parquet file.",
      });
  }
  const there = await Promise.all(found.map(async (at) => ((await stat(at).catch(() => undefined))?.isFile() ? [at] : [])));
  const files = there.flat().toSorted((a, b) => (a < b ? -1 : 1));
  if (files.length === 0)
    throw new GradusError(`no file matches ${path}.`, { hint: `looked in ${resolve(dirname(path.slice(0, path.search(/[*?[]/)) + "x"))}` });
  return files;
}

/** `*` any letters, `?` one, `[abc]` one of them. */
function patternOf(segment: string): RegExp {
  const source = segment.replace(/\[!?[^\]]+\]|[*?]|[.+^${}()|[\]\\]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 2 && part.startsWith("[")) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`, "su");
}

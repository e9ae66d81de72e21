/** Data that are no lines of text: IDX and NumPy files, images and folders of them; each brought into the database with columns beside it. */
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { createReadStream } from "node:fs";
import { GradusError } from "../../util/errors.ts";
import type { Database } from "../database.ts";
import { imageFolder, imageFiles } from "../images/folder.ts";
import { imageKind, isImageName } from "../images/decode.ts";
import type { ArrayRequest, Staged } from "../reader.ts";
import type { NdArray } from "./array.ts";
import { fingerprintOf, firstBytes, wholeFile } from "./bytes.ts";
import { isIdx, readIdx } from "./idx.ts";
import { isNpy, parseNpy } from "./npy.ts";
import { partNamed, stageArrays, type ArrayPart } from "./stage.ts";
import { zipEntries } from "./zip.ts";

/** Brings data into the database. @throws GradusError naming the file, what was expected and found */
export type ArraySource = (database: Database, request: ArrayRequest) => Promise<Staged>;

const IDX_NAME = /^(.*?)([-_.]?)images([-_.]idx\d[-_]ubyte|\.idx\d?)?(\.gz)?$/i;
const looksIdx = (name: string): boolean => /idx\d?([-_]u?byte)?(\.gz)?$/i.test(name);

/** How the data at a path are read, where they are images or arrays; nothing where other readers are to look. */
export async function arraySource(path: string): Promise<ArraySource | undefined> {
  const at = resolve(path);
  const status = await stat(at).catch(() => undefined);
  if (!status) return undefined;
  if (status.isDirectory()) {
    const names = await readdir(at).catch((cause: NodeJS.ErrnoException) => {
      throw new GradusError(`${path} cannot be read (${cause.code}).`, { hint: "check its permissions.", cause });
    });
    const idx = names.filter((name) => looksIdx(name) && IDX_NAME.test(name));
    if (idx.length > 0) return (database, request) => stageIdxFolder(database, path, idx.toSorted(), request);
    return (await imageFolder.holdsImages(at)) ? (database, request) => imageFolder.stage(database, path, request) : undefined;
  }
  if (!status.isFile()) return undefined;
  const name = basename(path);
  const named = { idx: looksIdx(name), numpy: /\.np[yz]$/i.test(name), image: isImageName(name) };
  if (status.size === 0) {
    if (!named.idx && !named.numpy && !named.image) return undefined;
    throw new GradusError(`${path} is empty (0 bytes); ${named.image ? "an image was" : "arrays were"} expected.`, {
      hint: "check how it was written.",
    });
  }
  const head = await firstBytes(at, 16).catch(() => undefined);
  if (!head) return undefined;
  if (isIdx(head) || named.idx || (head[0] === 0x1f && head[1] === 0x8b && isIdx(await unzippedHead(at))))
    return (database, request) => stageIdx(database, path, request);
  if (isNpy(head) || named.numpy) return (database, request) => stageNumpy(database, path, status.size, request);
  if (imageKind(head) || named.image) return (database, request) => imageFiles(database, path, [path], request);
  return undefined;
}

/** The first plain bytes of a gzipped file; none where it is damaged. */
async function unzippedHead(path: string): Promise<Uint8Array> {
  const source = createReadStream(path, { end: 65_535 });
  try {
    for await (const chunk of source.pipe(createGunzip()) as AsyncIterable<Buffer>) return chunk.subarray(0, 16);
  } catch {
    // What is wrong with it is for its reader to say.
  } finally {
    source.destroy();
  }
  return new Uint8Array(0);
}

type Hashed = NdArray & { readonly digest: string };

const arrayName = ({ shape }: NdArray): string => (shape.length > 2 ? "image" : "x");

async function stageIdx(database: Database, path: string, request: ArrayRequest): Promise<Staged> {
  const images = await readIdx(path, resolve(path));
  const labels = await labelsOf(path, request, idxLabelNames(basename(path)));
  return stageOne(database, path, images, labels, request);
}

async function stageOne(database: Database, path: string, array: Hashed, labels: Labels, request: ArrayRequest): Promise<Staged> {
  const arrays = new Map<string, NdArray>([[array.shape.length === 1 ? "label" : arrayName(array), array]]);
  if (labels.found) arrays.set("label", labels.found);
  const files = [{ name: "data", digest: array.digest }, ...(labels.found ? [{ name: "labels", digest: labels.found.digest }] : [])];
  return stageArrays(database, path, [{ arrays }], request, { fingerprint: fingerprintOf(files), notes: labels.notes });
}

interface Labels {
  readonly found?: Hashed;
  readonly notes: readonly string[];
}

/** The labels that were named, else those of a usual name beside the file. */
async function labelsOf(path: string, { labels, labelled }: ArrayRequest, usual: readonly string[]): Promise<Labels> {
  if (labels !== undefined) {
    const found = await readArray(labels);
    if (found.shape.length > 1 && found.shape[1] !== 1)
      throw new GradusError(`${labels} should hold a label per example, found an array of shape [${found.shape.join(", ")}].`, {
        hint: "name the file of labels, e.g. train-labels-idx1-ubyte.gz",
      });
    return { found, notes: [] };
  }
  const folder = dirname(resolve(path));
  const present = new Set(await readdir(folder).catch(() => []));
  const name = usual.find((candidate) => candidate !== basename(path) && present.has(candidate));
  if (name !== undefined) return { found: await readArray(join(dirname(path), name)), notes: [`labels read from ${name}`] };
  return { notes: labelled && usual.length > 0 ? [`no labels beside it: ${usual[0]} is not there (--labels FILE)`] : [] };
}

/** An array of a file, IDX or .npy. */
async function readArray(path: string): Promise<Hashed> {
  const at = resolve(path);
  const status = await stat(at).catch((cause: NodeJS.ErrnoException) => {
    throw new GradusError(`no file ${path}.`, { hint: "check the path of the labels.", cause });
  });
  if (status.isDirectory()) throw new GradusError(`${path} is a folder; a file of labels was expected.`);
  if (!isNpy(await firstBytes(at, 16))) return readIdx(path, at);
  const hash = createHash("sha256");
  const array = parseNpy(path, await wholeFile(path, at, status.size, hash));
  return { ...array, digest: hash.digest("hex") };
}

/** `train-images-idx3-ubyte.gz` → `train-labels-idx1-ubyte.gz`, then the same without and with `.gz`. */
function idxLabelNames(name: string): string[] {
  if (!/images/i.test(name)) return [];
  const same = name.replace(/images/i, "labels").replace(/idx3/i, "idx1");
  const plain = same.replace(/\.gz$/i, "");
  return [...new Set([same, plain, `${plain}.gz`])];
}

/** The pairs of images and labels of a folder; of several, each must be a part of one split. */
async function stageIdxFolder(database: Database, path: string, names: readonly string[], request: ArrayRequest): Promise<Staged> {
  const plain = names.filter((name) => !name.endsWith(".gz") || !names.includes(name.slice(0, -3)));
  const sets = plain.map((name) => ({ name, part: partNamed(name.split(/[-_.]/).find(partNamed) ?? "") }));
  const twice = sets.find(({ part }, i) => sets.findIndex((other) => other.part === part) < i);
  if (twice || (sets.length > 1 && !sets.some(({ part }) => part === "train")))
    throw new GradusError(`${path} holds several files of images, which are not the parts of one split: ${plain.slice(0, 6).join(", ")}.`, {
      hint: "name one of them.",
    });
  const order = ["train", "validation", "test"];
  const sorted = sets.toSorted((a, b) => order.indexOf(a.part ?? "") - order.indexOf(b.part ?? ""));
  const parts: ArrayPart[] = [];
  const files: { name: string; digest: string }[] = [];
  const notes: string[] = [];
  for (const { name, part } of sorted) {
    const images = await readIdx(join(path, name), resolve(path, name));
    const { found, notes: said } = await labelsOf(join(path, name), { ...request, labels: undefined }, idxLabelNames(name));
    const arrays = new Map<string, NdArray>([[arrayName(images), images]]);
    if (found) arrays.set("label", found);
    parts.push({ part, arrays });
    files.push({ name, digest: images.digest }, ...(found ? [{ name: `labels of ${name}`, digest: found.digest }] : []));
    notes.push(...said.map((note) => (sorted.length > 1 ? `${name}: ${note}` : note)));
  }
  return stageArrays(database, path, parts, request, { fingerprint: fingerprintOf(files), notes });
}

async function stageNumpy(database: Database, path: string, size: number, request: ArrayRequest): Promise<Staged> {
  const hash = createHash("sha256");
  const bytes = await wholeFile(path, resolve(path), size, hash);
  const digest = hash.digest("hex");
  if (isNpy(bytes) || /\.npy$/i.test(path)) {
    const labels = await labelsOf(path, request, npyLabelNames(basename(path)));
    return stageOne(database, path, { ...parseNpy(path, bytes), digest }, labels, request);
  }
  const entries = zipEntries(path, bytes).filter(({ name }) => name.endsWith(".npy"));
  const arrays = new Map(entries.map(({ name, read }) => [name.slice(0, -4), parseNpy(`${path}, ${name}`, read())] as const));
  const labels = request.labels === undefined ? undefined : (await labelsOf(path, request, [])).found;
  if (labels) arrays.set("label", labels);
  return stageArrays(database, path, partsOf(arrays), request, { fingerprint: digest, notes: [] });
}

/** `X_train.npy` → `y_train.npy`, `images.npy` → `labels.npy`. */
function npyLabelNames(name: string): string[] {
  const turns = [
    [/(^|[_-])X([_.-])/, "$1y$2"],
    [/(^|[_-])x([_.-])/, "$1y$2"],
    [/images/, "labels"],
    [/features/, "labels"],
  ] as const;
  return turns.flatMap(([from, to]) => (from.test(name) ? [name.replace(from, to)] : []));
}

/** `x_train`, `y_train`, `x_test`, `y_test` are `x` and `y` of two parts; other names are columns of their own. */
function partsOf(arrays: ReadonlyMap<string, NdArray>): ArrayPart[] {
  const named = [...arrays].map(([name, array]) => {
    const words = name.split(/[_-]/);
    const [first, last] = [words[0]!, words.at(-1)!];
    if (words.length > 1 && partNamed(first)) return { base: name.slice(first.length + 1), part: partNamed(first), array };
    if (words.length > 1 && partNamed(last)) return { base: name.slice(0, -last.length - 1), part: partNamed(last), array };
    return { base: name, part: undefined, array };
  });
  const parts = [...new Set(named.map(({ part }) => part))].filter((part) => part !== undefined);
  if (parts.length < 2 || !parts.includes("train")) return [{ arrays }];
  return ["train", "validation", "test"]
    .filter((part) => parts.includes(part))
    .map((part) => ({ part, arrays: new Map(named.filter((entry) => entry.part === part).map(({ base, array }) => [base, array])) }));
}

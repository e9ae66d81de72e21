/** Folders of images: a folder per class, below folders per part of the split where they are called so. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { GradusError } from "../../util/errors.ts";
import { partNamed } from "../arrays/stage.ts";
import type { Database } from "../database.ts";
import type { ArrayRequest, Staged } from "../reader.ts";
import { grouped } from "../table.ts";
import { readImages, type ImageFile } from "./column.ts";
import { isImageName } from "./decode.ts";

/** An image file below a folder, by the names that lead to it. */
interface Found extends ImageFile {
  readonly steps: readonly string[];
}

interface Walk {
  readonly images: readonly Found[];
  /** Other files, for the notes. */
  readonly others: readonly string[];
  readonly notes: readonly string[];
}

interface Example extends ImageFile {
  readonly name: string;
  readonly label: string | null;
  readonly part: string | null;
}

export const imageFolder = {
  /** Whether a file called like an image lies in a folder or below it. */
  async holdsImages(folder: string): Promise<boolean> {
    const seen = new Set<string>();
    const look = async (at: string): Promise<boolean> => {
      const real = await realpath(at).catch(() => undefined);
      if (real === undefined || seen.has(real)) return false;
      seen.add(real);
      const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
      if (entries.some((entry) => !entry.isDirectory() && isImageName(entry.name) && !hidden(entry.name))) return true;
      for (const entry of entries) {
        if (hidden(entry.name) || entry.isFile()) continue;
        const below = join(at, entry.name);
        const directory = entry.isDirectory() || (await stat(below).catch(() => undefined))?.isDirectory();
        if (directory && (await look(below))) return true;
      }
      return false;
    };
    return look(folder);
  },

  /** @throws GradusError on a folder or an image that cannot be read, and where no image is left */
  async stage(database: Database, path: string, request: ArrayRequest): Promise<Staged> {
    const walk = await walkImages(path, request.skipBad === true);
    const { examples, notes } = classify(walk.images, request.labelled);
    if (walk.others.length > 0)
      notes.push(
        `${grouped(walk.others.length)} other ${walk.others.length === 1 ? "file" : "files"} left aside: ${walk.others.slice(0, 3).join(", ")}${walk.others.length > 3 ? ", …" : ""}`,
      );
    return stageExamples(database, path, examples, request, [...walk.notes, ...notes]);
  },
};

/** Single image files, without labels. */
export function imageFiles(database: Database, shown: string, paths: readonly string[], request: ArrayRequest): Promise<Staged> {
  const examples = paths.map((path) => ({ shown: path, path: resolve(path), name: path, label: null, part: null }));
  return stageExamples(database, shown, examples, request, []);
}

async function stageExamples(
  database: Database,
  shown: string,
  examples: readonly Example[],
  request: ArrayRequest,
  notes: readonly string[],
): Promise<Staged> {
  const { column, kept, skipped, notes: said, fingerprint } = await readImages(shown, "image", examples, request);
  const rows = kept.map((i) => examples[i]!);
  const labelled = rows.some(({ label }) => label !== null);
  const split = rows.some(({ part }) => part !== null);
  await database.texts(
    "raw",
    [rows.map(({ name }) => name), ...(labelled ? [rows.map(({ label }) => label)] : []), ...(split ? [rows.map(({ part }) => part)] : [])],
    rows.length,
  );
  return {
    names: ["path", ...(labelled ? ["label"] : []), ...(split ? ["split"] : [])],
    rows: rows.length,
    lineOf: () => undefined,
    nameOf: (row) => rows[row]!.name,
    rowNames: rows.map(({ name }) => name),
    notes: [...notes, ...said],
    ...(skipped.length > 0 ? { skipped } : {}),
    columns: [column],
    aside: new Map([["path", "it names the file"]]),
    ...(labelled ? { target: "label" } : {}),
    ...(split ? { split: "split" } : {}),
    fingerprint,
  };
}

const hidden = (name: string): boolean => name.startsWith(".") || name === "__MACOSX" || name === "Thumbs.db" || name === "desktop.ini";

/** All images below a folder, in the order of their paths; links are followed, no folder twice on one way. */
async function walkImages(root: string, skipBad: boolean): Promise<Walk> {
  const images: Found[] = [];
  const others: string[] = [];
  const empty: string[] = [];
  const notes: string[] = [];
  const walk = async (at: string, steps: readonly string[], above: readonly string[]): Promise<void> => {
    const before = images.length;
    const shown = [root, ...steps].join("/");
    const unreadable = (cause: NodeJS.ErrnoException): undefined => {
      const message = `folder ${shown} cannot be read (${cause.code ?? cause.message})`;
      if (!skipBad) throw new GradusError(`${message}.`, { hint: "check its permissions, or leave it out: --skip-bad-rows", cause });
      notes.push(`${message}; left out`);
      return undefined;
    };
    const real = await realpath(at).catch(unreadable);
    if (real === undefined) return;
    if (above.includes(real)) {
      notes.push(`${steps.join("/")} is a link that leads back to a folder above it; not followed`);
      return;
    }
    const entries = await readdir(at, { withFileTypes: true }).catch(unreadable);
    for (const entry of (entries ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (hidden(entry.name)) continue;
      const next = [...steps, entry.name];
      const path = join(at, entry.name);
      const linked = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
      if (linked?.isDirectory()) await walk(path, next, [...above, real]);
      else if (isImageName(entry.name)) images.push({ shown: [root, ...next].join("/"), path, steps: next });
      else others.push(next.join("/"));
    }
    if (entries && steps.length > 0 && images.length === before) empty.push(steps.join("/"));
  };
  await walk(resolve(root), [], []);
  // A folder that only holds empty ones is said once.
  const bare = empty.filter((path) => !empty.some((above) => path.startsWith(`${above}/`)));
  if (bare.length > 0)
    notes.push(
      `${bare.length === 1 ? "a folder holds" : `${grouped(bare.length)} folders hold`} no image, and no class comes of ${bare.length === 1 ? "it" : "them"}: ${bare.slice(0, 5).join(", ")}${bare.length > 5 ? ", …" : ""}`,
    );
  return { images, others, notes };
}

/** Labels and parts by the folders that images lie in. */
function classify(images: readonly Found[], labelled: boolean): { examples: Example[]; notes: string[] } {
  const notes: string[] = [];
  const tops = new Set(images.filter(({ steps }) => steps.length > 1).map(({ steps }) => partNamed(steps[0]!)));
  const split = tops.has("train") && [...tops].filter((part) => part !== undefined).length > 1;
  const leave = (found: readonly Found[], why: string): void => {
    if (found.length > 0)
      notes.push(
        `${grouped(found.length)} ${found.length === 1 ? "image" : "images"} left aside, ${why}, e.g. ${found[0]!.steps.join("/")}`,
      );
  };
  const outside = split ? images.filter(({ steps }) => steps.length < 2 || !partNamed(steps[0]!)) : [];
  leave(outside, "outside of the parts of the split");
  const examples = images
    .filter((image) => !outside.includes(image))
    .map(({ shown, path, steps }): Example & { steps: readonly string[] } => {
      const part = split ? partNamed(steps[0]!)! : null;
      const inside = split ? steps.slice(1) : steps;
      return { shown, path, steps, name: steps.join("/"), label: inside.length > 1 ? inside[0]! : null, part };
    });
  const bare = examples.filter(({ label }) => label === null);
  if (!labelled || bare.length === 0 || bare.length === examples.length) return { examples, notes };
  leave(
    bare.map(({ steps, shown, path }) => ({ steps, shown, path })),
    "in no folder of a class",
  );
  return { examples: examples.filter(({ label }) => label !== null), notes };
}

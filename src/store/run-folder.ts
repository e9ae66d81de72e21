/** Run folders: reserved before training, written whole or not at all, read back with clear errors. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { z } from "zod";
import type { ResolvedExperiment } from "../train/experiment.ts";
import { closest } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { friendlyName } from "../util/names.ts";

/** Contents by file name. */
export type RunFiles = Readonly<Record<string, string | Uint8Array>>;

/** A place kept for a run: a hidden folder beside its final name until it is written. */
export interface RunReservation {
  /** Where the run will lie, as a person would type it. */
  readonly path: string;
  /**
   * Writes every file, then moves the folder to its name.
   * @param files the contents for a path
   * @returns the path, another one where the name was taken meanwhile or cannot be had
   * @throws GradusError where that fails, saying where the run is instead; nothing is discarded
   */
  write(files: (path: string) => RunFiles): Promise<string>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

const runsFolder = "runs";

/**
 * Reserves a folder for a run: `out`, which must be new or empty, else `runs/<two words>`.
 * @param seed of the two words
 * @throws GradusError where the folder holds files, or cannot be made
 */
export async function reserveRun(out: string | undefined, seed: number): Promise<RunReservation> {
  const path = out ?? (await freeName(seed));
  const target = resolve(path);
  if (out !== undefined) await refuseOccupied(path, target);
  const parent = dirname(target);
  const partial = partialName(target);
  let created: string | undefined;
  try {
    created = await mkdir(parent, { recursive: true });
    await mkdir(partial);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GradusError(`${path} cannot be made (${code}).`, { hint: "name another folder: --out DIR", cause });
  }
  // A process that is ended (second Ctrl-C) leaves nothing behind either.
  const cleanUp = () => rmSync(partial, { recursive: true, force: true });
  process.once("exit", cleanUp);
  return {
    path,
    async write(files) {
      try {
        return await moveInto(partial, path, files);
      } finally {
        process.off("exit", cleanUp);
      }
    },
    async discard() {
      await rm(partial, { recursive: true, force: true });
      process.off("exit", cleanUp);
      // Folders that were made only for this run go too, innermost first, as long as they are empty.
      for (let folder = parent; created !== undefined && folder.length >= created.length; folder = dirname(folder)) {
        if (
          !(await rmdir(folder).then(
            () => true,
            () => false,
          ))
        )
          break;
      }
    },
  };
}

/** A hidden name beside a path; random, since a process of the same number may have left one behind. */
const partialName = (path: string) =>
  join(dirname(resolve(path)), `.${basename(resolve(path)).slice(0, 60)}.${randomBytes(4).toString("hex")}.partial`);

const taken = ["ENOTEMPTY", "EEXIST", "ENOTDIR"];

async function moveInto(partial: string, path: string, files: (path: string) => RunFiles): Promise<string> {
  let failure: NodeJS.ErrnoException | undefined;
  for (let attempt = 0; attempt < 100; attempt++) {
    const name = attempt === 0 ? path : `${path}-${attempt + 1}`;
    try {
      await writeFiles(partial, files(name));
    } catch (cause) {
      throw await keptElsewhere(partial, path, files, cause as NodeJS.ErrnoException);
    }
    try {
      await rename(partial, resolve(name));
      return name;
    } catch (error) {
      const before = failure;
      failure = error as NodeJS.ErrnoException;
      if (!taken.includes(failure.code ?? "") && (await filledInPlace(resolve(name), files(name)))) {
        await rm(partial, { recursive: true, force: true }).catch(() => {});
        return name;
      }
      // A name that cannot be had is tried once more with another one.
      if (before && !taken.includes(failure.code ?? "")) break;
    }
  }
  throw new GradusError(`the run cannot be moved to ${path} (${failure?.code}); it lies whole in ${partial}.`, {
    hint: "move that folder to where you want it.",
    exitCode: 1,
    cause: failure,
  });
}

/** An empty folder that cannot be replaced (a mount point) takes the files one by one. */
async function filledInPlace(folder: string, files: RunFiles): Promise<boolean> {
  if ((await readdir(folder).catch(() => undefined))?.length !== 0) return false;
  try {
    await writeFiles(folder, files);
    return true;
  } catch {
    for (const file of Object.keys(files)) await rm(join(folder, file), { force: true }).catch(() => {});
    return false;
  }
}

async function writeFiles(folder: string, files: RunFiles): Promise<void> {
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
}

/** A run whose place takes no files (a full disk) goes to the folder for temporary ones. */
async function keptElsewhere(
  partial: string,
  path: string,
  files: (path: string) => RunFiles,
  cause: NodeJS.ErrnoException,
): Promise<GradusError> {
  const failed = `the run cannot be written to ${path} (${cause.code ?? cause.message})`;
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), "gradus-run-"));
    await writeFiles(folder, files(folder));
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    return new GradusError(`${failed}; it was saved in ${folder} instead.`, {
      hint: "move that folder to where you want it.",
      exitCode: 1,
      cause,
    });
  } catch {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
    return new GradusError(`${failed}, nor to ${tmpdir()}; what could be written is in ${partial}.`, {
      hint: "make room and train again; the same experiment gives the same weights.",
      exitCode: 1,
      cause,
    });
  }
}

async function freeName(seed: number): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const path = join(runsFolder, friendlyName(seed, attempt));
    if (!(await exists(path))) return path;
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function refuseOccupied(path: string, target: string): Promise<void> {
  const status = await stat(target).catch(() => undefined);
  if (!status) return;
  if (!status.isDirectory())
    throw new GradusError(`${path} is a file; --out names a folder for the run.`, { hint: "name another folder." });
  const inside = await readdir(target);
  if (inside.length === 0) return;
  const what = inside.includes("experiment.json")
    ? "holds a run already"
    : `is not empty (${inside.slice(0, 3).join(", ")}${inside.length > 3 ? ", …" : ""})`;
  throw new GradusError(`${path} ${what}; a run needs a folder of its own.`, {
    hint: "name another folder with --out, or remove this one.",
  });
}

/**
 * A file of a run folder.
 * @throws GradusError where the folder is none, or is no run
 */
export async function readRunFile(run: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(run, name));
  } catch (cause) {
    throw await notARun(run, name, cause as NodeJS.ErrnoException);
  }
}

/**
 * As {@link readRunFile}, parsed and checked.
 * @param schema what the file must hold at least
 */
export async function readRunJson<T>(run: string, name: string, schema: z.ZodType): Promise<T> {
  return checkedJson<T>((await readRunFile(run, name)).toString("utf8"), join(run, name), schema);
}

/** JSON that a schema accepts, as it was written. @throws GradusError naming the place, what was expected and what was found */
export function checkedJson<T>(text: string, place: string, schema: z.ZodType): T {
  const hint = "restore the file, or train again.";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GradusError(`${place} is not JSON: ${(cause as Error).message}.`, { hint, cause });
  }
  const issue = schema.safeParse(value).error?.issues[0];
  if (!issue) return value as T;
  const found = issue.path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step], value);
  const what = JSON.stringify(found) ?? "nothing";
  const where = issue.path.length === 0 ? "it" : issue.path.join(".");
  throw new GradusError(`${place} is not what a run holds: ${where} must be ${issue.message}, found ${what.slice(0, 60)}.`, { hint });
}

async function notARun(run: string, name: string, cause: NodeJS.ErrnoException): Promise<GradusError> {
  const status = await stat(run).catch(() => undefined);
  if (!status) {
    const siblings = await readdir(dirname(resolve(run))).catch(() => []);
    const near = closest(
      basename(run),
      siblings.filter((sibling) => !sibling.startsWith(".")),
    ).map((sibling) => join(dirname(run), sibling));
    const runs = near.length > 0 ? [] : (await readdir(runsFolder).catch(() => [])).filter((entry) => !entry.startsWith("."));
    const hint =
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : runs.length > 0
          ? `runs here: ${runs
              .slice(0, 8)
              .map((entry) => join(runsFolder, entry))
              .join(", ")}${runs.length > 8 ? ", …" : ""}`
          : "gradus train makes one.";
    return new GradusError(`no run folder ${run}.`, { hint, cause });
  }
  if (!status.isDirectory())
    return new GradusError(`${run} is a file; a run folder was expected.`, { hint: "gradus train makes one.", cause });
  if (cause.code !== "ENOENT")
    return new GradusError(`${join(run, name)} cannot be read (${cause.code}).`, { hint: "check its permissions.", cause });
  return new GradusError(`${run} is no run folder, or not a whole one: it has no ${name}.`, { hint: "gradus train makes one.", cause });
}

/**
 * Writes a file whole or not at all; into a pipe or a device (`/dev/stdout`) it writes as it goes.
 * @param content parts are written one after the other
 * @throws GradusError where the place cannot be written; whatever the content throws
 */
export async function writeWhole(path: string, content: string | Uint8Array | Iterable<string>): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  const inPlace = there !== undefined && !there.isFile() && !there.isDirectory();
  const partial = inPlace ? path : partialName(path);
  const cleanUp = () => rmSync(partial, { force: true });
  if (!inPlace) process.once("exit", cleanUp);
  try {
    if (there?.isDirectory()) throw Object.assign(new Error("a directory"), { code: "it is a directory" });
    await writeFile(partial, content);
    if (!inPlace) await rename(partial, path);
  } catch (cause) {
    if (!inPlace) await rm(partial, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new GradusError(`${path} cannot be written (${code}).`, { hint: "name another file.", cause });
  } finally {
    process.off("exit", cleanUp);
  }
}

/** A data path as it is stored in a run folder: from that folder, so that both can move together. */
export function pathFromRun(run: string, path: string): string {
  return relative(resolve(run), resolve(path));
}

/** An experiment whose files are found from another place. */
export function relocated(experiment: ResolvedExperiment, path: (from: string) => string): ResolvedExperiment {
  const { data, model, split } = experiment;
  return {
    ...experiment,
    data: { ...data, path: path(data.path) },
    ...(split.file === undefined ? {} : { split: { ...split, file: path(split.file) } }),
    ...("from" in model ? { model: { ...model, from: path(model.from) } } : {}),
  };
}

/** The data path a run stored, from where we are. */
export function pathFromHere(run: string, stored: string): string {
  return relative("", resolve(run, stored)) || ".";
}

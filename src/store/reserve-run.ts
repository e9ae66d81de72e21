/** A place kept for a run: hidden until the training begins, then a run folder that is whole at every moment. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { access, mkdir, mkdtemp, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { GradusError } from "../util/errors.ts";
import { friendlyName } from "../util/names.ts";
import { syncFolder, writeDurably } from "./durable.ts";
import { heldLock, lockContent, lockName, lockRun, type RunLock } from "./run-lock.ts";

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
  /**
   * Makes it a run folder that a training goes on in: whole at every moment, and this process's own until it is released.
   * @throws GradusError where that fails; then nothing is left
   */
  begin(files: (path: string) => RunFiles): Promise<OpenRun>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** A run folder that this process trains in. */
export interface OpenRun extends Pick<RunReservation, "path" | "discard"> {
  /**
   * Writes files, each whole or not at all, the last one last.
   * @returns the path
   * @throws GradusError where that fails, saying where they are instead
   */
  write(files: (path: string) => RunFiles): Promise<string>;
  /** Lets other processes train there. */
  release(): Promise<void>;
}

/** @throws GradusError where another process trains in the folder, or it cannot be written */
export async function openRun(path: string): Promise<OpenRun> {
  return opened(path, await lockRun(path), async () => {});
}

function opened(path: string, lock: RunLock, discard: () => Promise<void>): OpenRun {
  return {
    path,
    async write(files) {
      try {
        for (const [name, content] of Object.entries(files(path))) await writeDurably(join(path, name), content);
        return path;
      } catch (cause) {
        throw await keptElsewhere(path, path, files, cause as NodeJS.ErrnoException);
      }
    },
    release: () => lock.release(),
    async discard() {
      await lock.release();
      await rm(path, { recursive: true, force: true });
      await discard();
    },
  };
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
  const discard = async () => {
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
  };
  return {
    path,
    async write(files) {
      try {
        return await moveInto(partial, path, files);
      } finally {
        process.off("exit", cleanUp);
      }
    },
    async begin(files) {
      const locked = (name: string): RunFiles => ({ ...files(name), [lockName]: lockContent() });
      try {
        await writeFiles(partial, locked(path));
      } catch (cause) {
        await discard();
        throw new GradusError(`${path} cannot be written (${(cause as NodeJS.ErrnoException).code}); nothing was trained.`, {
          hint: "make room, or name another folder: --out DIR",
          cause,
        });
      }
      try {
        const name = await moveInto(partial, path, locked);
        await syncFolder(dirname(resolve(name)));
        return opened(name, heldLock(name), discard);
      } finally {
        process.off("exit", cleanUp);
      }
    },
    discard,
  };
}

/** A hidden name beside a path; random, since a process of the same number may have left one behind. */
export const partialName = (path: string): string =>
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
    if (partial !== path) await rm(partial, { recursive: true, force: true }).catch(() => {});
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

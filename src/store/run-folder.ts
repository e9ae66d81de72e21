/** Files of run folders read back with clear errors, and files beside them written whole or not at all. */
import { rmSync } from "node:fs";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { z } from "zod";
import type { ResolvedExperiment } from "../train/experiment.ts";
import { closest } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { partialName } from "./reserve-run.ts";

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
    const runs = near.length > 0 ? [] : (await readdir("runs").catch(() => [])).filter((entry) => !entry.startsWith("."));
    const hint =
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : runs.length > 0
          ? `runs here: ${runs
              .slice(0, 8)
              .map((entry) => join("runs", entry))
              .join(", ")}${runs.length > 8 ? ", …" : ""}`
          : "gradus train makes one.";
    return new GradusError(`no run folder ${run}.`, { hint, cause });
  }
  if (!status.isDirectory())
    return new GradusError(`${run} is a file; a run folder was expected.`, { hint: "gradus train makes one.", cause });
  if (cause.code !== "ENOENT")
    return new GradusError(`${join(run, name)} cannot be read (${cause.code}).`, { hint: "check its permissions.", cause });
  const begun = await stat(join(run, "status.json")).catch(() => undefined);
  if (begun)
    return new GradusError(`the training of ${run} has not come to its end yet: it has no ${name}.`, {
      hint: `where it is not running any more, it goes on with: gradus resume ${run}`,
      cause,
    });
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

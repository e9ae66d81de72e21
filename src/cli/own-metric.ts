/** `--metric FILE`: a metric of the user's own, from the file that the command line names and no other. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { checkMetric, type OwnMetric } from "../metrics/own-metric.ts";
import { GradusError } from "../util/errors.ts";

/**
 * Runs the module, and takes what it exports as its default.
 * @throws GradusError where there is no such file, it cannot be run, or exports no metric
 */
export async function readMetric(path: string): Promise<OwnMetric> {
  const file = resolve(path);
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new GradusError(`no file ${path} (--metric).`, { hint: "name a JavaScript or TypeScript module that exports a metric." });
  let found: { readonly default?: unknown };
  try {
    found = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const typescript = code === "ERR_UNKNOWN_FILE_EXTENSION";
    throw new GradusError(`${path} (--metric) cannot be run: ${typescript ? "this Node does not run TypeScript" : message}.`, {
      hint: typescript ? "Node 22.18 does; or write it as a .mjs file." : "mend the file.",
      cause,
    });
  }
  return checkMetric(found.default, path);
}

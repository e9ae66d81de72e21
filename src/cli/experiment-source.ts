/** Experiment files as the command line reads them. */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { parseExperimentText, type ExperimentSource } from "../train/experiment-file.ts";
import { GradusError } from "../util/errors.ts";

/** @throws GradusError where the file is not there, or no YAML; relative paths in it start at its folder */
export async function readExperimentSource(path: string): Promise<ExperimentSource> {
  if (/\.[cm]?[jt]s$/.test(path)) {
    throw new GradusError(`${path}: experiments are YAML or JSON files.`, {
      hint: "a TypeScript program imports gradus and calls trainExperiment itself",
    });
  }
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : cause.code === "EISDIR" ? "is a directory" : `cannot be read (${cause.code})`;
    throw new GradusError(`the experiment file ${path} ${why}.`, {
      hint: "an experiment is a YAML or JSON file; see docs/experiment.md",
      cause,
    });
  });
  const source = parseExperimentText(text, path);
  const places = [
    ["data", "path"],
    ["data", "labels"],
    ["model", "from"],
    ["split", "file"],
  ] as const;
  return { ...source, value: places.reduce((value, place) => fromHere(value, place, path), source.value) };
}

/** A relative path inside an experiment, that starts at its file's folder. */
function fromHere(value: ExperimentSource["value"], [section, key]: readonly [string, string], file: string): ExperimentSource["value"] {
  const held = value[section] as Readonly<Record<string, unknown>> | undefined;
  const path = held?.[key];
  if (typeof path !== "string" || path === "" || isAbsolute(path)) return value;
  return { ...value, [section]: { ...held, [key]: join(dirname(file), path) } };
}

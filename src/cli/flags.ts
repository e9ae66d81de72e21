/** The flags of `gradus train` as an experiment: each one a place in the file's schema. */
import { parseAugmentations } from "../data/augment-text.ts";
import type { ExperimentSource } from "../train/experiment-file.ts";
import { readTypes } from "../data/reading.ts";
import { TEXT_UNITS, type TextUnit } from "../data/tokens.ts";
import { GradusError } from "../util/errors.ts";
import type { OptionValues } from "./command.ts";

type Read = (text: string) => unknown;

/** The number a text is, or the text where it is none, for the schema to refuse. */
const numeric: Read = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
const asIs: Read = (text) => text;
const list =
  (read: Read): Read =>
  (text) =>
    text.trim() === "" || text.trim() === "none" ? [] : fields(text).map(read);

/** `1x28x28` */
const sizes: Read = (text) =>
  text
    .trim()
    .split(/\s*[x×,]\s*/)
    .map(numeric);

/** Separated by commas, as in CSV: a name with a comma stands in double quotes, a quote in it twice. */
export function fields(text: string): string[] {
  const found = [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)/gy)];
  // The last match is the empty one at the end, unless the text ends with a comma.
  if (found.length > 1 && !text.trimEnd().endsWith(",")) found.pop();
  return found.map(([, quoted, bare = ""]) => quoted?.replaceAll('""', '"') ?? bare.trim());
}

/** `name=characters,story=words` */
const units: Read = (text) =>
  Object.fromEntries(
    fields(text).map((field) => {
      const at = field.lastIndexOf("=");
      return at < 0 ? [field, ""] : [field.slice(0, at).trim(), field.slice(at + 1).trim()];
    }),
  );

/** `name=characters,story=words`. @throws GradusError where one is cut into anything else */
export function textUnits(text: string): Record<string, TextUnit> {
  const found = units(text) as Record<string, string>;
  for (const [name, unit] of Object.entries(found))
    if (!(TEXT_UNITS as readonly unknown[]).includes(unit))
      throw new GradusError(`--text ${name} should be ${TEXT_UNITS.join(" or ")}, found "${unit}".`, { hint: `--text ${name}=words` });
  return found as Record<string, TextUnit>;
}

/** `0.8`, or `1,0.8` as a list. */
const oneOrMore: Read = (text) => (text.includes(",") ? fields(text).map(numeric) : numeric(text));

/** `balanced`, or `no=1,yes=3` */
const classFactors: Read = (text) =>
  text.includes("=")
    ? Object.fromEntries(Object.entries(units(text) as Record<string, string>).map(([name, factor]) => [name, numeric(factor)]))
    : text;

interface Flag {
  /** Commander's name of the option. */
  readonly option: string;
  readonly flag: string;
  readonly path: readonly string[];
  readonly read: Read;
}

const flag = (name: string, path: string, read: Read = asIs): Flag => ({
  option: name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  flag: `--${name}`,
  path: path.split("."),
  read,
});

const flags: readonly Flag[] = [
  flag("target", "data.target"),
  flag("task", "data.task"),
  flag("drop", "data.drop", list(asIs)),
  flag("weight", "data.weight"),
  flag("id", "data.id"),
  flag("target-transform", "data.targetTransform"),
  flag("delimiter", "data.delimiter"),
  flag("encoding", "data.encoding"),
  flag("decimal", "data.decimal"),
  flag("thousands", "data.thousands"),
  flag("missing", "data.missing", list(asIs)),
  flag("type", "data.types", (text) => readTypes(fields(text))),
  flag("skip-bad-rows", "data.skipBadRows"),
  flag("query", "data.query"),
  flag("image", "data.image"),
  flag("labels", "data.labels"),
  flag("size", "data.size", sizes),
  flag("text", "data.text", units),
  flag("sequence-id", "data.sequenceId"),
  flag("window", "data.window", numeric),
  flag("horizon", "data.horizon", numeric),
  flag("step", "data.step", numeric),
  flag("season", "data.season", numeric),
  flag("max-length", "data.maxLength", numeric),
  flag("scale", "transforms.default.scale"),
  flag("power", "transforms.default.power"),
  flag("impute", "transforms.default.impute", numeric),
  flag("encode", "transforms.default.encode"),
  flag("split", "split.policy"),
  flag("resolve", "split.resolve", numeric),
  flag("test", "split.test", numeric),
  flag("train-dev", "split.trainDev"),
  flag("split-file", "split.file"),
  flag("split-column", "split.column"),
  flag("group", "split.groupBy"),
  flag("time", "split.timeBy"),
  flag("accept", "audit.accept", list(asIs)),
  flag("strict", "audit.strict"),
  flag("model", "model.kind"),
  flag("from", "model.from"),
  flag("freeze", "model.freeze", list(asIs)),
  flag("head", "model.head", numeric),
  flag("shape", "model.shape", sizes),
  flag("layers", "model.layers", list(numeric)),
  flag("activation", "model.activation"),
  flag("keep-probability", "model.keepProbability", oneOrMore),
  flag("input-noise", "model.inputNoise", numeric),
  flag("augment", "augment", parseAugmentations),
  flag("optimizer", "optimizer.kind"),
  flag("learning-rate", "optimizer.learningRate", numeric),
  flag("schedule", "optimizer.schedule.kind"),
  flag("warmup", "optimizer.schedule.warmup", numeric),
  flag("l2", "regularizer.l2", numeric),
  flag("l1", "regularizer.l1", numeric),
  flag("proximal", "regularizer.proximal"),
  flag("max-norm", "regularizer.maxNorm", numeric),
  flag("clip-norm", "clip.norm", numeric),
  flag("clip-value", "clip.value", numeric),
  flag("label-smoothing", "labelSmoothing", numeric),
  flag("class-weight", "classWeight", classFactors),
  flag("accumulate", "accumulate", numeric),
  flag("ema", "average.decay", numeric),
  flag("stop", "stop.kind"),
  flag("patience", "stop.epochs", numeric),
  flag("on-divergence", "onDivergence"),
  flag("batch-size", "batchSize", numeric),
  flag("epochs", "epochs", numeric),
  flag("folds", "crossValidation.folds", numeric),
  flag("repeats", "crossValidation.repeats", numeric),
  flag("cost-false-positive", "costs.falsePositive", numeric),
  flag("cost-false-negative", "costs.falseNegative", numeric),
  flag("seed", "seed", numeric),
];

/** The flags (`--target`) that set keys of the given sections of an experiment, or such keys themselves. */
export function namesOfFlags(sections: readonly string[]): ReadonlySet<string> {
  return new Set(flags.filter(({ path }) => sections.includes(path[0]!)).map(({ flag: name }) => name));
}

/** @param data the DATA argument */
export function experimentFromFlags(data: string | undefined, options: OptionValues): ExperimentSource {
  const value: Record<string, unknown> = {};
  const given = new Map<string, string>();
  const set = (path: readonly string[], entry: unknown, name: string) => {
    let at = value;
    for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
    at[path[path.length - 1]!] = entry;
    given.set(path.join("."), name);
  };
  if (data !== undefined) set(["data", "path"], data, "DATA");
  for (const { option, flag: name, path, read } of flags) {
    const text = options[option];
    if (typeof text === "string") set(path, read(text), name);
    else if (text === true) set(path, true, name);
  }
  return {
    value,
    place: () => undefined,
    subject(path) {
      const steps = path.filter((step) => typeof step === "string");
      const entry = path.find((step): step is number => typeof step === "number");
      const whole = steps.join(".");
      // A flag of many entries, `--text name=words`: the entry's name follows the flag's.
      const flagged = [...given].find(([path]) => whole.startsWith(`${path}.`));
      const name = given.get(whole) ?? (flagged ? `${flagged[1]}: ${whole.slice(flagged[0].length + 1)}` : whole);
      return entry === undefined ? name : `${name}: entry ${entry + 1}`;
    },
  };
}

/** Reads experiments from YAML or JSON text; every mistake is one message with its line, or the flag it came from. */
import { defaultOptimizer } from "../optim/optimizers/index.ts";
import { isAlias, isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from "yaml";
import type { z } from "zod";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { settingNames } from "../data/augment-example.ts";
import type { AugmentationSpec } from "../data/augmentation.ts";
import { experimentSchema, type Experiment } from "./experiment.ts";

type Path = readonly PropertyKey[];

/** A plain object of an experiment, and where its parts were written. */
export interface ExperimentSource {
  readonly value: Readonly<Record<string, unknown>>;
  /** `churn.yaml, line 3` for the value (or, with `key`, the key) at a path; nothing for a flag. */
  place(path: Path, key?: string): string | undefined;
  /** What a person calls the value at a path: `churn.yaml, line 3: model.layers[1]`, or `--layers`. */
  subject(path: Path): string;
}

/** @throws GradusError where the text is not YAML (or JSON), naming the line */
export function parseExperimentText(source: string, path: string): ExperimentSource {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem) {
    const { line } = lines.linePos(problem.pos[0]);
    throw new GradusError(`${path}, line ${line}: not valid YAML: ${problem.message.split("\n")[0]}`, {
      hint: "an experiment is YAML or JSON; see docs/experiment.md",
    });
  }
  const value = plainValue(document, path, lines);
  if (!isRecord(value)) {
    throw new GradusError(`${path}, line 1: an experiment is a set of keys (data, model, …), found ${show(value)}.`, {
      hint: "e.g. data: { path: churn.csv, target: churn }",
    });
  }
  const place = (at: Path, key?: string) => `${path}, line ${lines.linePos(offsetOf(document, at, key)).line}`;
  return { value, place, subject: (at) => `${place(at)}: ${spell(at)}` };
}

/** YAML's aliases (`*name`) repeat what an anchor names; an experiment needs few. */
const aliasesAtMost = 20;

/** @throws GradusError where an alias has no anchor, or there are too many */
function plainValue(document: Document.Parsed, path: string, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: aliasesAtMost });
  } catch (cause) {
    let [offset, name] = [0, ""];
    visit(document, (_, node) => {
      if (!isAlias(node)) return undefined;
      [offset, name] = [node.range?.[0] ?? 0, node.source];
      return node.resolve(document) ? undefined : visit.BREAK;
    });
    const unknown = /Unresolved alias/.test((cause as Error).message);
    const what = unknown
      ? `"*${name}" repeats an anchor "&${name}", and there is none before it`
      : `aliases such as "*${name}" repeat too much (${aliasesAtMost} at most)`;
    throw new GradusError(`${path}, line ${lines.linePos(offset).line}: not an experiment: ${what}.`, {
      hint: unknown ? `a text that starts with * is written in quotes: "*${name}"` : "write the values themselves",
      cause,
    });
  }
}

/** The offset of the value at a path, or of one of its keys; of the nearest node around it where it is not there. */
function offsetOf(document: Document.Parsed, path: Path, key: string | undefined): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (!isNode(node) || !node.range) continue;
    if (depth === path.length && key !== undefined && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    return node.range[0];
  }
  return 0;
}

/**
 * Lays settings from elsewhere (flags) over an experiment's; sections merge, lists and values are replaced.
 * Another kind of optimizer or schedule leaves the former one's settings behind.
 */
export function overrideExperiment(base: ExperimentSource, over: ExperimentSource): ExperimentSource {
  return {
    value: merge(base.value, over.value),
    place: (path, key) => (has(over.value, path, key) ? over : base).place(path, key),
    subject: (path) => (has(over.value, path) ? over : base).subject(path),
  };
}

/** Sections whose other keys belong to a kind, and the kind where none is said. */
const usualKinds: Readonly<Record<string, string>> = { optimizer: defaultOptimizer, schedule: "cosine", average: "ema" };

function merge(base: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    const usual = usualKinds[key];
    const otherKind =
      usual !== undefined &&
      isRecord(before) &&
      isRecord(value) &&
      value["kind"] !== undefined &&
      value["kind"] !== (before["kind"] ?? usual);
    result[key] = isRecord(before) && isRecord(value) && !otherKind ? merge(before, value) : value;
  }
  return result;
}

function has(value: unknown, path: Path, key?: string): boolean {
  let at = value;
  for (const step of key === undefined ? path : [...path, key]) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return path.length > 0 || key !== undefined;
}

/** @throws GradusError with the first mistake: its place, what was expected, what was found */
export function checkExperiment(source: ExperimentSource): Experiment {
  const checked = experimentSchema.safeParse(source.value);
  if (checked.success) return checked.data;
  const { issues } = checked.error;
  // A key that is not known may well be the one that is missing, misspelt.
  throw describeIssue(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!, source);
}

function describeIssue(issue: z.core.$ZodIssue, source: ExperimentSource): GradusError {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const known = (issue as { params?: { known?: string[] } }).params?.known ?? knownKeys(path, valueAt(source.value, path));
    const where = path.length > 0 ? ` in ${spell(path)}` : "";
    return new GradusError(`${prefix(source.place(path, key))}unknown key "${key}"${where}.`, { hint: didYouMean(key, known, "keys") });
  }
  const found = valueAt(source.value, path);
  if (found === undefined) {
    const [what, hint] = missing[spell(path)] ?? [`${spell(path)} is missing; expected ${issue.message}`, undefined];
    return new GradusError(`${prefix(source.place(path.slice(0, -1)))}${what}.`, hint ? { hint } : {});
  }
  const choices = /^one of (.*)$/.exec(issue.message)?.[1]?.split(", ");
  const hint = choices && typeof found === "string" ? didYouMean(found, choices, "choices") : undefined;
  return new GradusError(`${source.subject(path)} must be ${issue.message}, found ${show(found)}.`, hint ? { hint } : {});
}

const missing: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  data: ["no data file was given", "gradus train DATA --target COLUMN, or data: { path: …, target: … } in the experiment file"],
  "data.path": ["no data file was given", "gradus train DATA --target COLUMN, or data: { path: … } in the experiment file"],
  "data.target": ["no target was given", "what is to be predicted? --target COLUMN, or data: { target: … } in the experiment file"],
};

const prefix = (place: string | undefined) => (place ? `${place}: ` : "");

function knownKeys(path: Path, found: unknown): string[] {
  const top = experimentSchema.shape;
  if (path.length === 0) return Object.keys(top);
  if (path[0] === "augment") return settingNames((found as AugmentationSpec).kind);
  const inner = top[path[0] as keyof typeof top] as { shape?: object; unwrap?: () => { shape: object } };
  return Object.keys(inner.shape ?? inner.unwrap?.().shape ?? {});
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined),
    value,
  );
}

/** `model.layers[1]`. */
function spell(path: Path): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i > 0 ? "." : ""}${String(step)}`)).join("");
}

function show(value: unknown): string {
  const shown = typeof value === "bigint" || typeof value === "number" ? String(value) : JSON.stringify(value);
  return shown === undefined ? "nothing" : shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

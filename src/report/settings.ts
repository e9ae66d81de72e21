/** The choices and figures of a run, as lines of name and value. */
import { counted, duration, formatInterval, grouped, short, unitOf, type Unit } from "../util/format.ts";
import type { Interval } from "../util/statistics.ts";
import type { RunReport } from "./facts.ts";

type Setting = readonly [name: string, value: string];

export function settingsOf(report: RunReport): Setting[] {
  const { experiment, closing, gradus, finished, versions, data } = report;
  const { optimizer, model } = experiment;
  const { schedule, kind, ...settings } = optimizer;
  return [
    ["data", data.path],
    ["target", `${data.target} (${closing.task})`],
    ["split", data.policy],
    ["model", modelText(model)],
    ["parameters", grouped(closing.parameters)],
    ["loss", experiment.loss ?? ""],
    ["optimizer", `${kind}, ${listed(settings)}`],
    ["schedule", typeof schedule === "object" ? listed(schedule) : String(schedule)],
    ...given("regularizer", experiment.regularizer),
    ...given("clip", experiment.clip),
    ...given("average", experiment.average),
    ...given("label smoothing", experiment.labelSmoothing),
    ...given("class weights", experiment.classWeight),
    ...given("augment", experiment.augment?.length ? experiment.augment.map(({ kind: name }) => name) : undefined),
    ...given("stop", experiment.stop),
    ["batches", `of ${grouped(experiment.batchSize ?? 0)}${experiment.accumulate ? `, ${experiment.accumulate} to an update` : ""}`],
    ...outcomesOf(report),
    ["epochs", `${closing.epochs.run} of at most ${experiment.epochs}, ${counted(closing.steps, "step")}`],
    ["seed", String(experiment.seed)],
    ["time", `${duration(closing.seconds)} in all, ${duration(closing.fitSeconds)} of it training`],
    ["finished", `${finished.slice(0, 16).replace("T", " ")} UTC`],
    ["gradus", gradus],
    ...Object.entries(versions),
  ];
}

/** What a training measured besides, where it did. */
function outcomesOf({ closing: { decision, mismatch, crossValidation, retries } }: RunReport): Setting[] {
  const told = (interval: Interval, unit: Unit) => {
    const { value, range } = formatInterval(interval, unit);
    return `${value} (95 %: ${range})`;
  };
  const first = crossValidation && Object.entries(crossValidation.metrics)[0];
  return [
    ...(decision ? [["threshold", `${told(decision.threshold, "number")}, of least cost on the validation part`] as const] : []),
    ...(mismatch ? [["validation less train-dev", `${mismatch.metric} ${told(mismatch, unitOf(mismatch.metric))}`] as const] : []),
    ...(first
      ? [["folds", `${crossValidation.folds} × ${crossValidation.repeats}: ${first[0]} ${told(first[1], unitOf(first[0]))}`] as const]
      : []),
    ...(retries?.length ? [["retries", `${retries.length}, after divergences, each at half the learning rate`] as const] : []),
  ];
}

const given = (name: string, value: unknown): Setting[] => (value === undefined ? [] : [[name, textOf(value)]]);

function textOf(value: unknown): string {
  if (typeof value === "number") return short(value);
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object" && value !== null) return listed(value);
  return String(value);
}

/** `kind cosine, warmup 0.05` */
function listed(settings: object): string {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const inner = typeof value === "object" && value !== null && !Array.isArray(value);
      return name === "kind" ? textOf(value) : `${name} ${inner ? `(${textOf(value)})` : textOf(value)}`;
    })
    .join(", ");
}

function modelText(model: RunReport["experiment"]["model"]): string {
  if ("from" in model) return `from ${model.from}`;
  const keep = [model.keepProbability].flat();
  const dropout = keep.some((p) => p < 1) ? ` · keep ${keep.map(short).join(", ")}` : "";
  return `${model.kind} · ${model.layers.length === 0 ? "no hidden layers" : model.layers.join(" → ")} · ${model.activation}${dropout}`;
}

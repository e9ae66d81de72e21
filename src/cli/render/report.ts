/** The lines of a training report: what was read and done for the user, then the closing table. Texts of files and arguments stand escaped. */
import { formatAugmentations } from "../../data/augment-text.ts";
import type { Baseline, ExperimentEvent, Metrics } from "../../train/experiment-events.ts";
import { printable, printableValue } from "../../util/printable.ts";
import { counted, duration, formatInterval, grouped, short, unitOf } from "./format.ts";
import { findingLines } from "./findings.ts";
import { columns, line } from "./lines.ts";
import type { Paint } from "./paint.ts";

type EventOf<T extends ExperimentEvent["type"]> = Extract<ExperimentEvent, { type: T }>;

const fileName = (path: string) => path.split(/[\\/]/).pop()!;

const transformNames: Readonly<Record<string, string>> = { standardise: "standardise", dateParts: "date parts", oneHot: "one-hot" };
const activationNames: Readonly<Record<string, string>> = { relu: "ReLU", leakyRelu: "leaky ReLU", elu: "ELU", gelu: "GELU" };
const initializerNames: Readonly<Record<string, string>> = { he: "He", lecun: "LeCun", glorot: "Glorot" };
const optimizerNames: Readonly<Record<string, string>> = {
  sgd: "SGD",
  rmsprop: "RMSProp",
  adam: "Adam",
  adamw: "AdamW",
  nesterov: "Nesterov",
};

/** Notes under a line, in the text column. */
function withNotes(label: string, text: string, notes: readonly string[], width: number, p: Paint): string[] {
  return [line(label, text, width), ...notes.map((note) => line("", p.dim(note), width))];
}

export function dataLines(given: EventOf<"data">, width: number, p: Paint): string[] {
  const event = printableValue(given);
  return [
    ...withNotes(p.bold(fileName(event.path)), event.description, event.notes, width, p),
    line("task", `${event.task}: ${event.reason}`, width),
  ];
}

export function splitLines(given: EventOf<"split">, width: number, p: Paint): string[] {
  const event = printableValue(given);
  const sizes = `${[event.train, event.validation, ...(event.test > 0 ? [event.test] : [])].map(grouped).join(" / ")}${
    event.trainDev === undefined ? "" : ` + ${grouped(event.trainDev)} train-dev`
  }`;
  const detects = event.detects === undefined ? "" : `, two networks ${event.detects.toFixed(1)} apart`;
  const resolves =
    event.resolves === undefined
      ? ""
      : `   ${p.dim(`(validation tells 10 % of errors to ± ${event.resolves.toFixed(1)} points${detects})`)}`;
  return withNotes("split", `${event.policy} → ${sizes}${event.test > 0 ? "" : ", no test set"}${resolves}`, event.notes, width, p);
}

export function transformLines(given: EventOf<"transforms">, width: number, p: Paint): string[] {
  const event = printableValue(given);
  const kinds = Object.entries(event.columns).map(([kind, n]) => `${transformNames[kind] ?? kind} ${n}`);
  const target = event.log ? " · logarithm of the target" : "";
  const text = `${kinds.join(", ")} → ${counted(event.inputs, "input")}${target} · fitted on the training part, saved with the model`;
  return withNotes("transforms", text, event.notes, width, p);
}

export function modelLines(given: EventOf<"model">, width: number): string[] {
  const event = printableValue(given);
  const activation = event.activation ? [activationNames[event.activation] ?? event.activation] : [];
  const named = event.architecture && !["mlp", "logistic"].includes(event.architecture);
  const simple = event.units.length === 2 && !named;
  const kind = simple ? [event.error.name === "error" ? "logistic regression" : "linear regression"] : activation;
  const drawn = event.initializers.filter((name) => name !== "imported");
  const draws = drawn.map((name) => initializerNames[name.replace(/(Normal|Uniform)$/, "")] ?? name);
  const initialisation = [
    ...(drawn.length < event.initializers.length ? ["weights of the file"] : []),
    ...(draws.length > 0 ? [`${[...new Set(draws)].join(" and ")} initialisation`] : []),
  ].join(", ");
  const shape = event.shape ? ` on ${event.shape.join("×")}` : "";
  const units = event.units
    .slice(named ? 1 : 0)
    .map(grouped)
    .join(" → ");
  const network = [
    ...(named ? [`${event.architecture}${shape}`] : []),
    ...(units === "" ? [] : [units]),
    ...kind,
    initialisation,
    `${counted(event.parameters, "parameter")}${event.frozen ? ` trained, ${grouped(event.frozen)} frozen` : ""}`,
  ];
  const training = [
    `${optimizerNames[event.optimizer] ?? event.optimizer}, learning rate ${short(event.learningRate)}${event.schedule === "constant" ? "" : `, ${event.schedule}`}`,
    `batches of ${grouped(event.batchSize)}`,
    `${counted(event.epochs, "epoch")} at most`,
    `seed ${event.seed}`,
  ];
  return [line("model", network.join(" · "), width), line("training", training.join(" · "), width)];
}

/** λ as it is here and elsewhere. */
export function regularizerLines({ examples, l2, l1, proximal, biases, maxNorm, layers }: EventOf<"regularizer">, width: number): string[] {
  const of = biases ? "weights and biases" : "weights";
  const penalties = [
    ...(l2
      ? [
          `L2 of ${of}, λ = ${short(l2.lambda)}: λ/m = ${short(l2.gradient)} (m = ${grouped(examples)}) · PyTorch: weight_decay ${short(l2.pytorch)} · Keras: l2(${short(l2.keras)})`,
        ]
      : []),
    ...(l1
      ? [
          `L1 of ${of}${proximal ? ", by soft threshold" : ""}, λ = ${short(l1.lambda)}: λ/2m = ${short(l1.gradient)} · PyTorch: ${short(l1.pytorch)} · Σ|w| added to the loss · Keras: l1(${short(l1.keras)})`,
        ]
      : []),
    ...(maxNorm === undefined ? [] : [`each unit's incoming weights no longer than ${short(maxNorm)}`]),
    ...(layers ? [`terms of their own: ${layers.map(printable).join(", ")}`] : []),
  ];
  return penalties.map((text, i) => line(i === 0 ? "regularised" : "", text, width));
}

export function augmentationLines({ steps, findings }: EventOf<"augmentation">, width: number, p: Paint): string[] {
  const text = `${formatAugmentations(steps).replaceAll(",", " · ")} · training batches only, the same for one seed, epoch and example`;
  return [line("augment", text, width), ...findingLines(findings, width, p)];
}

/** How the training ended. */
export function endLine(
  ending: {
    readonly reason: string;
    readonly epochs: { readonly run: number; readonly best: number };
    readonly fitSeconds: number;
    readonly finding?: { readonly step: number; readonly tensor: string };
    readonly stop?: { readonly epoch: number; readonly why: string };
    readonly run?: string;
  },
  width: number,
  p: Paint,
): string {
  const kept = `weights of epoch ${ending.epochs.best} kept (lowest validation loss)`;
  const done = `${counted(ending.epochs.run, "epoch")} in ${duration(ending.fitSeconds)}`;
  if (ending.reason === "diverged") {
    return line(
      p.red("diverged"),
      `step ${grouped(ending.finding!.step)}: ${ending.finding!.tensor} is not finite; weights of epoch ${ending.epochs.best} kept`,
      width,
    );
  }
  if (ending.reason === "stopped" && ending.stop)
    return line("stopped", `epoch ${ending.stop.epoch}: ${ending.stop.why}; weights of epoch ${ending.epochs.best} kept`, width);
  const goOn = ending.reason === "interrupted" && ending.run !== undefined ? `; to go on: gradus resume ${ending.run}` : "";
  return line(ending.reason === "interrupted" ? p.yellow("interrupted") : "finished", `${done}; ${kept}${goOn}`, width);
}

export interface ClosingTable {
  readonly task: string;
  /** By part; a part without metrics is locked. */
  readonly parts: readonly { readonly name: string; readonly metrics?: Metrics; readonly locked?: string }[];
  readonly baseline?: Baseline;
}

/** Shown in the table; the loss and the many others stay in the files. */
const shown = (metrics: Metrics) => ["error", "r2", "rmse", "r2_log", "rmse_log"].filter((name) => name in metrics);

/** Parts under each other: the metric, its 95 % interval, n. Two metrics stand side by side. */
export function closingTable(given: ClosingTable, p: Paint): string[] {
  const table = printableValue(given);
  const names = [...new Set(table.parts.flatMap(({ metrics }) => (metrics ? shown(metrics) : [])))];
  const measured = table.parts.find(({ metrics }) => metrics)?.metrics;
  if (!measured) return [];
  const cells = (metrics: Metrics, withRange: boolean) =>
    names.flatMap((name) => {
      const interval = metrics[name];
      if (!interval) return ["", ""];
      const { value, range } = formatInterval(interval, unitOf(name));
      return [value, withRange ? range : ""];
    });
  const head = ["", ...names.flatMap((name) => [metricName(name), "95 % interval"]), "n"].map((cell) => p.dim(cell));
  const rows = table.parts.map(({ name, metrics, locked }) =>
    metrics ? [name, ...cells(metrics, true), grouped(Object.values(metrics)[0]!.n)] : [name, p.dim("locked"), p.dim(locked ?? "")],
  );
  const compared = table.baseline ? [[table.baseline.name, ...cells(table.baseline.metrics, false)]] : [];
  return columns([head, ...rows, ...compared]);
}

function metricName(name: string): string {
  return { r2: "R²", r2_log: "R² of log", rmse_log: "rmse of log" }[name] ?? name;
}

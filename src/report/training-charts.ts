/** Charts over the training: J, error and learning rate of the epochs; signals, gradients, updates and units of each layer. */
import type { EpochFigures } from "../train/events.ts";
import { short } from "../util/format.ts";
import { hue, orderedColors, type Chart } from "./chart.ts";
import type { RunReport } from "./facts.ts";
import { lineChart, type Series } from "./line-chart.ts";

type Facts = Pick<RunReport, "history" | "health" | "closing" | "errorScale" | "experiment">;
type Points = (readonly [number, number])[];

const wide = 30;
const isWide = (values: readonly number[]) => {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  return known.length > 1 && Math.max(...known) / Math.min(...known) > wide;
};

/** A curve of the epochs. */
const curve = (history: readonly EpochFigures[], of: (figures: EpochFigures) => number | null | undefined): Points =>
  history.map((figures) => [figures.epoch, of(figures) ?? NaN] as const);

/** Where the weights are from, and where it stopped before its last epoch. */
function marksOf({ closing, experiment }: Facts): { at: number; label: string }[] {
  const { best, run } = closing.epochs;
  const early = closing.reason !== "finished" || run < experiment.epochs;
  return [
    { at: best, label: `weights of epoch ${best} kept` },
    ...(early && run > best ? [{ at: run, label: `${closing.reason === "finished" ? "ended" : closing.reason}: epoch ${run}` }] : []),
  ];
}

/** J of both sets, with the batches as they were trained. */
export function lossChart(facts: Facts): Chart {
  const { history, health } = facts;
  const stepsPerEpoch = health?.facts.stepsPerEpoch ?? 1;
  const batches: Points = (health?.steps ?? []).map(({ step, loss }) => [step / stepsPerEpoch, loss] as const);
  const penalised = history.some(({ penalty }) => (penalty ?? 0) > 0);
  const series: Series[] = [
    ...(batches.length > 0 ? [{ label: "batches, training mode", color: hue(5), dots: true, points: batches }] : []),
    ...(penalised
      ? [
          {
            label: "train with penalty",
            color: hue(0),
            dashed: true,
            points: curve(history, ({ train, penalty = 0 }) => train.loss + penalty),
          },
        ]
      : []),
    { label: "train", color: hue(0), points: curve(history, ({ train }) => train.loss) },
    ...(history.some(({ validation }) => validation)
      ? [{ label: "validation", color: hue(1), points: curve(history, ({ validation }) => validation?.loss) }]
      : []),
  ];
  const log = isWide(series.flatMap(({ points }) => points.map(([, y]) => y)));
  const about = `Mean loss in evaluation mode (nothing dropped, no noise, running statistics), without the penalty${penalised ? "; dashed: J, with it" : ""}.${
    batches.length > 0 ? " Dots: single batches in training mode, as the steps saw them." : ""
  }`;
  return lineChart({ title: "J", about, x: { label: "epoch", whole: true }, y: { label: "loss", log }, series, marks: marksOf(facts) });
}

/** Errors of both sets: shares, or root mean squares in the target's unit. */
export function errorChart(facts: Facts): Chart {
  const { history, closing, errorScale } = facts;
  const share = closing.task === "classification";
  const series: Series[] = [
    { label: "train", color: hue(0), points: curve(history, ({ train }) => errorScale * train.error) },
    ...(history.some(({ validation }) => validation)
      ? [{ label: "validation", color: hue(1), points: curve(history, ({ validation }) => validation && errorScale * validation.error) }]
      : []),
  ];
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  const baseline = share ? closing.baseline.metrics["error"]?.value : undefined;
  return lineChart({
    title: share ? "Error" : "RMSE",
    about: share
      ? "Share of wrong answers in evaluation mode; the training part's on a fixed sample."
      : "Root mean squared error in evaluation mode; the training part's on a fixed sample.",
    x: { label: "epoch", whole: true },
    y: { label: share ? "error" : errorScale === 1 ? "rmse (network's unit)" : "rmse", share, zero: share, log: !share && isWide(values) },
    series,
    marks: marksOf(facts),
    levels: baseline === undefined ? [] : [{ at: baseline, label: closing.baseline.name }],
  });
}

/** What the schedule made of the learning rate, at the steps that the monitors looked at; nothing where they were off. */
export function rateChart({ health }: Facts): Chart[] {
  if (!health || health.steps.length < 2) return [];
  const { stepsPerEpoch } = health.facts;
  const points: Points = health.steps.map(({ step, learningRate }) => [step / stepsPerEpoch, learningRate] as const);
  const series = [{ label: "learning rate", color: hue(2), points }];
  return [
    lineChart({
      title: "Learning rate",
      about: "As the schedule, and falls after a divergence, made it.",
      x: { label: "epoch", whole: true },
      y: { label: "", zero: true },
      series,
    }),
  ];
}

/** Layers that hand on what they are given. */
const passing = /(^|\/)(reshape|flatten|permute|dropout|noise)_\d+$/;

/** Charts of what the monitors saw of the layers; none where they were off. */
export function layerCharts({ health }: Facts): Chart[] {
  if (!health || health.steps.length === 0) return [];
  const { steps } = health;
  const weights = steps[0]!.tensors.filter(({ role }) => role === "weight").map(({ name }) => name);
  const layers = steps[0]!.signals.map(({ name }) => name).filter((name) => !passing.test(name));
  const of = (names: readonly string[], value: (look: (typeof steps)[number], name: string) => number | null | undefined): Series[] => {
    const colors = orderedColors(names.length);
    return names.map((label, i) => ({
      label,
      color: colors[i]!,
      points: steps.map((look) => [look.step, value(look, label) ?? NaN] as const),
    }));
  };
  const tensor = (look: (typeof steps)[number], name: string) => look.tensors.find((one) => one.name === name);
  const step = { label: "step", log: true };
  const units = unitSeries(health);
  return [
    lineChart({
      title: "Signal by layer",
      about: "Root mean square of what each layer makes, on the batch of a step.",
      x: step,
      y: { label: "rms", log: true },
      series: of(layers, (look, name) => look.signals.find((one) => one.name === name)?.rms),
    }),
    lineChart({
      title: "Gradient by layer",
      about: "Length of the loss's gradient by each tensor of weights.",
      x: step,
      y: { label: "‖∇‖", log: true },
      series: of(weights, (look, name) => tensor(look, name)?.gradient),
    }),
    lineChart({
      title: "Update by layer",
      about: "How far a step moves the weights, as a share of their length: about a thousandth is usual.",
      x: step,
      y: { label: "‖Δw‖ / ‖w‖", log: true },
      series: of(weights, (look, name) => {
        const seen = tensor(look, name);
        return seen && seen.weight > 0 ? seen.update / seen.weight : undefined;
      }),
      levels: [{ at: 1e-3, label: short(1e-3), left: true }],
    }),
    ...(units.length > 0
      ? [
          lineChart({
            title: "Units that do not answer",
            about: `ReLU units that are 0, tanh and sigmoid units that are saturated on most of ${health.units[0]!.examples} training rows.`,
            x: { label: "epoch", whole: true },
            y: { label: "share", share: true, zero: true },
            series: units,
          }),
        ]
      : []),
  ];
}

function unitSeries(health: NonNullable<RunReport["health"]>): Series[] {
  const layers = health.units[0]?.layers ?? [];
  const colors = orderedColors(layers.length);
  return layers.map(({ name, activation }, i) => ({
    label: `${name}: ${activation === "relu" ? "dead" : "saturated"}`,
    color: colors[i]!,
    points: health.units.map(({ epoch, layers: seen }) => {
      const layer = seen[i];
      return [epoch, layer ? (activation === "relu" ? layer.dead : layer.saturated) / layer.units : NaN] as const;
    }),
  }));
}

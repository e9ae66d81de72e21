/** The charts of a run, in the order in which they are read. */
import { boundaryChart } from "./boundary-chart.ts";
import { hue, type Chart } from "./chart.ts";
import { confusionChart, histogram, mostClassesDrawn, reliabilityChart, residualChart, truthChart, type Bins } from "./charts.ts";
import type { RunReport } from "./facts.ts";
import type { ReliabilityBin } from "../metrics/metrics/calibration.ts";
import { errorChart, layerCharts, lossChart, rateChart } from "./training-charts.ts";
import { short } from "../util/format.ts";

export interface RunCharts {
  readonly training: readonly Chart[];
  readonly answers: readonly Chart[];
  readonly boundary: readonly Chart[];
  readonly layers: readonly Chart[];
  readonly weights: readonly Chart[];
}

const mostWeights = 24;

export function runCharts(report: RunReport): RunCharts {
  return {
    training: [lossChart(report), errorChart(report), ...rateChart(report)],
    answers: report.classes ? classCharts(report, report.classes) : amountCharts(report),
    boundary: report.boundary ? report.boundary.panels.map((panel) => boundaryChart(report.boundary!, panel)) : [],
    layers: layerCharts(report),
    weights: report.weights.slice(0, mostWeights).map(({ name, bins, norm, count }) =>
      histogram(bins, {
        title: name,
        about: `${short(count)} weights, length ${short(norm)}`,
        label: "",
        color: hue(0),
      }),
    ),
  };
}

function classCharts({ validation: { confusion, reliability } }: RunReport, classes: readonly string[]): Chart[] {
  const of = classes.length === 2 ? `"${classes[1]}"` : "the answer";
  return [
    ...(confusion && classes.length <= mostClassesDrawn ? [confusionChart(classes, confusion)] : []),
    ...(reliability ? [reliabilityChart(reliability, of), surenessChart(reliability, of)] : []),
  ];
}

function surenessChart(reliability: readonly ReliabilityBin[], of: string): Chart {
  const bins = { edges: [0, ...reliability.map(({ to }) => to)], counts: reliability.map(({ n }) => n) };
  const about = "How many validation rows got which probability.";
  return histogram(bins, { title: "How sure it is", about, label: `probability of ${of}`, share: true, square: true, color: hue(1) });
}

function amountCharts({ amounts = [], data: { target } }: RunReport): Chart[] {
  if (amounts.length === 0) return [];
  const name = target.length > 30 ? `${target.slice(0, 29)}…` : target;
  const bins = residualBins(amounts);
  const about = "true − predicted on validation rows; the outermost bins hold what lies beyond.";
  return [
    truthChart(amounts, name),
    residualChart(amounts, name),
    ...(bins ? [histogram(bins, { title: "Sizes of residuals", about, label: "true − predicted", square: true, color: hue(1) })] : []),
  ];
}

/** Between the half and the 99.5th hundredth, the ends taking the rest. */
function residualBins(amounts: readonly (readonly [number, number])[]): Bins | undefined {
  const residuals = amounts.map(([truth, predicted]) => truth - predicted).toSorted((a, b) => a - b);
  const quantile = (p: number) => residuals[Math.min(residuals.length - 1, Math.floor(p * residuals.length))]!;
  const [low, high] = [quantile(0.005), quantile(0.995)];
  if (!(high > low)) return undefined;
  const n = 31;
  const counts = new Array<number>(n).fill(0);
  for (const residual of residuals) counts[Math.min(n - 1, Math.max(0, Math.floor(((residual - low) / (high - low)) * n)))]! += 1;
  return { edges: Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n), counts };
}

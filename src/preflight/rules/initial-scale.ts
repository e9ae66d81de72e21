import { initializerOf } from "../../nn/initializers/index.ts";
import type { Layer } from "../../nn/layer.ts";
import type { Slot } from "../../nn/parameters.ts";
import { sequential, type Network } from "../../nn/network.ts";
import { layoutOf } from "../../train/step-graph.ts";
import { short } from "../../util/format.ts";
import { chiSquareTwoSided } from "../../util/special.ts";
import { standardNormalCdf } from "../../util/normal.ts";
import { layersOf } from "../chain.ts";
import { defineRule, type Observation, type PreflightContext } from "../rule.ts";

/** Each weight's spread against what its initialiser, or the activation's where that is one's own, is meant to draw. */
export const initialScale = defineRule({
  name: "initial-scale",
  title: "initialisation",
  what:
    "The variance of each weight tensor against its initialiser's formula (of the activation that follows, where the initialiser is your own or " +
    "the weights are given): He 2/n[l−1], Glorot 2/(n[l−1] + n[l]), LeCun 1/n[l−1]. (N − 1)s²/σ² is held against χ² for normal draws, for uniform " +
    "ones s² against σ² ± σ²·√(0.8/N). Units that all start alike stay alike: a failure, except in the output layer.",
  source:
    "He et al. 2015, Glorot & Bengio 2010, LeCun et al. 1998; effect limits after NeuroScope; test derived (kurtosis 1.8 of the uniform)",
  when: "start",
  limits: {
    significance: { value: 1e-3, means: "two-sided p below which a spread is not the initialiser's" },
    ratioFrom: { value: 0.7, means: "s/σ below which it warns, if significant too" },
    ratioTo: { value: 1.4, means: "s/σ above which it warns, if significant too" },
    factor: { value: 10, means: "s/σ beyond this, either way, fails" },
    least: { value: 64, means: "tensors with fewer numbers are not tested" },
  },
  check(context, limits) {
    const { layout, problem } = context;
    const layers = layersOf(problem);
    const output = layers.at(-1)!.name;
    const imported = layers.filter(({ layer }) => layer.kind === "imported").map(({ name }) => name);
    const usual = usualSlots(context);
    const observations: Observation[] = [];
    let tested = 0;
    for (const slot of layout.slots) {
      const { name: subject, offset, size } = slot;
      if (!context.theta.subarray(offset, offset + size).every(Number.isFinite)) {
        const message = `${subject} holds numbers that are not finite`;
        observations.push({ severity: "fail", subject, message, hint: "no training mends them: look at where they come from" });
        continue;
      }
      // A trained model's numbers were drawn by nobody.
      if (imported.some((name) => subject.startsWith(`${name}/`))) continue;
      if (slot.role !== "weight" || slot.frozen || slot.shape.length < 2) continue;
      const weights = context.theta.subarray(slot.offset, slot.offset + slot.size);
      const alike = unitsAlike(slot, weights);
      if (alike) {
        const last = slot.name.startsWith(`${output}/`);
        const what = weights.every((w) => w === 0) ? "all zero" : "the same for every unit";
        observations.push(
          last
            ? {
                severity: "note",
                subject: slot.name,
                message: `${slot.name} starts ${what}: the layers before it learn nothing in the first step`,
                numbers: { variance: 0 },
              }
            : {
                severity: "fail",
                subject: slot.name,
                message: `${slot.name} starts ${what}: all its units learn the same`,
                hint: "draw it at random: heNormal for ReLU, lecunNormal for tanh",
                numbers: { variance: 0 },
              },
        );
        continue;
      }
      const found = weights.length >= limits.least ? scaleOf(slot, usual.get(slot.name) ?? slot, weights) : undefined;
      if (!found) continue;
      tested += 1;
      const { ratio, p, formula } = found;
      const off = p < limits.significance && (ratio < limits.ratioFrom || ratio > limits.ratioTo);
      if (!off) continue;
      const severity = ratio > limits.factor || ratio < 1 / limits.factor ? "fail" : "warn";
      const message = `${slot.name} starts ${short(ratio)} times as wide as ${formula} draws it (standard deviation ${short(found.deviation)}, not ${short(found.expected)})`;
      const { formula: _, ...numbers } = found;
      observations.push({
        severity,
        subject: slot.name,
        message,
        hint: "the signal grows or shrinks by that factor in this layer",
        numbers,
      });
    }
    if (observations.length > 0) return observations;
    return [
      {
        severity: "pass",
        message: [
          tested === 0 ? "no weight is large enough to test" : `${tested} of ${tested} weights spread as their initialisers say`,
          ...imported.map((name) => `not looked at: ${name}, whose weights are the file's`),
        ].join("; "),
        numbers: { tested },
      },
    ];
  },
});

function scaleOf(slot: Slot, usual: Slot, weights: Float32Array) {
  const own = initializerOf(slot.initializer);
  // A name of ours without a variance, `orthogonal`, says all there is to say.
  if (!own.variance && typeof slot.initializer === "string") return undefined;
  const { variance, distribution, formula } = own.variance ? own : initializerOf(usual.initializer);
  if (!variance) return undefined;
  const n = weights.length;
  const mean = weights.reduce((a, b) => a + b, 0) / n;
  const s2 = weights.reduce((sum, w) => sum + (w - mean) ** 2, 0) / (n - 1);
  const sigma2 = variance(slot);
  const ratio = Math.sqrt(s2 / sigma2);
  const p =
    distribution === "uniform"
      ? 2 * standardNormalCdf(-Math.abs(s2 / sigma2 - 1) / Math.sqrt(0.8 / n))
      : chiSquareTwoSided(((n - 1) * s2) / sigma2, n - 1);
  return { ratio, p, deviation: Math.sqrt(s2), expected: Math.sqrt(sigma2), formula: formula ?? "its initialiser" };
}

/** Whether every unit of a matrix with several has the same weights. Units are rows where the slot says how many rows, else columns. */
function unitsAlike({ rows, fanIn, shape }: Slot, weights: Float32Array): boolean {
  if (weights.every((w) => w === 0)) return true;
  const units = rows ?? shape.at(-1)!;
  const each = weights.length / units;
  if (units < 2 || fanIn < 1) return false;
  return weights.every((w, i) => w === (rows === undefined ? weights[i - (i % units)] : weights[i % each]));
}

/** The slots as they would be with the initialisers that the activations ask for. */
function usualSlots({ problem }: PreflightContext): ReadonlyMap<string, Slot> {
  const strip = (layers: readonly Layer[]): Layer[] =>
    layers.map((layer) => {
      const {
        initializer: _,
        layers: inner,
        ...rest
      } = layer as Layer & { readonly initializer?: unknown; readonly layers?: readonly Layer[] };
      return inner ? { ...rest, layers: strip(inner) } : rest;
    });
  const network = sequential(strip(problem.network.layers) as unknown as Network["layers"]);
  return new Map(layoutOf({ ...problem, network }).slots.map((slot) => [slot.name, slot]));
}

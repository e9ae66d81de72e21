/**
 * Where a training's time went: what a clock saw from outside, and inside the network's calls the times of single nodes, from some steps
 * that are run apart with the runtime's own profiler. The training's weights know nothing of those.
 */
import type { KernelTime, ProfiledGraph } from "../exec/session.ts";
import { initializeParameters } from "../nn/parameters.ts";
import { rng } from "../util/rng.ts";
import { quantileSorted } from "../util/statistics.ts";
import { batchesOf } from "./augment.ts";
import { phases as clocked, startClock, type Recording, type Span } from "./clock.ts";
import { rowsOf } from "./dataset.ts";
import type { FitOptions } from "./fit.ts";
import { placeNodes, type NodePhase } from "./kernel-phases.ts";
import type { FitData } from "./loop.ts";
import { layoutOf, type Problem } from "./step-graph.ts";
import { createStepper } from "./stepper.ts";

/** What a training's time is shared out to; `overhead` is what is left: calls into the runtime, the loop's JavaScript, whoever reads its events. */
export const profilePhases = [
  "data",
  "forward",
  "backward",
  "optimizer",
  "monitors",
  "evaluation",
  "checkpoints",
  "preparation",
  "overhead",
] as const;
export type ProfilePhase = (typeof profilePhases)[number];

export interface PhaseTime {
  readonly name: ProfilePhase;
  readonly seconds: number;
  /** Of all of the loop's time. */
  readonly share: number;
  /** Milliseconds, in the mean. */
  readonly perStep: number;
  /** Milliseconds, in the mean. */
  readonly perEpoch: number;
}

/** All nodes of one operator in one part of a step. */
export interface OperatorTime {
  readonly operator: string;
  readonly phase: NodePhase;
  /** Runs in a step. */
  readonly calls: number;
  /** Milliseconds in a step. */
  readonly milliseconds: number;
  /** Of the network's calls. */
  readonly share: number;
}

/** A layer with weights and what follows it up to the next one, in milliseconds a step. */
export interface LayerTime {
  readonly layer: string;
  readonly forward: number;
  readonly backward: number;
}

export interface TrainingProfile {
  /** From the first graph's compilation to the loop's end, in this process. */
  readonly seconds: number;
  readonly steps: number;
  readonly epochs: number;
  readonly phases: readonly PhaseTime[];
  /** The most expensive first; nothing where the executor cannot tell. */
  readonly operators: readonly OperatorTime[];
  /** In forward order. */
  readonly layers: readonly LayerTime[];
  /** How the network's calls were looked into: steps that were run apart, and by what their nodes' times were multiplied to fill the calls of the training, less the way to the runtime and back. */
  readonly apart?: { readonly steps: number; readonly scale: number };
}

/** The format of Chrome's trace viewer and Perfetto; times in microseconds. */
export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly Readonly<Record<string, unknown>>[];
}

export interface ProfiledTraining {
  readonly profile: TrainingProfile;
  readonly trace: ChromeTrace;
}

/** Node times of the steps that were run apart. */
interface Apart {
  readonly steps: number;
  readonly slots: readonly string[];
  readonly graphs: readonly ProfiledGraph[];
  /** The share of a node's runs that came first, when all was cold. */
  readonly cold: number;
  /** Milliseconds a step that its calls take besides what the runtime does: the way there and back. */
  readonly binding: number;
}

const msOfPass = 400;
const mostCalls = 20;
const mostKernelEvents = 2000;

/**
 * @param clock that the training was given; it is stopped
 * @param epochs that were begun
 * @example
 * const clock = startClock();
 * const result = await fit(problem, data, { ...options, clock });
 * const { profile } = await profileTraining(clock, problem, data, { ...options, epochs: result.history.length - 1 });
 */
export async function profileTraining(clock: Recording, problem: Problem, data: FitData, options: FitOptions): Promise<ProfiledTraining> {
  clock.stop();
  const apart = clock.steps > 0 ? await stepsApart(problem, data, options) : undefined;
  const profile = summarizeProfile(clock, options.epochs, apart);
  return { profile, trace: chromeTrace(clock.spans, apart) };
}

/** Some steps from the first weights, by an executor that notes its nodes' times; nothing where there is none. */
async function stepsApart(problem: Problem, data: FitData, options: FitOptions): Promise<Apart | undefined> {
  const profiler = options.device === undefined || options.device === "cpu" ? await options.executor.profiler?.() : undefined;
  if (!profiler) return undefined;
  try {
    const layout = layoutOf(problem);
    const rows = rowsOf(data.train);
    const { accumulate = 1, seed } = options;
    const batch = Math.min(options.batchSize * accumulate, rows);
    const piece = Math.ceil(batch / accumulate);
    const batches = options.augment && batchesOf(problem, data.train, { ...options.augment, workers: 0 }, { seed, batch: piece });
    const { executor: _, ...same } = options;
    const clock = startClock();
    const given = { ...same, executor: profiler.executor, problem, layout, data: data.train, batch, clock };
    const stepper = await createStepper({ ...given, ...(batches ? { batches } : {}) });
    initializeParameters(layout, stepper.theta, seed);
    const order = rng(seed, "profile").permutation(rows);
    const perCall = Math.min(stepper.stepsPerCall, Math.floor(rows / batch));
    const [warm, began] = [perCall > 1 ? 1 : 3, performance.now()];
    let [calls, before] = [0, 0];
    while (calls < warm + 1 || (calls < warm + mostCalls && performance.now() - began < msOfPass)) {
      const chosen = order.subarray(0, perCall * batch);
      batches?.begin(1 + calls, chosen);
      // A rate of nearly nothing: what is timed is the step, and no loss may pass what numbers hold.
      await stepper.run(chosen, batch, 1 + calls * perCall, () => 1e-12);
      calls += 1;
      if (calls === warm) before = clock.milliseconds.network;
    }
    const called = clock.milliseconds.network - before;
    batches?.dispose();
    await stepper.dispose();
    const graphs = (await profiler.read()).filter(({ graph }) => graph.outputs.some((name) => name === "loss" || name === "losses"));
    const steps = (calls - warm) * perCall;
    const cold = warm / calls;
    const within = graphs
      .flatMap(({ runs }) => runs.slice(Math.round(cold * runs.length)))
      .reduce((sum, duration) => sum + duration / 1000, 0);
    return { steps, slots: layout.slots.map(({ name }) => name), graphs, cold, binding: Math.max(0, called - within) / steps };
  } finally {
    await profiler.dispose();
  }
}

/** Milliseconds a step of every node, by its place. */
function nodeTimes({ graphs, slots, steps, cold }: Apart) {
  return graphs.flatMap((profiled) => {
    const times = new Map<string, KernelTime[]>();
    for (const kernel of profiled.kernels) times.set(kernel.node, [...(times.get(kernel.node) ?? []), kernel]);
    return placeNodes(profiled, slots).flatMap(({ node, phase, layer }) => {
      const all = times.get(node.name) ?? [];
      const runs = all.slice(Math.round(cold * all.length));
      if (runs.length === 0) return [];
      // The median: what else the machine did meanwhile is no node's.
      const one = quantileSorted(
        runs.map(({ duration }) => duration).toSorted((a, b) => a - b),
        0.5,
      );
      const milliseconds = (one * runs.length) / 1000 / steps;
      return [{ operator: runs[0]!.op, phase, layer, calls: runs.length / steps, milliseconds }];
    });
  });
}

function summarizeProfile(clock: Recording, epochs: number, apart: Apart | undefined): TrainingProfile {
  const { milliseconds: seen, steps } = clock;
  const total = clocked.reduce((sum, phase) => sum + seen[phase], 0);
  const nodes = apart ? nodeTimes(apart) : [];
  const perStep = seen.network / Math.max(1, steps);
  const held = nodes.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  // Nodes that are timed one by one take longer or, where the machine was busy with others, less long than in the training.
  const scale = held > 0 ? Math.max(0, perStep - Math.min(apart!.binding, perStep / 2)) / held : 1;
  const inNetwork = (wanted: NodePhase) =>
    steps * scale * nodes.reduce((sum, { phase, milliseconds }) => sum + (phase === wanted ? milliseconds : 0), 0);
  const known = nodes.length > 0;
  const parts = Object.fromEntries(
    (["data", "forward", "backward", "optimizer"] as const).map((phase) => [phase, inNetwork(phase)]),
  ) as Record<NodePhase, number>;
  const inside = parts.data + parts.forward + parts.backward + parts.optimizer;
  const spent: Record<ProfilePhase, number> = {
    data: seen.data + parts.data,
    // Of an executor that tells nothing all of a call counts as forward.
    forward: known ? parts.forward : seen.network,
    backward: parts.backward,
    optimizer: seen.optimizer + parts.optimizer,
    monitors: seen.monitors,
    evaluation: seen.evaluation,
    checkpoints: seen.checkpoints,
    preparation: seen.preparation,
    overhead: seen.overhead + (known ? Math.max(0, seen.network - inside) : 0),
  };
  return {
    seconds: total / 1000,
    steps,
    epochs,
    phases: profilePhases.map((name) => ({
      name,
      seconds: spent[name] / 1000,
      share: spent[name] / total,
      perStep: spent[name] / Math.max(1, steps),
      perEpoch: spent[name] / Math.max(1, epochs),
    })),
    operators: operatorTimes(nodes, scale, perStep),
    layers: layerTimes(nodes, scale, apart?.slots ?? []),
    ...(apart && known ? { apart: { steps: apart.steps, scale } } : {}),
  };
}

type NodeTimes = ReturnType<typeof nodeTimes>;

function operatorTimes(nodes: NodeTimes, scale: number, perStep: number): OperatorTime[] {
  const found = new Map<string, { operator: string; phase: NodePhase; calls: number; milliseconds: number }>();
  for (const { operator, phase, calls, milliseconds } of nodes) {
    const before = found.get(`${operator} ${phase}`) ?? { operator, phase, calls: 0, milliseconds: 0 };
    found.set(`${operator} ${phase}`, {
      ...before,
      calls: before.calls + calls,
      milliseconds: before.milliseconds + scale * milliseconds,
    });
  }
  return [...found.values()]
    .map((one) => ({ ...one, share: perStep > 0 ? one.milliseconds / perStep : 0 }))
    .toSorted((a, b) => b.milliseconds - a.milliseconds);
}

function layerTimes(nodes: NodeTimes, scale: number, slots: readonly string[]): LayerTime[] {
  const layers = [...new Set(slots.map((name) => name.slice(0, name.lastIndexOf("/"))))];
  const of = (wanted: string, way: NodePhase) =>
    scale * nodes.reduce((sum, { layer, phase, milliseconds }) => sum + (layer === wanted && phase === way ? milliseconds : 0), 0);
  return nodes.length === 0 ? [] : layers.map((layer) => ({ layer, forward: of(layer, "forward"), backward: of(layer, "backward") }));
}

function chromeTrace(spans: readonly Span[], apart: Apart | undefined): ChromeTrace {
  const name = (pid: number, text: string) => ({ name: "process_name", ph: "M", pid, tid: 1, args: { name: text } });
  const kernels = (apart?.graphs ?? []).flatMap((profiled) => {
    const places = new Map(placeNodes(profiled, apart!.slots).map((placed) => [placed.node.name, placed]));
    return profiled.kernels.slice(-mostKernelEvents).map(({ node, op, start, duration }) => {
      const place = places.get(node);
      const args = { node, ...(place?.layer === undefined ? {} : { layer: place.layer }) };
      return { name: op, cat: place?.phase ?? "runtime", ph: "X", pid: 2, tid: 1, ts: start, dur: duration, args };
    });
  });
  const first = kernels.reduce((least, { ts }) => Math.min(least, ts), Infinity);
  return {
    displayTimeUnit: "ms",
    traceEvents: [
      name(1, "training"),
      ...spans.map(({ name: what, start, duration, step }) => ({
        name: what,
        cat: what.startsWith("step") ? "step" : "phase",
        ph: "X",
        pid: 1,
        tid: 1,
        ts: 1000 * start,
        dur: 1000 * duration,
        ...(step === undefined ? {} : { args: { step } }),
      })),
      ...(kernels.length > 0 ? [name(2, "nodes of some steps that were run apart")] : []),
      ...kernels.map((event) => ({ ...event, ts: event.ts - first })),
    ],
  };
}

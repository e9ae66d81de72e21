/**
 * Backpropagation through Scan: a Scan that runs the other way. Its states are the gradients of the states; it reads what the
 * body computed, step by step, which a second run of the loop gives out. What captured values get is summed over the steps.
 */
import { isFloat } from "../ir/dtype.ts";
import { dependencies, floatsFrom, graph, input, int64, type Value } from "../ir/graph.ts";
import { substitute } from "../ir/substitute.ts";
import type { Ops } from "./build.ts";
import type { GradientContext } from "./op.ts";
import { scanLayout, type ScanAttributes } from "./scan-layout.ts";
import { overSteps, stepSum, valuesOf } from "./step-sums.ts";
import { zerosLike } from "./vectors.ts";

type Context = GradientContext<ScanAttributes>;

/** The gradients of one step, in values of the body and in placeholders for the gradients that come in. */
interface Step {
  /** For every state its gradient's placeholder, null where it has none. */
  readonly adjoints: readonly (Value | null)[];
  /** For every scanned output the placeholder of its gradient's slice. */
  readonly slices: readonly (Value | null)[];
  readonly states: readonly (Value | null)[];
  readonly scanned: readonly (Value | null)[];
  readonly captured: readonly (Value | null)[];
}

/** Which states depend on something whose gradient is asked. */
function activeStates({ attributes: { body }, needs }: Context, states: number): Set<number> {
  const sources = new Set([...body.inputs, ...body.captures].filter((value, i) => isFloat(value.dtype) && needs(i)));
  const active = new Set<number>();
  for (let before = -1; before < sources.size;) {
    before = sources.size;
    const reached = floatsFrom(body.nodes, sources);
    for (let i = 0; i < states; i++) {
      if (!sources.has(body.inputs[i]!) && !reached.has(body.outputs[i]!.value)) continue;
      active.add(i);
      sources.add(body.inputs[i]!);
    }
  }
  return active;
}

/** Goes back through the body, once more for every state that turns out to have a gradient. */
function differentiateStep(context: Context, states: number): Step {
  const { attributes, outputGradients, needs, pullback } = context;
  const { body } = attributes;
  const active = activeStates(context, states);
  const wanted = (value: Value, index: number) => isFloat(value.dtype) && needs(index);
  const placeholder = (name: string, { dtype, shape }: Value) => input(name, dtype, shape);
  const slices = body.outputs.slice(states).map(({ value }, j) => (outputGradients[states + j] ? placeholder(`slice_${j}`, value) : null));
  let adjoints = body.inputs
    .slice(0, states)
    .map((value, i) => (active.has(i) && outputGradients[i] ? placeholder(`state_${i}`, value) : null));
  const wrt = [...body.inputs, ...body.captures];
  const isAsked = wrt.map((value, i) => (i < states ? active.has(i) : wanted(value, i)));
  for (;;) {
    const seeds = [...adjoints, ...slices].flatMap((seed, i) => (seed ? [[body.outputs[i]!.value, seed] as const] : []));
    const asked = pullback(
      body.nodes,
      seeds,
      wrt.filter((_, i) => isAsked[i]),
    );
    const found = isAsked.map((is, i) => (is ? asked[isAsked.slice(0, i).filter(Boolean).length]! : null));
    const more = adjoints.map((adjoint, i) => adjoint ?? (found[i] ? placeholder(`state_${i}`, body.inputs[i]!) : null));
    const complete = more.every((adjoint, i) => adjoint === adjoints[i]);
    adjoints = more;
    if (!complete) continue;
    const scans = body.inputs.length;
    return { adjoints, slices, states: found.slice(0, states), scanned: found.slice(states, scans), captured: found.slice(scans) };
  }
}

/** A value of every step, as it lies outside of the loop: along which axis, and whether from the last step to the first. */
interface Kept {
  readonly outer: Value;
  readonly axis: number;
  readonly reverse: boolean;
}

/** What the loop takes and gives anyway: slices of its inputs, of its outputs, and states that are given out when they are made. */
function keptValues({ ops, inputs, outputs, attributes }: Context): Map<Value, Kept> {
  const { body } = attributes;
  const { states, scannedIn, scannedOut } = layoutOf(attributes, inputs);
  const kept = new Map<Value, Kept>();
  scannedIn.forEach((at, i) => kept.set(body.inputs[states + i]!, { outer: inputs[states + i]!, ...at }));
  scannedOut.forEach((at, j) => {
    const here = { outer: outputs[states + j]!, ...at };
    for (let value = body.outputs[states + j]!.value; ; value = value.origin.node.inputs[0]!) {
      kept.set(value, here);
      if (value.origin.kind !== "node" || value.origin.node.op !== "Identity") break;
    }
  });
  for (let i = 0; i < states; i++) {
    const next = kept.get(body.outputs[i]!.value);
    if (next && !kept.has(body.inputs[i]!)) kept.set(body.inputs[i]!, { ...next, outer: oneStepEarlier(ops, inputs[i]!, next) });
  }
  return kept;
}

/** The states before every step, from the first one and those after every step. */
function oneStepEarlier(ops: Ops, first: Value, { outer, axis, reverse }: Kept): Value {
  const axes = int64([axis]);
  const start = ops.Unsqueeze(first, axes);
  if (reverse) return ops.Concat(ops.Slice(outer, int64([1]), int64([farAway]), axes), start, { axis });
  return ops.Concat(start, ops.Slice(outer, int64([0]), int64([-1]), axes), { axis });
}

const farAway = 2 ** 31 - 1;
const layoutOf = (attributes: ScanAttributes, inputs: readonly Value[]) =>
  scanLayout(
    attributes,
    inputs.map(({ shape }) => shape.length),
  );

/** The loop once more, giving out values of its body. */
function recompute({ ops, inputs, attributes }: Context, values: readonly Value[]): readonly Value[] {
  if (values.length === 0) return [];
  const { body, num_scan_inputs, scan_input_axes, scan_input_directions } = attributes;
  const states = inputs.length - num_scan_inputs;
  const outputs = [...body.outputs.slice(0, states).map(({ value }) => value), ...values];
  const again: ScanAttributes = {
    body: graph({ inputs: body.inputs, captures: body.captures, outputs: numbered(outputs) }),
    num_scan_inputs,
    ...(scan_input_axes && { scan_input_axes }),
    ...(scan_input_directions && { scan_input_directions }),
  };
  return ops.Scan(...inputs, again).slice(states);
}

const numbered = (values: readonly Value[]) => Object.fromEntries(values.map((value, i) => [`y${i}`, value]));
const present = (values: readonly (Value | null)[]) => values.filter((value) => value !== null);

export function scanGradient(context: Context): readonly (Value | null)[] {
  const { ops, inputs, outputGradients, attributes } = context;
  const { body } = attributes;
  const { states, scannedIn, scannedOut } = layoutOf(attributes, inputs);
  const step = differentiateStep(context, states);
  const sums = step.captured.map((value) => value && stepSum(value));
  const added = step.captured.map((value, k) => (sums[k] ? null : value));
  const terms = sums.flatMap((sum) => (sum ? valuesOf(sum) : []));

  const forward = new Set([...body.inputs, ...body.nodes.flatMap((node) => node.outputs)]);
  const reached = reach(present([...step.states, ...step.scanned, ...added, ...terms]), new Set([...forward, ...body.captures]));
  const kept = keptValues(context);
  const inSteps = (value: Value) => kept.get(value)?.axis === 0 && !kept.get(value)!.reverse;
  const read = reached.filter((value) => forward.has(value));
  const lost = read.filter((value) => !kept.has(value));
  recompute(context, lost).forEach((outer, i) => kept.set(lost[i]!, { outer, axis: 0, reverse: false }));
  if (read.length === 0 && present(step.slices).length === 0) read.push(body.inputs[states]!); // a loop has the length of something

  const stands = new Map<Value, Value>(body.captures.map((value) => [value, value]));
  read.forEach((value, i) => stands.set(value, input(`value_${i}`, value.dtype, value.shape)));
  const scanned = [
    ...read.map((value) => ({ inner: stands.get(value)!, ...kept.get(value)! })),
    ...step.slices.flatMap((inner, j) => (inner ? [{ inner, outer: outputGradients[states + j]!, ...scannedOut[j]! }] : [])),
  ];
  const totals = added.map((value, k) => value && input(`sum_${k}`, value.dtype, body.captures[k]!.shape));
  const emitted = [...new Set(terms.filter((value) => !inSteps(value)))];
  const given = step.scanned.flatMap((value, i) => (value ? [{ value, axis: scannedIn[i]!.axis, reverse: !scannedIn[i]!.reverse }] : []));
  const outcomes = substitute(
    [
      ...step.adjoints.flatMap((adjoint, i) => (adjoint ? [step.states[i] ?? zerosLike(ops, adjoint)] : [])),
      ...added.flatMap((value, k) => (value ? [ops.Add(totals[k]!, value)] : [])),
      ...given.map(({ value }) => value),
      ...emitted,
    ],
    stands,
  );
  const zeros = (value: Value | null, like: Value) => (value ? [zerosLike(ops, like)] : []);
  const starts = [
    ...step.adjoints.flatMap((adjoint, i) => (adjoint ? (outputGradients[i] ?? zeros(adjoint, inputs[i]!)) : [])),
    ...totals.flatMap((total, k) => zeros(total, body.captures[k]!)),
  ];
  const results = [
    ...ops.Scan(...starts, ...scanned.map(({ outer }) => outer), {
      body: graph({
        inputs: [...present(step.adjoints), ...present(totals), ...scanned.map(({ inner }) => inner)],
        captures: reached.filter((value) => !forward.has(value)),
        outputs: numbered(outcomes),
      }),
      num_scan_inputs: scanned.length,
      scan_input_axes: scanned.map(({ axis }) => axis),
      scan_input_directions: scanned.map(({ reverse }) => (reverse ? 0 : 1)),
      scan_output_axes: [...given.map(({ axis }) => axis), ...emitted.map(() => 0)],
      scan_output_directions: [...given.map(({ reverse }) => (reverse ? 1 : 0)), ...emitted.map(() => 1)],
    }),
  ];
  const take = (values: readonly (Value | null)[]) => values.map((value) => (value ? results.shift()! : null));
  const [ofStates, ofTotals, ofScanned] = [take(step.adjoints), take(totals), take(step.scanned)];
  const outside = new Map(emitted.map((value) => [value, results.shift()!]));
  const stacked = (value: Value) => outside.get(value) ?? kept.get(value)!.outer;
  return [...ofStates, ...ofScanned, ...sums.map((sum, k) => (sum ? overSteps(ops, sum, stacked) : ofTotals[k]!))];
}

/** Which of `stops` values depend on, not looking behind them. */
function reach(values: readonly Value[], stops: ReadonlySet<Value>): Value[] {
  const found = new Set<Value>();
  const seen = new Set<Value>();
  const waiting = [...values];
  while (waiting.length > 0) {
    const value = waiting.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    if (stops.has(value)) found.add(value);
    else if (value.origin.kind === "node") waiting.push(...dependencies(value.origin.node));
  }
  return [...found];
}

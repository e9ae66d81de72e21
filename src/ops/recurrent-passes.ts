/** The backward pass of every kind of cell, one direction of it. */
import { int64, scalar, type Value } from "../ir/graph.ts";
import { loop } from "./loop.ts";
import type { Ops } from "./build.ts";
import { blocks, type Pass, type PassGradient } from "./recurrent-gradient.ts";

const plus = (ops: Ops, a: Value, b: Value | null | undefined) => (b ? ops.Add(a, b) : a);
const times = (ops: Ops, a: Value, b: Value | null | undefined) => (b ? ops.Mul(a, b) : a);
const together = (ops: Ops, ...parts: readonly Value[]) => ops.Concat(...parts, { axis: -1 });

/** 1 in the padding, where a step keeps its state. */
const kept = ({ ops, mask }: Pass) => (mask ? ops.Sub(1, mask) : null);

/** What a state passes on to the state before it, and all of it in the padding. */
function carried({ ops, mask }: Pass, factor: Value): Value {
  return mask ? ops.Add(ops.Mul(factor, mask), ops.Sub(1, mask)) : factor;
}

/** Sequences by name, some of them left out, and their slices in a step. */
function sliced<K extends string>(
  given: Readonly<Record<K, Value | null>>,
): { values: Value[]; read: (slices: readonly Value[]) => Record<K, Value | null> } {
  const keys = Object.keys(given) as K[];
  const there = keys.filter((key) => given[key]);
  return {
    values: there.map((key) => given[key]!),
    read: (slices) =>
      Object.fromEntries(keys.map((key) => [key, given[key] ? slices[there.indexOf(key)]! : null])) as Record<K, Value | null>,
  };
}

/** h' = f(a), a = W·x + R·h + b. */
export function rnnPass(pass: Pass): PassGradient {
  const { ops, reverse, r, before, mask, slices, last } = pass;
  const a = pass.ofBoth(0, before);
  const slope = pass.apply(0, a).slope(mask ?? scalar(a.dtype, 1));
  const { values, read } = sliced({ slope, slices, kept: kept(pass) });
  const [first, da] = loop(ops, { states: [last], sequences: values, captures: [r], reverse: !reverse }, ([dh], step) => {
    const at = read(step);
    const whole = plus(ops, dh!, at.slices);
    const inner = ops.Mul(whole, at.slope!);
    const back = ops.MatMul(inner, r);
    return { states: [at.kept ? ops.Add(back, ops.Mul(whole, at.kept)) : back], outputs: [inner] };
  }) as [Value, Value];
  return { ofInput: da, ofState: [{ gradient: da, vector: before }], first };
}

/** h' = (1 - z)·k + z·h for gates z and r, and the candidate k of W·x + r·(R·h + Rb) or, not linear before the reset, W·x + R·(r·h). */
export function gruPass(pass: Pass, { linear_before_reset = 0 }: { readonly linear_before_reset?: number }): PassGradient {
  return linear_before_reset ? resetAfterProduct(pass) : resetBeforeProduct(pass);
}

function resetAfterProduct(pass: Pass): PassGradient {
  const { ops, reverse, hidden, r: weights, before, mask, slices, last } = pass;
  const [z, r] = [pass.apply(0, pass.ofBoth(0, before)), pass.apply(0, pass.ofBoth(1, before))];
  const product = pass.ofState(2, before);
  const k = pass.apply(1, ops.Add(pass.ofInput(2), ops.Mul(r.y, product)));
  const toK = times(ops, k.slope(ops.Sub(1, z.y)), mask);
  const factors = together(ops, times(ops, z.slope(ops.Sub(before, k.y)), mask), r.slope(ops.Mul(toK, product)), ops.Mul(toK, r.y));
  const { values, read } = sliced({ factors, carry: carried(pass, z.y), slices });
  const [first, ofState, whole] = loop(ops, { states: [last], sequences: values, captures: [weights], reverse: !reverse }, ([dh], step) => {
    const at = read(step);
    const whole = plus(ops, dh!, at.slices);
    const inner = ops.Mul(together(ops, whole, whole, whole), at.factors!);
    return { states: [ops.Add(ops.MatMul(inner, weights), ops.Mul(whole, at.carry!))], outputs: [inner, whole] };
  }) as [Value, Value, Value];
  const [dz, dr] = blocks(ops, ofState, 3, hidden) as [Value, Value, Value];
  return { ofInput: together(ops, dz, dr, ops.Mul(whole, toK)), ofState: [{ gradient: ofState, vector: before }], first };
}

function resetBeforeProduct(pass: Pass): PassGradient {
  const { ops, reverse, hidden, before, mask, slices, last } = pass;
  const [toGates, toK] = ops.Split(pass.r, int64([2 * hidden, hidden]), { axis: 0 }) as [Value, Value];
  const [z, r] = [pass.apply(0, pass.ofBoth(0, before)), pass.apply(0, pass.ofBoth(1, before))];
  const reset = ops.Mul(r.y, before);
  const k = pass.apply(1, pass.ofBoth(2, reset));
  const { values, read } = sliced({
    z: times(ops, z.slope(ops.Sub(before, k.y)), mask),
    k: times(ops, k.slope(ops.Sub(1, z.y)), mask),
    reset: r.slope(before),
    r: r.y,
    carry: carried(pass, z.y),
    slices,
  });
  const captures = [toGates, toK];
  const [first, ofGates, ofK] = loop(ops, { states: [last], sequences: values, captures, reverse: !reverse }, ([dh], step) => {
    const at = read(step);
    const whole = plus(ops, dh!, at.slices);
    const dk = ops.Mul(whole, at.k!);
    const dReset = ops.MatMul(dk, toK);
    const gates = together(ops, ops.Mul(whole, at.z!), ops.Mul(dReset, at.reset!));
    const direct = ops.Add(ops.Mul(whole, at.carry!), ops.Mul(dReset, at.r!));
    return { states: [ops.Add(ops.MatMul(gates, toGates), direct)], outputs: [gates, dk] };
  }) as [Value, Value, Value];
  const ofState = [
    { gradient: ofGates, vector: before },
    { gradient: ofK, vector: reset },
  ];
  return { ofInput: together(ops, ofGates, ofK), ofState, first };
}

/** Attributes of Scan, and what they say about its inputs and outputs. */
import type { Graph } from "../ir/graph.ts";
import { normalizeAxis } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";

export interface ScanAttributes {
  readonly body: Graph;
  readonly num_scan_inputs: number;
  readonly scan_input_axes?: readonly number[];
  readonly scan_input_directions?: readonly number[];
  readonly scan_output_axes?: readonly number[];
  readonly scan_output_directions?: readonly number[];
}

export const withoutAxis = <T>(shape: readonly T[], axis: number): T[] => shape.filter((_, i) => i !== axis);
export const withAxis = <T>(shape: readonly T[], axis: number, size: T): T[] => [...shape.slice(0, axis), size, ...shape.slice(axis)];

/** Axes and directions of one Scan: how many states, and where each scanned input and output runs. */
export function scanLayout(a: ScanAttributes, inputRanks: readonly number[]) {
  const states = inputRanks.length - a.num_scan_inputs;
  if (a.num_scan_inputs < 1 || states < 0) throw new GradusError(`num_scan_inputs is ${a.num_scan_inputs} of ${inputRanks.length} inputs`);
  if (a.body.inputs.length !== inputRanks.length)
    throw new GradusError(`the body takes ${a.body.inputs.length} inputs, Scan has ${inputRanks.length}`);
  if (a.body.outputs.length < states) throw new GradusError(`the body gives ${a.body.outputs.length} outputs for ${states} states`);
  const scannedIn = inputRanks.slice(states).map((rank, i) => ({
    axis: normalizeAxis(a.scan_input_axes?.[i] ?? 0, rank, "scan input axis"),
    reverse: a.scan_input_directions?.[i] === 1,
  }));
  const scannedOut = a.body.outputs.slice(states).map(({ value }, i) => ({
    axis: normalizeAxis(a.scan_output_axes?.[i] ?? 0, value.shape.length + 1, "scan output axis"),
    reverse: a.scan_output_directions?.[i] === 1,
  }));
  return { states, scannedIn, scannedOut };
}

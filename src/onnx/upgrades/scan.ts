/** Scan of opset 8, which ran over the examples of a batch one by one. */
import { graph, input, type Value } from "../../ir/graph.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import { given, needed, some, type Rewrite, type Upgrades } from "./upgrade.ts";

/** A Scan over the batch (axis 0 of every input) around a Scan over time. */
const batched: Rewrite = (node) => {
  const { attributes } = node;
  const body = needed(attributes.graph("body"), "body");
  const scans = needed(attributes.int("num_scan_inputs"), "num_scan_inputs");
  const directions = attributes.ints("directions");
  if (node.inputs[0]) throw new GradusError("Scan of opset 8 with lengths per example, which Gradus does not take");
  const all = node.inputs.slice(1).map((_, i) => given(node, i + 1));
  const slices = all.map((value, i) => input(`example_${i}`, value.dtype, value.shape.slice(1)));
  const inner = ops.Scan(...slices, some({ body, num_scan_inputs: scans, scan_input_directions: directions }));
  const outputs: Record<string, Value> = {};
  inner.forEach((value, i) => (outputs[`result_${i}`] = value));
  const around = graph({ inputs: slices, outputs, captures: body.captures });
  return ops.Scan(...all, { body: around, num_scan_inputs: all.length });
};

export const scanning: Upgrades = { Scan: [{ from: 8, to: 8, rewrite: batched }] };

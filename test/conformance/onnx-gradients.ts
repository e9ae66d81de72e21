/** What of an ONNX node test the gradient check takes, and the list of what it found, as docs/onnx-gradients.md holds it. */
import { gradient } from "../../src/autodiff/gradient.ts";
import type { GradientCheck } from "../../src/check/gradient-check.ts";
import type { LossGraph } from "../../src/check/subject.ts";
import { toNdArray } from "../../src/exec/reference.ts";
import { isFloat } from "../../src/ir/dtype.ts";
import { constant, floatsFrom, type Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { rebuild, type Replacements } from "../../src/ops/rewrite.ts";
import { GradusError } from "../../src/util/errors.ts";
import { rng } from "../../src/util/rng.ts";
import type { DataCase } from "./onnx-data.ts";
import { byOperator } from "./onnx-report.ts";

/** A float input that nothing is differentiated by, and why. */
export interface Held {
  readonly input: string;
  readonly reason: string;
}

export interface GradientCase extends LossGraph {
  readonly held: readonly Held[];
}

/**
 * A scalar of a case's float outputs, Σ w·y with weights of both signs, and the float inputs it is differentiated by; or why none.
 * All other inputs become constants: sizes, axes and indices are known when the gradient is built, and floats that have no gradient too.
 */
export function gradientCase({ name, graph: given, sets }: DataCase): GradientCase | string {
  const { feeds, expected } = sets[0]!;
  const floats = given.inputs.filter((value) => isFloat(value.dtype) && feeds[value.name!]!.data.length > 0);
  if (given.inputs.every(({ dtype }) => !isFloat(dtype))) return "no input is a float";
  if (floats.length === 0) return "no float input has an element";
  const isReached = floatsFrom(given.nodes, floats);
  const outputs = given.outputs.filter(({ value }) => isReached.has(value));
  if (outputs.length === 0) {
    const ends = new Set(
      given.outputs.map(({ value }) => (isFloat(value.dtype) ? "floats made of conditions, whole numbers or strings" : value.dtype)),
    );
    return `outputs are ${[...ends].sort().join(" and ")}`;
  }
  const lossBy = (parameters: readonly Value[]) => {
    const others = given.inputs.filter((value) => !parameters.includes(value));
    const made: Replacements = new Map(others.map((value) => [value, constant(feeds[value.name!]!)]));
    const values = rebuild(
      outputs.map(({ value }) => value),
      made,
    );
    const parts = values.map((value, i) => weighted(value, expected[outputs[i]!.name]!, `${name} ${i}`));
    return parts.reduce((a, b) => ops.Add(a, b));
  };
  const held: Held[] = [];
  const parameters = floats.filter((value) => {
    const reason = refusal(() => gradient(lossBy([value]), [value], undefined, { cut: "zeros" }));
    if (reason !== undefined) held.push({ input: value.name!, reason });
    return reason === undefined;
  });
  if (parameters.length === 0) return [...new Set(held.map(({ reason }) => reason))].join("; ");
  return { loss: lossBy(parameters), parameters, inputs: feeds, held };
}

/** Σ w·y in float64, of the elements that are finite. */
function weighted(value: Value, expected: DataCase["sets"][0]["expected"][string], stream: string): Value {
  const draw = rng(1, stream);
  const { data, shape } = toNdArray(expected);
  const finite = Array.from(data, Number.isFinite);
  const weights = finite.map(() => (draw.uniform() + 0.5) * (draw.uniform() < 0.5 ? -1 : 1));
  const wide = ops.Cast(value, { to: "float64" });
  const kept = finite.every(Boolean) ? wide : ops.Where(constant(tensor("bool", finite.map(Number), shape)), wide, 0);
  return ops.ReduceSum(ops.Mul(kept, constant(tensor("float64", weights, shape))), null, { keepdims: 0 });
}

/** A reason without the output's name and shape, which are each case's own. */
const withoutPlace = (reason: string): string => reason.replace(/ \(its output [^)]*\)/, "");

function refusal(f: () => unknown): string | undefined {
  try {
    f();
    return undefined;
  } catch (error) {
    if (error instanceof GradusError) return withoutPlace(error.message);
    throw error;
  }
}

/** A case whose gradient was checked. */
export interface Checked {
  readonly held: readonly Held[];
  readonly tensors: GradientCheck["tensors"];
}

/** Markdown, and one line for the log. */
export function gradientsReport(
  cases: readonly DataCase[],
  checked: ReadonlyMap<string, Checked>,
  without: ReadonlyMap<string, string>,
): { text: string; summary: string } {
  const short = (name: string) => `\`${name.replace(/^test_/, "")}\``;
  const all = [...checked].sort(([a], [b]) => (a < b ? -1 : 1));
  const verdicts = ({ tensors }: Checked, verdict: string) => tensors.filter((one) => one.verdict === verdict);
  const kinked = all.filter(([, { tensors }]) => tensors.some(({ kinks }) => kinks > 0));
  const failed = all.filter(([, one]) => verdicts(one, "failed").length > 0);
  const right = all.filter(([, one]) => verdicts(one, "passed").length > 0);
  const onlyKinks = all.filter(([, one]) => verdicts(one, "passed").length === 0 && verdicts(one, "kink").length > 0);
  const flat = all.filter(([, { tensors }]) => tensors.every(({ verdict }) => verdict === "untested"));
  const summary =
    `Of ${cases.length} cases ${all.length} are differentiated: in ${right.length} the gradient is right` +
    `${onlyKinks.length > 0 ? `, ${onlyKinks.length} stand wholly at kinks` : ""}, in ${flat.length} it is zero as are the differences; ` +
    `${failed.length} fail. ${without.size} have nothing to differentiate.`;
  const grouped = (entries: Iterable<readonly [string, string]>) => {
    const groups = new Map<string, string[]>();
    for (const [name, reason] of entries) groups.set(reason, [...(groups.get(reason) ?? []), name]);
    return [...groups].sort(([x, a], [y, b]) => b.length - a.length || (x < y ? -1 : 1));
  };
  const listed = (entries: Iterable<readonly [string, string]>) =>
    grouped(entries).map(([reason, found]) => `- ${found.length}: ${reason}: ${found.map(short).join(", ")}`);
  const zero = all.flatMap(([name, { tensors }]) =>
    tensors.filter(({ verdict }) => verdict === "untested").map((one) => [`${name} ${one.name}`, withoutPlace(one.reason ?? "")] as const),
  );
  const kinks = kinked.flatMap(([name, { tensors }]) =>
    tensors
      .filter((one) => one.kinks > 0)
      .map((one) => `| ${short(name)} | ${one.name} | ${one.kinks} | ${one.coordinates} | ${one.verdict} |`),
  );
  const lines = [
    "# Gradients of ONNX's node tests",
    "",
    "Generated by `test/conformance/onnx-gradients.test.ts` from the ONNX project's own node tests (1.12, Debian's libonnx-testdata);",
    "`npx vitest run test/conformance/onnx-gradients.test.ts -u` writes it anew. A scalar is made of a case's float outputs, Σ w·y with fixed",
    "weights of both signs over the elements that are finite, and differentiated by the float inputs; the [gradient check](check.md)",
    "compares that with differences in float64 at the case's own numbers: all coordinates of small inputs, else a few and random",
    "directions through all. Inputs that are no floats (axes, sizes, indices, flags) are constants.",
    "",
    summary,
    "",
    "## Right",
    "",
    "By operator, several where a case is made of more than one; kinks and zeros below are of some of their inputs.",
    "",
    `${byOperator(cases.filter(({ name }) => right.some(([one]) => one === name)))
      .map(([op, found]) => `${op} ${found.length}`)
      .join(", ")}.`,
    "",
    "## At a kink",
    "",
    "The function is not differentiable at these numbers, or its domain ends there (`acosh` at 1): between the points of every",
    "step tried a decision changes, or the function is not defined. Those coordinates are left out, the others compared.",
    "",
    "| case | input | coordinates at a kink | others compared | verdict |",
    "|---|---|---|---|---|",
    ...kinks,
    "",
    "## Zero",
    "",
    "Gradient and differences are zero: the outputs do not change with these inputs, or are constant almost everywhere.",
    "",
    ...grouped(zero).map(([reason, found]) => `- ${found.length} inputs, ${reason}: ${found.map((one) => short(one)).join(", ")}`),
    "",
    "## Inputs held constant",
    "",
    "Float inputs that have no gradient, in cases that are differentiated by others:",
    "",
    ...listed(all.flatMap(([name, { held }]) => held.map(({ input, reason }) => [name, `${input}, ${reason}`] as const))),
    "",
    "## Nothing to differentiate",
    "",
    ...listed(without),
    "",
  ];
  return { text: lines.join("\n"), summary };
}

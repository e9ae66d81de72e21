/** Mutants made mechanically over every gradient rule: which, and what the check says of each. */
import { gradient } from "../../../src/autodiff/gradient.ts";
import { checkGradient, type GradientCheck } from "../../../src/check/gradient-check.ts";
import { evaluateGraph } from "../../../src/exec/reference.ts";
import { graph, type Value } from "../../../src/ir/graph.ts";
import { registry } from "../../../src/ops/build.ts";
import type { NdArray } from "../../../src/ops/op.ts";
import { hashText, rng } from "../../../src/util/rng.ts";
import { describe, type AnySample } from "../../conformance/sample.ts";
import { withRule, type Context, type Terms } from "../planted.ts";
import { attempt, edited, editsOfTerm, kinds, type Edit, type Kind } from "./edits.ts";
import { quick } from "./planted-fault.ts";
import { otherPoint, place, samplesOf, type Placed } from "./placed.ts";

export interface Mutant {
  readonly op: string;
  readonly sample: AnySample;
  /** The input whose gradient is wrong. */
  readonly index: number;
  readonly kind: Kind;
  readonly text: string;
}

export interface Judged {
  readonly mutant: Mutant;
  readonly check: GradientCheck;
  readonly verdict: "found" | "missed" | "equivalent";
}

export const mutantsPerOperator = 3;
/** How often a change of one node is preferred to a change of the whole. */
const innerShare = 0.75;

const withRuleOfTheirOwn = Object.keys(registry).filter((op) => typeof registry[op]!.gradient === "function");

/** Operators with a rule whose samples read no float: If, whose branches capture what they compute from. */
export const withoutFloats = withRuleOfTheirOwn.filter((op) => samplesOf(op).length === 0);
export const operatorsWithRule = withRuleOfTheirOwn.filter((op) => !withoutFloats.includes(op));

/** `Gemm, input 1: the sign ([3, 4] and [4, 5])` */
export const nameOf = ({ op, index, text, sample }: Mutant) => `${op}, input ${index}: ${text} (${describe(sample)})`;

interface Candidate {
  readonly index: number;
  readonly edit: Edit;
}

/** Every edit of a rule on a sample that gives a graph of the same shapes. */
async function candidatesOf(op: string, placed: Placed): Promise<Candidate[]> {
  let seen: { terms: Terms; context: Context } | undefined;
  const watch = (terms: Terms, context: Context) => {
    // The network has operators of its own; one that is float32 only gives what is then cast.
    if (!seen || seen.context.outputs[0] !== placed.outputs[0]) seen = { terms, context };
    return terms;
  };
  await withRule(op, watch, async () => gradientsOf(placed.spec));
  const { terms, context } = seen!;
  return context.inputs.flatMap((_, index) =>
    editsOfTerm(terms, index, context)
      .filter((edit) => attempt(edit, terms[index] ?? null) !== undefined)
      .map((edit) => ({ index, edit })),
  );
}

/** A few mutants of one rule, of kinds that differ from operator to operator. */
export async function mutantsOf(op: string): Promise<Mutant[]> {
  // From the name: another operator beside it changes nothing.
  const number = hashText(op)[0] % 997;
  const samples = samplesOf(op);
  const chosen: Mutant[] = [];
  if (samples.length === 0) return chosen;
  const draw = rng(3, `mutants of ${op}`);
  const used = new Set<string>();
  for (let turn = 0; turn < mutantsPerOperator; turn++) {
    const sample = samples[(number + turn) % samples.length]!;
    const placed = place(op, sample);
    const candidates = (await candidatesOf(op, placed)).filter(({ index, edit }) => !used.has(`${index} ${edit.text}`));
    // Another kind first each time: over all rules every kind comes up.
    const order = kinds.map((_, k) => kinds[(number * mutantsPerOperator + turn + k) % kinds.length]!);
    const left = order.toSorted((a, b) => Number(used.has(a)) - Number(used.has(b)));
    for (const kind of left) {
      const ofKind = candidates.filter(({ edit }) => edit.kind === kind);
      const inner = ofKind.filter(({ edit }) => edit.inner);
      const list =
        inner.length > 0 && (draw.uniform() < innerShare || inner.length === ofKind.length)
          ? inner
          : ofKind.filter(({ edit }) => !edit.inner);
      const found = await firstRunning(op, sample, placed, list, draw.integer(Math.max(1, list.length)));
      if (!found) continue;
      used.add(kind).add(`${found.index} ${found.text}`);
      chosen.push(await reached(found, samples));
      break;
    }
  }
  return chosen;
}

/** The same change on a sample that reaches it, where its own does not: a slope below zero, a sum over an axis of more than one. */
async function reached(mutant: Mutant, samples: readonly AnySample[]): Promise<Mutant> {
  for (const sample of [mutant.sample, ...samples]) {
    const moved = { ...mutant, sample };
    try {
      if (!(await isEquivalent(moved, place(mutant.op, sample)))) return moved;
    } catch {
      // It does not run on that one.
    }
  }
  return mutant;
}

/** The first of a list, from a place on, whose gradient can be computed. */
async function firstRunning(
  op: string,
  sample: AnySample,
  placed: Placed,
  list: readonly Candidate[],
  start: number,
): Promise<Mutant | undefined> {
  for (let k = 0; k < list.length; k++) {
    const { index, edit } = list[(start + k) % list.length]!;
    const mutant = { op, sample, index, kind: edit.kind, text: edit.text };
    const values = await withMutant(mutant, async () => gradientsOf(placed.spec));
    try {
      evaluated(values, otherPoint(op, sample, placed, 0));
      return mutant;
    } catch {
      // An index outside, a singular shape: no gradient at all is no wrong gradient.
    }
  }
  return undefined;
}

function withMutant<T>({ op, index, text }: Mutant, f: () => Promise<T>): Promise<T> {
  return withRule(op, (terms, context) => edited(terms, index, text, context), f);
}

/** Zeros where an operator is constant almost everywhere: its rule may be the one that is wrong. */
const gradientsOf = ({ loss, parameters }: Placed["spec"]): Value[] => gradient(loss, parameters, undefined, { cut: "zeros" });

export async function judgeMutant(mutant: Mutant): Promise<Judged> {
  const placed = place(mutant.op, mutant.sample);
  const check = await withMutant(mutant, () => checkGradient(placed.spec, quick));
  if (check.verdict === "wrong") return { mutant, check, verdict: "found" };
  return { mutant, check, verdict: (await isEquivalent(mutant, placed)) ? "equivalent" : "missed" };
}

/** Points at which a mutant's gradients must be the right ones before it counts as equivalent. */
const points = 5;

async function isEquivalent(mutant: Mutant, placed: Placed): Promise<boolean> {
  const right = gradientsOf(placed.spec);
  const wrong = await withMutant(mutant, async () => gradientsOf(placed.spec));
  return Array.from({ length: points }, (_, number) => otherPoint(mutant.op, mutant.sample, placed, number)).every((at) => {
    const [a, b] = [evaluated(right, at), evaluated(wrong, at)];
    return a.every((one, i) => sameNumbers(one, b[i]!));
  });
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  const scale = a.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
  return a.every((x, i) => Math.abs(x - b[i]!) <= 1e-12 * Math.max(scale, 1e-3));
}

function evaluated(values: readonly Value[], at: Readonly<Record<string, NdArray>>): Float64Array[] {
  const wanted = graph({ outputs: Object.fromEntries(values.map((value, i) => [`g${i}`, value])) });
  const found = evaluateGraph(wanted, Object.fromEntries(wanted.inputs.map(({ name }) => [name!, at[name!]!])));
  return values.map((_, i) => found[`g${i}`]!.data as Float64Array);
}

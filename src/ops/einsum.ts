/** Einsum: sums of products over named axes. */
import { int64, type Value } from "../ir/graph.ts";
import { formatShape, sizeOf, stridesOf, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import type { Ops } from "./build.ts";
import { matchDim } from "./dims.ts";
import { indicator } from "./masks.ts";
import { requireNumber, requireSameDType, required } from "./infer.ts";
import { numbers, walk } from "./ndarray.ts";
import { defineOp, type GradientContext, type NdArray, type Op } from "./op.ts";
import { dimOf, rangeTo } from "./vectors.ts";

interface EinsumAttributes {
  /** `"ij,jk->ik"`; `...` are any axes, broadcast; without `->` the result has the letters that occur once, in order. */
  readonly equation: string;
}

/** An equation for inputs of known ranks: a letter an axis, the axes of an ellipsis (aligned at their ends) with letters of their own. */
interface Letters {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const alphabet = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];

function parse(equation: string, ranks: readonly number[]): Letters {
  const fail = (why: string): never => {
    throw new GradusError(`equation "${equation}": ${why}`);
  };
  const [left, right, ...more] = equation.replace(/\s/g, "").split("->");
  const terms = left!.split(",");
  if (more.length > 0) fail('"->" stands twice');
  if (terms.length !== ranks.length) fail(`${terms.length} terms for ${ranks.length} inputs`);
  for (const term of right === undefined ? terms : [...terms, right]) {
    if (!/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(term)) fail(`"${term}" is not letters with one "..." at most`);
  }
  const free = alphabet.filter((letter) => !equation.includes(letter));
  const counts = terms.map((term, i) => (term.includes("...") ? ranks[i]! - (term.length - 3) : 0));
  const widest = Math.max(...counts);
  if (free.length < widest) fail("there are not letters enough for the axes of its ellipsis");
  const around = free.slice(0, Math.max(0, widest));
  const inputs = terms.map((term, i) => {
    const letters = spell(term, around.slice(around.length - counts[i]!));
    if (counts[i]! < 0 || letters.length !== ranks[i]!) fail(`"${term}" does not fit input ${i} of rank ${ranks[i]!}`);
    return letters;
  });
  if (right === undefined) return { inputs, output: [...around, ...once(inputs.flat(), around)] };
  const output = spell(right, around);
  if (new Set(output).size < output.length) fail(`"${right}" names an axis twice`);
  for (const letter of output) if (!inputs.some((input) => input.includes(letter))) fail(`"${letter}" of the result is in no term`);
  return { inputs, output };
}

function spell(term: string, around: readonly string[]): string[] {
  const [before, after] = term.split("...");
  return after === undefined ? [...term] : [...before!, ...around, ...after];
}

/** Letters that occur once and are not of the ellipsis, in alphabetical order (capitals first). */
function once(letters: readonly string[], around: readonly string[]): string[] {
  return letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter) && !around.includes(letter)).sort();
}

/** The size of every letter; an axis of size 1 is repeated where others are longer. */
function sizesOf({ inputs }: Letters, shapes: readonly Shape[]): Map<string, Dim> {
  const sizes = new Map<string, Dim>();
  inputs.forEach((letters, i) =>
    letters.forEach((letter, axis) => {
      const dim = shapes[i]![axis]!;
      const known = sizes.get(letter) ?? 1;
      const both = known === 1 ? dim : dim === 1 ? known : matchDim(known, dim);
      if (both === undefined)
        throw new GradusError(`axis "${letter}" has sizes ${known} and ${dim} in ${shapes.map(formatShape).join(" and ")}`);
      sizes.set(letter, both);
    }),
  );
  return sizes;
}

/** Steps of an input along each letter: those of all axes it names, added, so that a repeated letter walks the diagonal. */
function stepsAlong(order: readonly string[], letters: readonly string[], shape: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return order.map((letter) =>
    letters.reduce((step, other, axis) => (other === letter && shape[axis] !== 1 ? step + strides[axis]! : step), 0),
  );
}

function evaluate(equation: string, arrays: readonly NdArray[]): NdArray {
  const shapes = arrays.map(({ shape }) => shape);
  const letters = parse(
    equation,
    shapes.map((shape) => shape.length),
  );
  const sizes = sizesOf(letters, shapes) as Map<string, number>;
  const summed = [...sizes.keys()].filter((letter) => !letters.output.includes(letter));
  const order = [...letters.output, ...summed];
  const shape = letters.output.map((letter) => sizes.get(letter)!);
  const data = new Float64Array(sizeOf(shape));
  const each = sizeOf(summed.map((letter) => sizes.get(letter)!));
  const factors = arrays.map(numbers);
  walk(
    order.map((letter) => sizes.get(letter)!),
    letters.inputs.map((input, i) => stepsAlong(order, input, shapes[i]!)),
    (index, offsets) => (data[Math.floor(index / each)]! += factors.reduce((product, factor, i) => product * factor[offsets[i]!]!, 1)),
  );
  return { dtype: arrays[0]!.dtype, shape, data };
}

/**
 * ∂/∂input i, itself an Einsum: of dy and the other inputs, for the letters of input i that they have. A letter that only input i
 * has was summed over: the gradient is repeated along it. A letter it names twice walked a diagonal: the gradient is 0 beside it.
 */
function inputGradient({ ops, inputs, outputGradients: [dy], attributes }: GradientContext<EinsumAttributes>, i: number): Value {
  const shapes = inputs.map(({ shape }) => shape);
  const all = parse(
    attributes.equation,
    shapes.map((shape) => shape.length),
  );
  const sizes = sizesOf(all, shapes);
  const own = all.inputs[i]!;
  const x = inputs[i]!;
  const repeated = (axis: number) => x.shape[axis] === 1 && sizes.get(own[axis]!) !== 1;
  const terms = [{ value: dy, letters: all.output }, ...inputs.map((value, k) => ({ value, letters: all.inputs[k]! }))].filter(
    (_, k) => k !== i + 1,
  );
  const there = new Set(terms.flatMap(({ letters }) => letters));
  const unique = own.filter((letter, axis) => own.indexOf(letter) === axis && there.has(letter) && !repeated(axis));
  let result = product(ops, terms, unique);
  // One axis for each of the input's, of size 1 where the letter is missing or stood before; then repeated to the input's shape.
  const missing = own.flatMap((letter, axis) => (unique.includes(letter) && own.indexOf(letter) === axis ? [] : [axis]));
  if (missing.length > 0) result = ops.Unsqueeze(result, int64(missing));
  own.forEach((letter, axis) => {
    const first = own.indexOf(letter);
    if (first === axis) return;
    result = ops.Mul(result, diagonal(ops, x, first, axis));
  });
  return result.shape.every((dim, axis) => dim === x.shape[axis]) ? result : ops.Expand(result, ops.Shape(x));
}

/** Σ of products for the letters asked for; a scalar factor is multiplied apart, since a term without letters is not everywhere known. */
function product(ops: Ops, terms: readonly { value: Value; letters: readonly string[] }[], output: readonly string[]): Value {
  const scalars = terms.filter(({ letters }) => letters.length === 0);
  const others = terms.filter(({ letters }) => letters.length > 0);
  const equation = `${others.map(({ letters }) => letters.join("")).join(",")}->${output.join("")}`;
  const [first] = others;
  const same = others.length === 1 && first!.letters.join() === output.join();
  const made = others.length === 0 ? [] : same ? [first!.value] : [ops.Einsum(...others.map(({ value }) => value), { equation })];
  return [...made, ...scalars.map(({ value }) => value)].reduce((a, b) => ops.Mul(a, b));
}

/** 1 where x's positions along two axes of one size are equal. */
function diagonal(ops: Ops, x: Value, first: number, second: number): Value {
  const along = (axis: number) => {
    const at = rangeTo(ops, dimOf(ops, x, axis));
    const others = x.shape.flatMap((_, i) => (i === axis ? [] : [i]));
    return others.length > 0 ? ops.Unsqueeze(at, int64(others)) : at;
  };
  return indicator(ops, ops.Equal(along(first), along(second)), x);
}

/** Products of elements of the inputs, summed over every axis that the result does not name: matrix products, traces, diagonals, … */
export const Einsum: Op<EinsumAttributes> = defineOp<EinsumAttributes>({
  arity: [1, Infinity],
  attributes: { equation: "string" },
  infer: (context) => {
    const dtype = requireSameDType(context);
    const shapes = context.inputs.map((_, i) => requireNumber(required(context, i)).shape);
    const { equation } = context.attributes;
    if (typeof equation !== "string") throw new GradusError('Einsum needs an equation, such as "ij,jk->ik"');
    const letters = parse(
      equation,
      shapes.map((shape) => shape.length),
    );
    const sizes = sizesOf(letters, shapes);
    return [{ dtype, shape: letters.output.map((letter) => sizes.get(letter)!) }];
  },
  evaluate: (inputs, { attributes: { equation } }) => [
    evaluate(
      equation,
      inputs.map((x) => x!),
    ),
  ],
  gradient: (context) => context.inputs.map((_, i) => (context.needs(i) ? inputGradient(context, i) : null)),
  samples: [
    {
      inputs: [
        [3, 4],
        [4, 2],
      ],
      attributes: { equation: "ij,jk->ik" },
    },
    {
      inputs: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      attributes: { equation: "bij, bjk -> bik" },
    },
    { inputs: [[3, 4]], attributes: { equation: "ij->ji" } },
    { inputs: [[3, 4]], attributes: { equation: "ij->i" } },
    { inputs: [[3, 4]], attributes: { equation: "ij->" } },
    { inputs: [[4], [4]], attributes: { equation: "i,i" } },
    { inputs: [[3], [4]], attributes: { equation: "i,j->ij" } },
    { inputs: [[3, 3]], attributes: { equation: "ii->i" } },
    { inputs: [[3, 3]], attributes: { equation: "ii" } },
    { inputs: [[2, 3, 3]], attributes: { equation: "...ii->...i" } },
    {
      inputs: [
        [2, 3, 4],
        [4, 5],
      ],
      attributes: { equation: "...ij,jk" },
    },
    {
      inputs: [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
      attributes: { equation: "...ij,...jk->...ik" },
    },
    {
      inputs: [
        [2, 1, 3, 4],
        [1, 5, 4, 2],
      ],
      attributes: { equation: "...ij,...jk->...ik" },
    },
    {
      inputs: [
        [3, 4],
        [4, 5],
        [5, 2],
      ],
      attributes: { equation: "ab,bc,cd->ad" },
    },
    {
      inputs: [
        [2, 3],
        [2, 3],
      ],
      attributes: { equation: "ij,kj->ik" },
    },
    { inputs: [[2, 3, 2], [3]], attributes: { equation: "iji,j->ji" } },
    {
      inputs: [
        [3, 2],
        [3, 4],
      ],
      attributes: { equation: "ia,ib->" },
    },
    {
      inputs: [
        [2, 3],
        [4, 3, 2],
      ],
      attributes: { equation: "ba,cab" },
    },
  ],
});

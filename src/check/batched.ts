/**
 * Every coordinate's slope by many perturbed copies in one call. Where a parameter moves one column of a product, only what comes
 * behind it is computed again; where that column goes through an elementwise function into the next product, a rank-one update
 * of that product's result is enough. Both take the operator's linearity for granted: plain evaluations of a sample must agree.
 */
import type { Executor } from "../exec/session.ts";
import { graph, input, int64, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";
import { defaultStep, stepAt, type DifferenceOptions } from "./difference.ts";
import { compileWide, type Evaluator } from "./evaluate.ts";
import { lowered } from "./lower.ts";
import { rebuild, type Replacements } from "../ops/rewrite.ts";
import { columnMove, heldBeside, rankOne, type ColumnMove, type RankOne } from "./structure.ts";
import type { Subject } from "./subject.ts";

/** Elements of the copies' largest matrix: about what a core's cache holds. */
const copiesElements = 131_072;
const mostCopies = 256;

export interface Batched {
  /**
   * Slopes of all coordinates of a parameter, at a share of the usual steps; undefined where the structure does not allow it, or no
   * form of it `agrees`.
   */
  slopes(parameter: number, share: number, agrees: (slopes: Float64Array) => boolean): Promise<Float64Array | undefined>;
}

export function batchedSlopes(
  subject: Subject,
  evaluator: Evaluator,
  options: DifferenceOptions & { readonly executor?: Executor },
): Batched {
  const { perExample, parameters } = subject;
  const values = perExample && lowered([perExample.values])[0]!;
  return {
    async slopes(position, ofStep, agrees) {
      const shorter = { ...options, step: ofStep * (options.step ?? defaultStep) };
      const move = values && columnMove(values, parameters[position]!);
      if (!move) return undefined;
      const jump = rankOne(values, move.z);
      for (const form of jump ? [jump, undefined] : [undefined]) {
        try {
          const slopes = await slopesOf(values, evaluator, { position, move, jump: form, share: perExample!.share }, shorter);
          if (agrees(slopes)) return slopes;
        } catch (error) {
          // A graph that does not take other sizes than its own is evaluated as a whole.
          if (!(error instanceof GradusError)) throw error;
        }
      }
      return undefined;
    },
  };
}

interface Way {
  readonly position: number;
  readonly move: ColumnMove;
  readonly jump: RankOne | undefined;
  readonly share: number;
}

async function slopesOf(
  values: Value,
  evaluator: Evaluator,
  { position, move, jump, share }: Way,
  options: DifferenceOptions & { readonly executor?: Executor },
): Promise<Float64Array> {
  const start = jump ? jump.y : move.z;
  const held = heldBeside(values, start);
  const [z, base, ones, ...rest] = await evaluator.values([
    move.z,
    start,
    values,
    ...held,
    ...(move.x ? [move.x] : []),
    ...(jump ? [jump.w] : []),
  ]);
  const [rows, n] = z!.shape as [number, number];
  const width = base!.shape[1]!;
  const examples = sizeOf(ones!.shape);
  const x = move.x ? (rest[held.length]!.data as Float64Array) : undefined;
  const w = jump ? (rest[rest.length - 1]!.data as Float64Array) : undefined;
  const theta = evaluator.parameters[position]!;
  const m = theta.length / n;
  const pairs = Math.max(1, Math.min(mostCopies, Math.floor(copiesElements / (rows * width)), 2 * theta.length) >> 1);
  const { wanted, feeds } = copiesGraph({ values, start, jump, z: move.z, held, heldTensors: rest, rows, width, examples, pairs });
  const { session } = await compileWide(wanted, options.executor);
  try {
    feeds["base"] = base!;
    const steps = feeds["steps"]!.data as Float64Array;
    const xs = feeds["xs"]!.data as Float64Array;
    const row = feeds["row"]!.data as Float64Array;
    const column = feeds["column"]?.data as Float64Array | undefined;
    const columns = transposed(z!.data as Float64Array, rows, n);
    const inputs = x && transposed(x, rows, m);
    if (!inputs) xs.fill(1);
    const into = { losses: tensor("float64", new Float64Array(2 * pairs), [2 * pairs]) };
    const losses = into.losses.data as Float64Array;
    const slopes = new Float64Array(theta.length);
    for (let from = 0; from < theta.length; from += pairs) {
      const count = Math.min(pairs, theta.length - from);
      steps.fill(0);
      if (!w) row.fill(0);
      for (let c = 0; c < count; c++) {
        const at = from + c;
        const [i, j] = [Math.floor(at / n), at % n];
        steps[c] = stepAt(theta[move.order[at]!]!, options);
        if (inputs) xs.set(inputs.subarray(i * rows, (i + 1) * rows), c * rows);
        if (column) column.set(columns.subarray(j * rows, (j + 1) * rows), c * rows);
        if (w) row.set(w.subarray(j * width, (j + 1) * width), c * width);
        else row[c * width + j] = 1;
      }
      await session.run(feeds, into);
      for (let c = 0; c < count; c++) slopes[move.order[from + c]!] = (share * (losses[c]! - losses[pairs + c]!)) / (2 * steps[c]!);
    }
    return slopes;
  } finally {
    await session.dispose();
  }
}

/**
 * Losses of 2·pairs copies: the sum over examples at +step, then at −step. Inputs: `xs` [pairs, rows], `steps` [pairs, 1],
 * `row` [pairs, 1, width], `base` [rows, width], with a jump `column` [pairs, rows]; what is held, repeated for every copy.
 */
function copiesGraph(spec: {
  readonly values: Value;
  readonly start: Value;
  readonly jump: RankOne | undefined;
  readonly z: Value;
  readonly held: readonly Value[];
  readonly heldTensors: readonly Tensor[];
  readonly rows: number;
  readonly width: number;
  readonly examples: number;
  readonly pairs: number;
}) {
  const { values, start, jump, z, held, heldTensors, rows, width, examples, pairs } = spec;
  const copies = 2 * pairs;
  const xs = input("xs", "float64", [pairs, rows]);
  const steps = input("steps", "float64", [pairs, 1]);
  const row = input("row", "float64", [pairs, 1, width]);
  const base = input("base", "float64", [rows, width]);
  const column = input("column", "float64", [pairs, rows]);
  const moved = ops.Mul(xs, steps);
  const both = (up: Value, down: Value) => ops.Concat(up, down, { axis: 0 });
  let delta = both(moved, ops.Neg(moved));
  if (jump) {
    const f = (at: Value) => rebuild([jump.a], new Map([[z, at]]))[0]!;
    const middle = f(column);
    delta = ops.Sub(f(ops.Add(both(column, column), delta)), both(middle, middle));
  }
  const update = ops.Mul(ops.Unsqueeze(delta, int64([2])), both(row, row));
  const whole = ops.Reshape(ops.Add(update, base), int64([copies * rows, width]));
  const made: Replacements = new Map([[start, whole]]);
  const feeds: Record<string, Tensor> = {};
  held.forEach((value, i) => {
    const given = heldTensors[i]!;
    const tiled = repeatedFor(value, given, copies);
    made.set(value, input(`held${i}`, tiled.dtype, tiled.shape));
    feeds[`held${i}`] = tiled;
  });
  const [perExample] = rebuild([values], made);
  const losses = ops.ReduceSum(ops.Reshape(perExample!, int64([copies, examples])), int64([1]), { keepdims: 0 });
  const inputs = [xs, steps, row, base, ...(jump ? [column] : [])];
  for (const { name, shape } of inputs) {
    const sizes = shape as number[];
    feeds[name!] = tensor("float64", new Float64Array(sizeOf(sizes)), sizes);
  }
  return { wanted: onlyRead(graph({ outputs: { losses } }), feeds), feeds };
}

/** Feeds that the graph reads; a session refuses others. */
function onlyRead(wanted: ReturnType<typeof graph>, feeds: Record<string, Tensor>) {
  const names = new Set(wanted.inputs.map(({ name }) => name!));
  for (const name of Object.keys(feeds)) if (!names.has(name)) delete feeds[name];
  return wanted;
}

/** A held tensor for every copy: repeated where its first axis goes with the examples. */
function repeatedFor({ shape, name }: Value, given: Tensor, copies: number): Tensor {
  if (shape.slice(1).some((dim) => typeof dim === "string")) throw new GradusError(`${name ?? "a value"} is not laid out by examples`);
  if (typeof shape[0] !== "string") return given;
  const from = given.data as Float64Array;
  const data = new (from.constructor as Float64ArrayConstructor)(from.length * copies);
  for (let copy = 0; copy < copies; copy++) data.set(from, copy * from.length);
  return tensor(given.dtype, data, [given.shape[0]! * copies, ...given.shape.slice(1)]);
}

function transposed(data: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return out;
}

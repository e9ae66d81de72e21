/**
 * Small nodes over constants, computed while a file is read: exporters write axes, pads and scales as chains of nodes, and operators
 * whose output's shape depends on them must know them. The chains stay in the graph where nobody needs to.
 */
import { constant, type Node, type Value } from "../ir/graph.ts";
import { isFloat, type DType } from "../ir/dtype.ts";
import { sizeOf, staticShape } from "../ir/shape.ts";
import { zeros, type NumericArray, type Tensor } from "../ir/tensor.ts";
import { contentsOf, opRecord } from "../ops/build.ts";
import type { NdArray } from "../ops/op.ts";

/** Elements of the largest tensor that is computed here. */
const most = 256;

/** What shapes are computed with; each takes time in proportion to what goes in and comes out, whatever its attributes say. */
const folded = new Set(
  (
    "Abs Add And Cast Ceil Concat ConstantOfShape Div Equal Expand Flatten Floor Gather GatherElements GatherND Greater " +
    "GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul Neg Not Or Pad Pow Range ReduceMax ReduceMin ReduceProd ReduceSum " +
    "Reshape Round ScatterElements ScatterND Shape Size Slice Split Sqrt Squeeze Sub Tile Transpose Unsqueeze Where Xor"
  ).split(" "),
);

/** Values that are known though nodes make them, as constants. */
export type KnownValues = Map<Value, Value>;

/**
 * Notes what a node makes, where its inputs are known and the results small. What is computed from weights stays unknown: they are
 * there to be trained.
 * @param weights initializers of floats
 */
export function noteKnown(node: Node, known: KnownValues, weights: ReadonlySet<Tensor>): void {
  if (!folded.has(node.op)) return;
  if (!node.outputs.every(({ dtype, shape }) => isKept(dtype) && (sizeIn(shape) ?? Infinity) <= most)) return;
  const inputs: (NdArray | null)[] = [];
  for (const value of node.inputs) {
    // Slice's bounds may lie beyond any size.
    const array = value ? knownArray(known.get(value) ?? value, weights, node.op === "Slice") : null;
    if (array === undefined) return;
    inputs.push(array);
  }
  const context = { op: node.op, attributes: node.attributes, outputCount: node.outputs.length, run: () => [] };
  opRecord(node.op)
    .evaluate(inputs, context)
    .forEach((result, i) => {
      const tensor = toTensor(result);
      if (tensor) known.set(node.outputs[i]!, constant(tensor));
    });
}

/** Elements that an array of float64 holds to the last digit, and no half floats, which are held as bits. */
const isKept = (dtype: DType) => dtype !== "float16" && dtype !== "uint64" && dtype !== "string";

function sizeIn(shape: Value["shape"]): number | undefined {
  const known = staticShape(shape);
  return known && sizeOf(known);
}

function knownArray(value: Value, weights: ReadonlySet<Tensor>, mayBeHuge: boolean): NdArray | undefined {
  const { origin, dtype } = value;
  if (!isKept(dtype)) return undefined;
  if (origin.kind === "constant") {
    const { shape, data } = origin.tensor;
    if (data.length > most || (isFloat(dtype) && weights.has(origin.tensor))) return undefined;
    const numbers = Float64Array.from(data as Float64Array, Number);
    return numbers.every((x) => isFloat(dtype) || mayBeHuge || Number.isSafeInteger(x)) ? { dtype, shape, data: numbers } : undefined;
  }
  const shape = staticShape(value.shape);
  const contents = shape && shape.length < 2 && sizeOf(shape) <= most ? contentsOf(value) : undefined;
  if (!shape || !contents?.every((dim) => typeof dim === "number")) return undefined;
  return { dtype, shape, data: Float64Array.from(contents) };
}

function toTensor({ dtype, shape, data }: NdArray): Tensor | undefined {
  const numbers = data as Float64Array;
  if (isFloat(dtype)) return { dtype, shape, data: fill(dtype, numbers) };
  return numbers.every(Number.isSafeInteger) ? { dtype, shape, data: fill(dtype, numbers) } : undefined;
}

function fill(dtype: DType, numbers: Float64Array): NumericArray {
  const array = zeros(dtype, numbers.length) as NumericArray;
  const isBig = array instanceof BigInt64Array;
  numbers.forEach((x, i) => (array[i] = isBig ? BigInt(x) : x));
  return array;
}

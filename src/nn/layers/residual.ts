/** Layers with a way around them (He et al. 2016): y = x + f(x). */
import type { Value } from "../../ir/graph.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { Layer, LayerContext, LayerDefinition } from "../layer.ts";
import { perAxis } from "./numbers.ts";

export interface Residual {
  readonly kind: "residual";
  readonly layers: readonly Layer[];
}

/** Where f changes the shape, the way around has a projection: 1×1 convolution with the stride that fits, or a dense matrix; no bias. */
export function residual(layers: readonly Layer[]): Residual {
  return { kind: "residual", layers };
}

export const residualLayer: LayerDefinition<Residual> = {
  kind: "residual",
  build({ layers }, x, context) {
    const y = context.build(layers, x);
    return ops.Add(sameShape(x.shape, y.shape) ? x : project(x, y, context), y);
  },
  describe: () => "",
  inner: ({ layers }) => layers,
};

function project(x: Value, y: Value, { name, parameter }: LayerContext): Value {
  const [from, to] = [x.shape.slice(1), y.shape.slice(1)] as [number[], number[]];
  const unfit = () =>
    new GradusError(`${name} cannot add its input ${formatShape(x.shape)} to its layers' output ${formatShape(y.shape)}`, {
      hint: "same rank, and sizes that the stride divides",
    });
  if (from.length !== to.length || [...from, ...to].some((size) => typeof size !== "number")) throw unfit();
  const last = from.length - 1;
  if (from.length <= 2) {
    if (from.slice(0, -1).some((size, axis) => size !== to[axis])) throw unfit();
    const [fanIn, fanOut] = [from[last]!, to[last]!];
    const w = parameter({ name: "projection", shape: [fanIn, fanOut], role: "weight", initializer: "lecunNormal", fanIn, fanOut });
    return ops.MatMul(x, w);
  }
  const strides = from.slice(1).map((size, axis) => Math.round(size / to[axis + 1]!));
  if (strides.some((stride, axis) => stride < 1 || Math.ceil(from[axis + 1]! / stride) !== to[axis + 1])) throw unfit();
  const [fanIn, fanOut] = [from[0]!, to[0]!];
  const shape = [fanOut, fanIn, ...perAxis(1, strides.length)];
  const w = parameter({ name: "projection", shape, role: "weight", initializer: "lecunNormal", fanIn, fanOut, rows: fanOut });
  return ops.Conv(x, w, { strides });
}

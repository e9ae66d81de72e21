import { describe, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input, type Value } from "../../src/ir/graph.ts";
import { constant } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { loweredOps, lowered } from "../../src/check/lower.ts";
import { rng } from "../../src/util/rng.ts";

/** Both ways of computing a value, on the same random numbers. */
function bothWays(value: Value, given: Readonly<Record<string, Float64Array>> = {}) {
  const found = [value, lowered([value])[0]!].map((one) => {
    const whole = graph({ outputs: { one } });
    const feeds = whole.inputs.map(({ name, shape }) => {
      const sizes = shape.map((dim) => (typeof dim === "number" ? dim : 2));
      const count = sizes.reduce((a, b) => a * b, 1);
      const data = given[name!] ?? rng(1, name!).fillNormal(new Float64Array(count));
      return [name!, { dtype: "float64" as const, shape: sizes, data }];
    });
    return { result: evaluateGraph(whole, Object.fromEntries(feeds))["one"]!, operators: whole.nodes.map(({ op }) => op) };
  });
  const [direct, other] = found as [(typeof found)[0], (typeof found)[0]];
  const [a, b] = [direct.result.data as Float64Array, other.result.data as Float64Array];
  return {
    shapes: [direct.result.shape, other.result.shape],
    operators: other.operators,
    off: Math.max(...a.map((x, i) => Math.abs(x - b[i]!))),
  };
}

const image = input("x", "float64", ["batch", 3, 6, 8]);
const kernel = input("w", "float64", [5, 3, 3, 2]);
const bias = input("b", "float64", [5]);
const scales = (...factors: number[]) => constant(tensor("float32", factors));
const nearest = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" } as const;

const cases: Readonly<Record<string, Value>> = {
  "Conv, padded on one side, with a bias": ops.Conv(image, kernel, bias, { pads: [1, 0, 0, 1] }),
  "Conv, strides and dilations": ops.Conv(image, kernel, { strides: [2, 1], dilations: [2, 3] }),
  AveragePool: ops.AveragePool(image, { kernel_shape: [2, 3], strides: [2, 1] }),
  GlobalAveragePool: ops.GlobalAveragePool(image),
  GlobalMaxPool: ops.GlobalMaxPool(image),
  InstanceNormalization: ops.InstanceNormalization(image, input("s", "float64", [3]), input("c", "float64", [3])),
  Resize: ops.Resize(image, null, scales(1, 1, 2, 3), null, nearest),
};

describe("operators written with others", () => {
  for (const [name, value] of Object.entries(cases)) {
    test(`${name}: the same numbers without it`, () => {
      const op = name.split(",")[0]!;
      const { shapes, operators, off } = bothWays(value);
      expect(loweredOps([value])).toEqual([op]);
      expect(operators).not.toContain(op);
      expect(shapes[1]).toEqual(shapes[0]);
      expect(off).toBeLessThan(1e-13);
    });
  }

  test("Erf within 10⁻¹⁵ from 10⁻⁹ to beyond 6, odd, and 0 at 0", () => {
    const positive = [
      ...Array.from({ length: 4000 }, (_, i) => i / 500),
      ...Array.from({ length: 90 }, (_, i) => 10 ** (-9 + i / 10)),
      40,
      1e300,
    ];
    const x = Float64Array.from([...positive, ...positive.map((number) => -number)]);
    const { operators, off } = bothWays(ops.Erf(input("x", "float64", [x.length])), { x });
    expect(operators).not.toContain("Erf");
    expect(off).toBeLessThan(1e-15);
  });

  test("Resize that would have to round or to interpolate is left alone", () => {
    const left = [
      ops.Resize(image, null, scales(1, 1, 1.5, 2), null, nearest),
      ops.Resize(image, null, scales(1, 1, 2, 2), null, { ...nearest, mode: "linear" }),
      ops.Resize(image, null, scales(1, 1, 2, 2)),
    ];
    for (const value of left) expect(bothWays(value).operators).toEqual(["Resize"]);
  });
});

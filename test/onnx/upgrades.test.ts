/** Older and newer forms of operators: what we make of a file is what ONNX Runtime makes of it, or what the sources' formula says. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import ort from "onnxruntime-node";
import { describe as group, expect, test } from "vitest";
import { reference } from "../../src/exec/reference.ts";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { tensor } from "../../src/ir/tensor.ts";
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type AttributeProtoSchema,
  type NodeProtoSchema,
  type ValueInfoProtoSchema,
} from "../../src/onnx/onnx_pb.ts";
import { readModel } from "../../src/onnx/read.ts";
import { codeOf, writeTensor } from "../../src/onnx/tensor-proto.ts";
import { operatorFacts } from "../../src/onnx/operators.ts";
import { upgrades } from "../../src/onnx/upgrades/index.ts";
import { rng } from "../../src/util/rng.ts";
import { difference } from "../conformance/onnx-data.ts";

type Attribute = MessageInitShape<typeof AttributeProtoSchema>;
const int = (name: string, i: number): Attribute => ({ name, type: Kind.INT, i: BigInt(i) });
const ints = (name: string, ...list: number[]): Attribute => ({ name, type: Kind.INTS, ints: list.map(BigInt) });
const float = (name: string, f: number): Attribute => ({ name, type: Kind.FLOAT, f });
const floats = (name: string, ...list: number[]): Attribute => ({ name, type: Kind.FLOATS, floats: list });
const text = (name: string, s: string): Attribute => ({ name, type: Kind.STRING, s: new TextEncoder().encode(s) });
const texts = (name: string, ...list: string[]): Attribute => ({
  name,
  type: Kind.STRINGS,
  strings: list.map((s) => new TextEncoder().encode(s)),
});
const held = (name: string, t: Tensor): Attribute => ({ name, type: Kind.TENSOR, t: writeTensor(t) });

const random = rng(5, "upgrades");
const normal = (...shape: number[]): Tensor =>
  tensor(
    "float32",
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );
const positive = (...shape: number[]): Tensor => ({
  ...normal(...shape),
  data: (normal(...shape).data as Float32Array).map((x) => x * x + 0.5),
});
const whole = (...list: number[]): Tensor => tensor("int64", list, [list.length]);

interface Case {
  readonly op: string;
  readonly opset: number;
  readonly domain?: string;
  readonly attributes?: readonly Attribute[];
  /** Inputs of the graph; null is left out, and `{ fixed }` an initializer. */
  readonly inputs: readonly (Tensor | { readonly fixed: Tensor } | null)[];
  readonly outputs?: number;
  /** Results, where ONNX Runtime does not have this form. */
  readonly expected?: readonly Tensor[];
}

const fixed = (value: Tensor) => ({ fixed: value });
const tensorOf = (one: Tensor | { fixed: Tensor }): Tensor => ("fixed" in one ? one.fixed : one);

/** The file; sizes of the inputs as they are, unless they should have names. */
function fileOf({ op, opset, domain = "", attributes = [], inputs, outputs = 1 }: Case, named: boolean): Uint8Array {
  const info = (name: string, { dtype, shape }: Tensor): MessageInitShape<typeof ValueInfoProtoSchema> => ({
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: codeOf(dtype),
          shape: {
            dim: shape.map((size, axis) => ({
              value: named && axis === 0 && name === "x0" ? { case: "dimParam", value: "n" } : { case: "dimValue", value: BigInt(size) },
            })),
          },
        },
      },
    },
  });
  const names = inputs.map((input, i) => (input ? `x${i}` : ""));
  const node: MessageInitShape<typeof NodeProtoSchema> = {
    opType: op,
    domain,
    input: names,
    output: Array.from({ length: outputs }, (_, i) => `y${i}`),
    attribute: [...attributes],
  };
  const model = create(ModelProtoSchema, {
    irVersion: opset < 9 ? 3n : 8n,
    opsetImport:
      domain === ""
        ? [{ domain, version: BigInt(opset) }]
        : [
            { domain: "", version: 17n },
            { domain, version: BigInt(opset) },
          ],
    graph: {
      name: "g",
      node: [node],
      // Files of IR version 3 list initializers among the inputs.
      input: inputs.flatMap((input, i) => (input && (!("fixed" in input) || opset < 9) ? [info(`x${i}`, tensorOf(input))] : [])),
      output: Array.from({ length: outputs }, (_, i) => ({ name: `y${i}` })),
      initializer: inputs.flatMap((input, i) => (input && "fixed" in input ? [writeTensor(input.fixed, `x${i}`)] : [])),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

const feedsOf = ({ inputs }: Case): Record<string, Tensor> =>
  Object.fromEntries(inputs.flatMap((input, i) => (input && !("fixed" in input) ? [[`x${i}`, input]] : [])));

/** What ONNX Runtime makes of the file as it came. Outputs need their types there, so ours are written in. */
async function judge(one: Case): Promise<Record<string, Tensor>> {
  if (one.expected) return Object.fromEntries(one.expected.map((value, i) => [`y${i}`, value]));
  const session = await ort.InferenceSession.create(fileOf(one, false), { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const feeds = Object.entries(feedsOf(one)).map(([name, { dtype, data, shape }]) => [
    name,
    new ort.Tensor(dtype, data as Float32Array, [...shape]),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: type, shape: dims, data } as Tensor]),
  );
}

const image = normal(2, 3, 4, 4);
const x = normal(2, 3, 4);
const scale = { bn: [positive(3), normal(3), normal(3), positive(3)].map(fixed) };
const reduceNames = [
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceMax",
  "ReduceMean",
  "ReduceMin",
  "ReduceProd",
  "ReduceSumSquare",
];

const cases: readonly Case[] = [
  { op: "Squeeze", opset: 11, attributes: [ints("axes", 0, 2)], inputs: [normal(1, 3, 1)] },
  { op: "Squeeze", opset: 7, inputs: [normal(1, 3, 1)] },
  { op: "Unsqueeze", opset: 11, attributes: [ints("axes", 0, 3)], inputs: [x] },
  { op: "Slice", opset: 9, attributes: [ints("starts", 1, -2), ints("ends", 9, 4), ints("axes", 0, 2)], inputs: [x] },
  { op: "Slice", opset: 9, attributes: [ints("starts", 0, 1), ints("ends", 1, Number.MAX_SAFE_INTEGER)], inputs: [x] },
  { op: "Pad", opset: 7, attributes: [ints("pads", 0, 1, 0, 0, 0, 2), float("value", 1.5)], inputs: [x] },
  { op: "Pad", opset: 10, attributes: [ints("pads", 0, 1, 1, 0, 1, 2), text("mode", "reflect")], inputs: [x] },
  { op: "Pad", opset: 18, inputs: [x, fixed(whole(1, 2, 3, 4)), null, fixed(whole(2, -2))] },
  { op: "Pad", opset: 21, inputs: [x, fixed(whole(1, 2)), fixed(tensor("float32", 7)), fixed(whole(1))] },
  { op: "Pad", opset: 18, inputs: [x, whole(1, 2), null, fixed(whole(1))] },
  { op: "TopK", opset: 9, attributes: [int("k", 2)], inputs: [x], outputs: 2 },
  { op: "TopK", opset: 7, attributes: [int("k", 2), int("axis", 1)], inputs: [x], outputs: 2 },
  { op: "Split", opset: 11, attributes: [ints("split", 1, 3), int("axis", 2)], inputs: [x], outputs: 2 },
  { op: "Split", opset: 7, attributes: [int("axis", 1)], inputs: [x], outputs: 3 },
  { op: "Split", opset: 13, attributes: [int("axis", -1)], inputs: [x], outputs: 2 },
  { op: "Split", opset: 13, inputs: [normal(4, 2)], outputs: 2 },
  { op: "Split", opset: 18, attributes: [int("num_outputs", 2), int("axis", 1)], inputs: [x], outputs: 2 },
  { op: "Split", opset: 18, attributes: [int("axis", 1)], inputs: [x, fixed(whole(1, 2))], outputs: 2 },
  { op: "Scatter", opset: 9, attributes: [int("axis", 1)], inputs: [x, tensor("int64", [[[1, 0, 1, 0]]]), normal(1, 1, 4)] },
  {
    op: "GridSample",
    opset: 20,
    attributes: [text("mode", "linear"), int("align_corners", 1)],
    inputs: [image, positive(2, 3, 3, 2)],
  },
  { op: "Add", opset: 6, attributes: [int("broadcast", 1), int("axis", 1)], inputs: [x, normal(3)], expected: [] },
  { op: "Mul", opset: 6, attributes: [int("broadcast", 1)], inputs: [x, normal(4)], expected: [] },
  { op: "PRelu", opset: 6, inputs: [x, positive(3)], expected: [] },
  { op: "Clip", opset: 7, attributes: [float("min", -0.5)], inputs: [x] },
  { op: "Clip", opset: 10, attributes: [float("min", -0.5), float("max", 0.25)], inputs: [x] },
  { op: "Cast", opset: 19, attributes: [int("to", 7), int("saturate", 1)], inputs: [x] },
  { op: "CastLike", opset: 19, attributes: [int("saturate", 1)], inputs: [x, whole(1)] },
  { op: "Gelu", opset: 20, inputs: [x] },
  { op: "Gelu", opset: 20, attributes: [text("approximate", "tanh")], inputs: [x] },
  { op: "Mish", opset: 18, inputs: [x] },
  { op: "Gemm", opset: 7, attributes: [int("transB", 1), float("alpha", 0.5)], inputs: [normal(2, 3), normal(4, 3), normal(4)] },
  { op: "ReduceSum", opset: 11, attributes: [ints("axes", 1, -1), int("keepdims", 0)], inputs: [x] },
  { op: "ReduceSum", opset: 7, inputs: [x] },
  ...reduceNames.flatMap((op): Case[] => [
    { op, opset: 18, attributes: [int("keepdims", 0)], inputs: [positive(2, 3, 4), fixed(whole(0, -1))] },
    { op, opset: 18, inputs: [positive(2, 3, 4)] },
    { op, opset: 11, attributes: [ints("axes", 1)], inputs: [positive(2, 3, 4)] },
  ]),
  ...["ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd"].map((op): Case => ({
    op,
    opset: 18,
    attributes: [int("noop_with_empty_axes", 1)],
    inputs: [x],
  })),
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((op): Case[] => [
    { op, opset: 7, inputs: [x] },
    { op, opset: 11, attributes: [int("axis", 0)], inputs: [x] },
    { op, opset: 12, attributes: [int("axis", -1)], inputs: [x] },
    { op, opset: 9, attributes: [int("axis", 2)], inputs: [x] },
  ]),
  { op: "BatchNormalization", opset: 7, attributes: [float("epsilon", 0.1)], inputs: [image, ...scale.bn] },
  { op: "BatchNormalization", opset: 9, inputs: [x, ...scale.bn] },
  {
    op: "BatchNormalization",
    opset: 7,
    attributes: [int("spatial", 0)],
    inputs: [x, ...[positive(3, 4), normal(3, 4), normal(3, 4), positive(3, 4)].map(fixed)],
  },
  { op: "BatchNormalization", opset: 22, inputs: [image, ...scale.bn] },
  { op: "Dropout", opset: 7, attributes: [float("ratio", 0.3)], inputs: [x] },
  { op: "Dropout", opset: 10, attributes: [float("ratio", 0.3)], inputs: [x] },
  { op: "Dropout", opset: 22, inputs: [x] },
  { op: "GroupNormalization", opset: 21, attributes: [int("num_groups", 2)], inputs: [normal(2, 4, 3, 3), normal(4), normal(4)] },
  { op: "GroupNormalization", opset: 18, attributes: [int("num_groups", 2)], inputs: [normal(2, 4, 3, 3), normal(2), normal(2)] },
  { op: "RMSNormalization", opset: 23, attributes: [int("axis", -2), float("epsilon", 0.01)], inputs: [x, normal(3, 4)] },
  { op: "MeanVarianceNormalization", opset: 9, inputs: [image] },
  { op: "MeanVarianceNormalization", opset: 13, attributes: [ints("axes", 1, 2)], inputs: [x] },
  { op: "LayerNormalization", opset: 17, attributes: [int("axis", -1)], inputs: [x, normal(4), normal(4)] },
  {
    op: "AveragePool",
    opset: 22,
    attributes: [ints("kernel_shape", 2, 2), ints("pads", 1, 0, 0, 1), int("count_include_pad", 1), ints("dilations", 1, 1)],
    inputs: [image],
  },
  { op: "Upsample", opset: 7, attributes: [floats("scales", 1, 1, 2, 3), text("mode", "nearest")], inputs: [image] },
  { op: "Upsample", opset: 9, attributes: [text("mode", "linear")], inputs: [image, fixed(tensor("float32", [1, 1, 2, 2]))] },
  { op: "Resize", opset: 10, attributes: [text("mode", "nearest")], inputs: [image, fixed(tensor("float32", [1, 1, 1.5, 2]))] },
  { op: "Resize", opset: 10, attributes: [text("mode", "nearest")], inputs: [image, fixed(tensor("float32", [1, 1, 0.5, 0.6]))] },
  { op: "Resize", opset: 10, attributes: [text("mode", "linear")], inputs: [image, fixed(tensor("float32", [1, 1, 0.5, 2]))] },
  {
    op: "Resize",
    opset: 11,
    attributes: [text("mode", "linear"), text("coordinate_transformation_mode", "align_corners")],
    inputs: [image, fixed(tensor("float32", [])), fixed(tensor("float32", [])), fixed(whole(2, 3, 6, 7))],
  },
  {
    op: "Resize",
    opset: 18,
    attributes: [ints("axes", 2, 3), text("mode", "linear")],
    inputs: [image, null, fixed(tensor("float32", [2, 0.5]))],
  },
  { op: "Resize", opset: 19, attributes: [ints("axes", 3, 2)], inputs: [image, null, null, fixed(whole(6, 8))] },
  {
    op: "LabelEncoder",
    domain: "ai.onnx.ml",
    opset: 1,
    attributes: [texts("classes_strings", "a", "b"), int("default_int64", 9)],
    inputs: [tensor("string", ["b", "a", "z"])],
  },
  {
    op: "LabelEncoder",
    domain: "ai.onnx.ml",
    opset: 4,
    attributes: [
      held("keys_tensor", whole(3, 5)),
      held("values_tensor", tensor("float32", [0.5, 0.25])),
      held("default_tensor", tensor("float32", [9])),
    ],
    inputs: [whole(5, 4, 3)],
  },
  { op: "Relu", opset: 21, inputs: [x] },
  { op: "Conv", opset: 22, inputs: [image, normal(2, 3, 3, 3)] },
  { op: "Reshape", opset: 21, attributes: [int("allowzero", 1)], inputs: [x, fixed(whole(4, 6))] },
];

/** Forms older than ONNX Runtime takes, by their formulas over [2, 3, 4]. */
function byHand({ op, inputs }: Case): Tensor {
  const [a, b] = inputs.map((input) => tensorOf(input!).data as Float32Array) as [Float32Array, Float32Array];
  const channel = (i: number) => Math.floor(i / 4) % 3;
  const f: Record<string, (v: number, i: number) => number> = {
    Add: (v, i) => v + b[channel(i)]!,
    Mul: (v, i) => v * b[i % 4]!,
    PRelu: (v, i) => (v < 0 ? v * b[channel(i)]! : v),
  };
  return { dtype: "float32", shape: [2, 3, 4], data: a.map(f[op]!) };
}

group("upgrades", () => {
  cases.forEach((one, i) => {
    const named = [false, ...(one.inputs[0] && !("fixed" in one.inputs[0]) ? [true] : [])];
    test(`${one.op} of opset ${one.opset} (${i})`, async () => {
      const expected = await judge(one.expected ? { ...one, expected: [byHand(one)] } : one);
      for (const symbolic of named) {
        const { graph } = readModel(fileOf(one, symbolic));
        for (const executor of [reference, onnxruntimeNode]) {
          const session = await executor.compile(graph, { threads: 1 });
          const found = difference(await session.run(feedsOf(one)), expected);
          expect(found, `${executor.name}${symbolic ? ", the first size named" : ""}`).toBeUndefined();
          await session.dispose();
        }
      }
    });
  });

  test("functions that a model brings along become their nodes, bodies and attributes included", async () => {
    const type = {
      value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim: [{ value: { case: "dimValue" as const, value: 2n } }] } } },
    };
    const opsetImport = [
      { domain: "", version: 17n },
      { domain: "mine", version: 1n },
    ];
    const branch = (name: string, op: string): Attribute => ({
      name,
      type: Kind.GRAPH,
      // Reads what the function holds, under a name of its own.
      g: { name, node: [{ opType: op, input: ["inner"], output: ["out"] }], output: [{ name: "out", type }] },
    });
    const choose = {
      name: "Choose",
      domain: "mine",
      input: ["a", "flag"],
      output: ["b"],
      attribute: ["slope"],
      opsetImport,
      node: [
        { opType: "LeakyRelu", input: ["a"], output: ["inner"], attribute: [{ name: "alpha", type: Kind.FLOAT, refAttrName: "slope" }] },
        { opType: "If", input: ["flag"], output: ["b"], attribute: [branch("then_branch", "Neg"), branch("else_branch", "Exp")] },
      ],
    };
    const twice = {
      name: "Twice",
      domain: "mine",
      input: ["a", "flag"],
      output: ["c"],
      opsetImport,
      node: [
        { opType: "Choose", domain: "mine", input: ["a", "flag"], output: ["inner"], attribute: [float("slope", 0.5)] },
        { opType: "Choose", domain: "mine", input: ["inner", "flag"], output: ["c"] },
      ],
    };
    const flag = { name: "flag", type: { value: { case: "tensorType" as const, value: { elemType: 9, shape: {} } } } };
    const bytes = toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: 8n,
        opsetImport,
        functions: [choose, twice],
        graph: {
          name: "g",
          input: [{ name: "x", type }, flag],
          output: [{ name: "y", type }],
          node: [{ opType: "Twice", domain: "mine", input: ["x", "flag"], output: ["y"] }],
        },
      }),
    );
    const { graph } = readModel(bytes);
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 });
    for (const value of [0, 1]) {
      const feeds = { x: tensor("float32", [-2, 3]), flag: tensor("bool", value) };
      const judged = await session.run({
        x: new ort.Tensor("float32", Float32Array.of(-2, 3), [2]),
        flag: new ort.Tensor("bool", Uint8Array.of(value), []),
      });
      const expected = { y: tensor("float32", judged["y"]!.data as Float32Array, [2]) };
      expect(difference(await (await reference.compile(graph)).run(feeds), expected)).toBeUndefined();
    }
    await session.release();
  });

  test("an old BatchNormalization that names more outputs trains; those that are no more are refused by name", async () => {
    const one: Case = { op: "BatchNormalization", opset: 9, attributes: [float("momentum", 0.75)], inputs: [x, ...scale.bn], outputs: 3 };
    const { graph } = readModel(fileOf(one, false));
    expect(graph.nodes.map(({ op, attributes }) => [op, attributes["training_mode"]])).toEqual([["BatchNormalization", 1]]);
    const { y0, y1 } = await (await reference.compile(graph)).run({ x0: x });
    const values = x.data as Float32Array;
    const channel = (c: number) => [0, 1].flatMap((n) => [...values.slice(12 * n + 4 * c, 12 * n + 4 * c + 4)]);
    const [a, b, mean] = scale.bn.map(({ fixed: { data } }) => data as Float32Array) as [Float32Array, Float32Array, Float32Array];
    const batch = channel(1).reduce((sum, v) => sum + v, 0) / 8;
    const variance = channel(1).reduce((sum, v) => sum + (v - batch) ** 2, 0) / 8;
    expect(y0!.data[4]).toBeCloseTo(((values[4]! - batch) / Math.sqrt(variance + 1e-5)) * a[1]! + b[1]!, 5);
    expect(y1!.data[1]).toBeCloseTo(0.75 * mean[1]! + 0.25 * batch, 5);
    expect(() => readModel(fileOf({ ...one, outputs: 5 }, false))).toThrow('"y3", an output of an older opset that is no more');
  });

  test("the mask of an old Dropout says that everything is kept, in the element type of its time", async () => {
    for (const [opset, dtype] of [
      [7, "float32"],
      [10, "bool"],
    ] as const) {
      const { graph } = readModel(fileOf({ op: "Dropout", opset, inputs: [x], outputs: 2 }, false));
      const results = await (await reference.compile(graph)).run({ x0: x });
      expect(results["y1"]!.dtype).toBe(dtype);
      expect([...results["y1"]!.data]).toEqual(new Array(24).fill(1));
    }
  });

  test("stand in a table whose versions are in order, none of them at the opset that is ours but where forms differ", () => {
    for (const [domain, table] of Object.entries(upgrades)) {
      for (const [op, rows] of Object.entries(table)) {
        const oldest = operatorFacts[domain]?.[op]?.[0];
        rows.forEach((row, i) => {
          expect(row.from, op).toBeLessThanOrEqual(row.to ?? Infinity);
          if (i > 0) expect(row.from, op).toBeGreaterThan(rows[i - 1]!.to!);
          // What the generated facts call unchanged needs no row; what they call changed needs one.
          if (oldest !== undefined && row.to !== undefined && !["Split", "Resize"].includes(op)) expect(row.to, op).toBeLessThan(oldest);
        });
      }
    }
  });
});

/** What the reader takes beyond our own files, and how it refuses the rest. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { describe as group, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { graph, input } from "../../src/ir/graph.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import {
  AttributeProto_AttributeType as Kind,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as Code,
  TensorProtoSchema,
} from "../../src/onnx/onnx_pb.ts";
import { readModel } from "../../src/onnx/read.ts";
import { readTensor, writeTensor } from "../../src/onnx/tensor-proto.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { ops } from "../../src/ops/build.ts";

const vector = (name: string, elemType = 1) => ({
  name,
  type: {
    value: { case: "tensorType" as const, value: { elemType, shape: { dim: [{ value: { case: "dimValue" as const, value: 2n } }] } } },
  },
});
const add = { opType: "Add", input: ["x", "w"], output: ["y"] };
const weights = { name: "w", dims: [2n], dataType: Code.FLOAT, floatData: [1, 2] };

function file(graph: MessageInitShape<typeof GraphProtoSchema>, opset = 17n, domain = ""): Uint8Array {
  const opsetImport = [{ domain, version: opset }];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: { name: "g", ...graph } }));
}

const whole = { input: [vector("x")], output: [vector("y")], initializer: [weights], node: [add] };
const run = (bytes: Uint8Array) =>
  evaluateGraph(readModel(bytes).graph, { x: { dtype: "float32", shape: [2], data: Float64Array.of(10, 20) } });
const numbers = (bytes: Uint8Array) => [...run(bytes)["y"]!.data];

group("taken", () => {
  test("initializers, also where they are inputs as well, as in files of IR version 3", () => {
    expect(numbers(file(whole))).toEqual([11, 22]);
    const { graph: read } = readModel(file({ ...whole, input: [vector("x"), vector("w")] }));
    expect(read.inputs.map((value) => value.name)).toEqual(["x"]);
  });

  test("Constant nodes, in each of their forms", () => {
    const forms = [
      { name: "value", type: Kind.TENSOR, t: weights },
      { name: "value_floats", type: Kind.FLOATS, floats: [1, 2] },
    ];
    for (const form of forms) {
      const node = [{ opType: "Constant", output: ["w"], attribute: [form] }, add];
      expect(numbers(file({ ...whole, initializer: [], node }))).toEqual([11, 22]);
    }
    const node = [{ opType: "Constant", output: ["w"], attribute: [{ name: "value_float", type: Kind.FLOAT, f: 0.5 }] }, add];
    expect(numbers(file({ ...whole, initializer: [], node }))).toEqual([10.5, 20.5]);
  });

  test("nodes that no output needs are left out", () => {
    const unused = { opType: "Neg", input: ["y"], output: ["z"] };
    expect(readModel(file({ ...whole, node: [add, unused] })).graph.nodes.map(({ op }) => op)).toEqual(["Add"]);
  });

  test("older opsets, where the operators meant the same", () => {
    expect(numbers(file(whole, 9n))).toEqual([11, 22]);
    expect(numbers(file(whole, 13n, "ai.onnx"))).toEqual([11, 22]);
  });

  test("Split without sizes", () => {
    const split = { opType: "Split", input: ["x"], output: ["a", "y"] };
    const half = { ...whole, initializer: [], node: [split] };
    expect(numbers(file(half))).toEqual([20]);
  });
});

group("refused", () => {
  const refused: readonly [string, Uint8Array, string | RegExp][] = [
    ["bytes that are no protobuf", new TextEncoder().encode("<!doctype html><p>not found"), "not an ONNX model (27 bytes)"],
    ["an empty file", new Uint8Array(), "not an ONNX model (0 bytes)"],
    ["a file cut off", file(whole).slice(0, 40), "not an ONNX model (40 bytes)"],
    [
      "operators that are not ours, each counted",
      file({
        ...whole,
        node: [
          add,
          { opType: "Frobnicate", output: ["a"] },
          { opType: "Frobnicate", output: ["b"] },
          { opType: "Gelu", domain: "com.microsoft", output: ["c"] },
        ],
      }),
      'does not have: Frobnicate (2, first "a"), com.microsoft.Gelu (1, first "c")',
    ],
    [
      "an opset at which an operator meant something else",
      file({ ...whole, node: [{ opType: "Abs", input: ["x"], output: ["y"] }] }, 5n),
      'the model is of opset ai.onnx 5, where these operators differ, or may differ, from those known: Abs (1, first "y")',
    ],
    ["an opset newer than any that is known", file(whole, 99n), "opset ai.onnx 99, where these operators differ"],
    [
      "a name that nothing makes",
      file({ ...whole, initializer: [{ ...weights, name: "v" }] }),
      'node 0 (Add) reads "w", which nothing before makes',
    ],
    ["a name made twice", file({ ...whole, node: [add, add] }), '"y" is made twice'],
    [
      "shapes that do not fit",
      file({ ...whole, initializer: [{ ...weights, dims: [3n], floatData: [1, 2, 3] }] }),
      /^node 0 \(Add\): Add\(x float32\[2\], w float32\[3\]\)/,
    ],
    [
      "data that does not fill its shape",
      file({ ...whole, initializer: [{ ...weights, dims: [3n] }] }),
      'initializer "w" has shape [3], 3 elements, and data for 2',
    ],
    [
      "data in another file",
      file({ ...whole, initializer: [{ ...weights, dataLocation: TensorProto_DataLocation.EXTERNAL }] }),
      'initializer "w" keeps its data in another file',
    ],
    ["element types that are not ours", file({ ...whole, input: [vector("x", Code.BFLOAT16)] }), 'input "x" has element type bfloat16'],
    [
      "inputs without a shape",
      file({ ...whole, input: [{ name: "x", type: { value: { case: "tensorType", value: { elemType: 1 } } } }] }),
      'input "x" has no shape',
    ],
    [
      "sequences",
      file({ ...whole, input: [{ name: "x", type: { value: { case: "sequenceType", value: {} } } }] }),
      'input "x" is of sequence type',
    ],
    [
      "an output of another dtype than its node makes",
      file({ ...whole, output: [vector("y", Code.INT64)] }),
      'output "y" is declared int64, its node makes float32',
    ],
    ["no outputs", file({ ...whole, output: [] }), "the model has no outputs"],
    [
      "unknown attributes",
      file({ ...whole, node: [{ ...add, attribute: [{ name: "axis", type: Kind.INT, i: 0n }] }] }),
      'Add has no attribute "axis"',
    ],
    [
      "attributes of another kind",
      file({
        ...whole,
        node: [{ opType: "LeakyRelu", input: ["x"], output: ["y"], attribute: [{ name: "alpha", type: Kind.INT, i: 0n }] }],
      }),
      'attribute "alpha" must be float',
    ],
  ];
  for (const [what, bytes, message] of refused) {
    test(what, () => {
      expect(() => readModel(bytes)).toThrow(message);
      expect(() => readModel(bytes)).toThrow(expect.objectContaining({ name: "GradusError" }));
    });
  }
});

group("tensors", () => {
  const both: readonly Tensor[] = [
    { dtype: "float32", shape: [2], data: Float32Array.of(1.5, -Infinity) },
    { dtype: "float64", shape: [1, 2], data: Float64Array.of(1e300, NaN) },
    { dtype: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
    { dtype: "int8", shape: [2], data: Int8Array.of(-128, 127) },
    { dtype: "int16", shape: [2], data: Int16Array.of(-32768, 7) },
    { dtype: "int32", shape: [2], data: Int32Array.of(-(2 ** 31), 7) },
    { dtype: "int64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 7n) },
    { dtype: "uint8", shape: [2], data: Uint8Array.of(255, 0) },
    { dtype: "uint16", shape: [2], data: Uint16Array.of(65535, 0) },
    { dtype: "uint32", shape: [2], data: Uint32Array.of(2 ** 32 - 1, 0) },
    { dtype: "uint64", shape: [2], data: BigUint64Array.of(2n ** 64n - 1n, 0n) },
    { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) },
    { dtype: "string", shape: [2], data: ["", "naïve"] },
    { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
    { dtype: "int64", shape: [], data: BigInt64Array.of(5n) },
  ];
  const fields = {
    float32: "floatData",
    float64: "doubleData",
    int64: "int64Data",
    uint64: "uint64Data",
    uint32: "uint64Data",
    string: "stringData",
  } as const;

  test("are read as they were written", () => {
    for (const one of both) expect(readTensor(writeTensor(one))).toEqual(one);
  });

  test("are read from the typed fields as well", () => {
    for (const one of both) {
      if (one.dtype === "string") continue;
      const { dataType, dims } = writeTensor(one);
      const field = one.dtype in fields ? fields[one.dtype as keyof typeof fields] : "int32Data";
      const values = Array.from(one.data as Float32Array, (value) => (field.endsWith("64Data") ? BigInt(value) : value));
      expect(readTensor(create(TensorProtoSchema, { dataType, dims, [field]: values }))).toEqual(one);
    }
  });

  test("do not share memory with the file", () => {
    const x = input("x", "float32", [2]);
    const table = { dtype: "float32" as const, shape: [2], origin: { kind: "constant" as const, tensor: both[0]! }, name: "t" };
    for (const bytes of [
      writeModel(graph({ outputs: { y: ops.Add(x, table) } })),
      Buffer.from(writeModel(graph({ outputs: { y: ops.Add(x, table) } }))),
    ]) {
      const { graph: read } = readModel(bytes);
      const again = writeModel(read);
      bytes.fill(0);
      expect(writeModel(read)).toEqual(again);
    }
  });
});

/** Files that are broken, or mean harm: each is refused in one clear error, before it takes time or memory. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe as group, expect, test } from "vitest";
import { limits } from "../../src/onnx/decode.ts";
import {
  AttributeProto_AttributeType as Kind,
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as Code,
  TensorProtoSchema,
} from "../../src/onnx/onnx_pb.ts";
import { inspectModel, readModel } from "../../src/onnx/read.ts";
import { GradusError } from "../../src/util/errors.ts";
import { rng } from "../../src/util/rng.ts";

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;

const info = (name: string, dims: readonly (bigint | string)[] = [2n], elemType = 1) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: {
        elemType,
        shape: {
          dim: dims.map((dim) => ({
            value: typeof dim === "string" ? { case: "dimParam" as const, value: dim } : { case: "dimValue" as const, value: dim },
          })),
        },
      },
    },
  },
});

const file = (graph: GraphInit, opset = 17n): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: "", version: opset }], graph: { name: "g", ...graph } }),
  );

const relu = (from: string, to: string) => ({ opType: "Relu", input: [from], output: [to] });
const whole: GraphInit = { input: [info("x")], output: [info("y")], node: [relu("x", "y")] };
const withTensor = (tensor: MessageInitShape<typeof TensorProtoSchema>): GraphInit => ({
  ...whole,
  initializer: [{ name: "w", dataType: Code.FLOAT, ...tensor }],
  node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
});
const int64s = (name: string, ...values: bigint[]) => ({ name, dims: [BigInt(values.length)], dataType: Code.INT64, int64Data: values });

/** A field of a message: its number, its length, its bytes. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  const out = [...varint(number * 8 + 2), ...varint(bytes.length)];
  const all = new Uint8Array(out.length + bytes.length);
  all.set(out);
  all.set(bytes, out.length);
  return all;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** The whole model with one more field at the end of its graph, as bytes: protobuf merges it. */
const withGraphBytes = (bytes: Uint8Array): Uint8Array => joined(file(whole), field(7, bytes));

/** An If in an If in an If. */
function nested(depth: number): Uint8Array {
  let graph: Uint8Array = toBinary(GraphProtoSchema, create(GraphProtoSchema, { name: "g", output: [info("y")], node: [relu("x", "y")] }));
  for (let i = 0; i < depth; i++) {
    const attribute = joined(field(1, new TextEncoder().encode("then_branch")), field(6, graph), Uint8Array.of(160, 1, Kind.GRAPH));
    const node = joined(field(1, new TextEncoder().encode("x")), field(4, new TextEncoder().encode("If")), field(5, attribute));
    graph = field(1, node);
  }
  return graph;
}

const many = (one: Uint8Array, count: number): Uint8Array => {
  const bytes = new Uint8Array(one.length * count);
  for (let i = 0; i < count; i++) bytes.set(one, i * one.length);
  return bytes;
};

const refused: readonly [string, () => Uint8Array, string | RegExp][] = [
  [
    "a file cut off in a tensor",
    () => file(withTensor({ dims: [2n], rawData: new Uint8Array(8) })).slice(0, -12),
    /announces \d+ bytes, \d+ are left/,
  ],
  ["wire types that do not exist", () => Uint8Array.of(8, 8, 7, 7), "not an ONNX model (4 bytes)"],
  ["a length beyond the file", () => Uint8Array.of(8, 8, 58, 255, 255, 255, 255, 15), /graph announces 4294967295 bytes, 0 are left/],
  [
    "a length beyond any file",
    () => Uint8Array.of(8, 8, 58, ...new Array<number>(9).fill(255), 1),
    /graph announces \d+ bytes, 0 are left/,
  ],
  ["a number that does not end", () => Uint8Array.of(8, ...new Array<number>(40).fill(255)), "is no protobuf"],
  [
    "a graph that goes round in a circle",
    () => file({ ...whole, node: [relu("b", "a"), relu("a", "b"), relu("a", "y")] }),
    'node 0 (Relu) reads "b", which node 1 makes only afterwards',
  ],
  [
    "a node that reads itself",
    () => file({ ...whole, node: [relu("y", "y")] }),
    'node 0 (Relu) reads "y", which node 0 makes only afterwards',
  ],
  ["negative sizes of an initializer", () => file(withTensor({ dims: [-2n], floatData: [1, 2] })), 'initializer "w" has shape [-2]'],
  [
    "sizes whose product no memory holds",
    () => file(withTensor({ dims: [2n ** 31n, 2n ** 31n], floatData: [1] })),
    "which no memory holds",
  ],
  ["a size that is no number of ours", () => file(withTensor({ dims: [2n ** 62n, 0n] })), "which no memory holds"],
  ["an input that no memory holds", () => file({ ...whole, input: [info("x", [2n ** 40n, 2n ** 40n])] }), 'input "x" has shape'],
  ["more axes than anyone has", () => file({ ...whole, input: [info("x", new Array<bigint>(65).fill(1n))] }), 'input "x" has 65 axes'],
  [
    "an initializer that announces gigabytes",
    () => file(withTensor({ dims: [2n ** 30n], rawData: new Uint8Array(8) })),
    "1073741824 elements, and data for 2",
  ],
  ["raw data of a wrong length", () => file(withTensor({ dims: [2n], rawData: new Uint8Array(7) })), "2 elements, and data for 1.75"],
  ["typed data of a wrong length", () => file(withTensor({ dims: [2n], floatData: [1, 2, 3] })), "2 elements, and data for 3"],
  [
    "a node that would make what no memory holds",
    () =>
      file({
        ...whole,
        initializer: [int64s("shape", 2n ** 30n, 2n ** 30n)],
        node: [{ opType: "ConstantOfShape", input: ["shape"], output: ["y"] }],
      }),
    /^node 0 \(ConstantOfShape\): output 0 has shape \[1073741824, 1073741824\]/,
  ],
  [
    "negative sizes in a graph",
    () =>
      file({
        ...whole,
        initializer: [int64s("shape", -3n)],
        node: [{ opType: "ConstantOfShape", input: ["shape"], output: ["y"] }],
      }),
    /^node 0 \(ConstantOfShape\): /,
  ],
  [
    "a list of billions of sizes",
    () =>
      file({
        ...whole,
        input: [info("x"), info("s", [2n ** 31n], 7)],
        node: [{ ...relu("x", "y"), opType: "Reshape", input: ["x", "s"] }],
      }),
    "the new shape has 2147483648 elements",
  ],
  [
    "thousands of axes",
    () =>
      file({
        ...whole,
        initializer: [int64s("axes", ...Array.from({ length: 30_000 }, (_, i) => BigInt(i)))],
        node: [{ ...relu("x", "y"), opType: "Unsqueeze", input: ["x", "axes"] }],
      }),
    "output 0 has 30001 axes; 64 are allowed",
  ],
  [
    "a loop without a body",
    () => file({ ...whole, node: [{ ...relu("x", "y"), opType: "Loop", input: ["", "", "x"] }] }),
    "node 0 (Loop): the node does not fit its operator",
  ],
  ["bodies in bodies in bodies", () => withGraphBytes(nested(30)), /lies 65 levels deep, the limit is 64/],
  ["bodies deeper than any stack", () => withGraphBytes(nested(2000)), /lies 65 levels deep/],
  ["types inside types", () => withGraphBytes(field(11, field(2, nestedType(200)))), /levels deep/],
  ["millions of nodes", () => withGraphBytes(many(Uint8Array.of(10, 0), 2_000_000)), `more than ${limits.items} parts`],
  ["millions of names", () => withGraphBytes(field(1, many(Uint8Array.of(10, 0), 1_000_000))), `more than ${limits.items} parts`],
  [
    "millions of whole numbers, small in the file and large outside",
    () => withGraphBytes(field(5, field(7, new Uint8Array(40_000_000)))),
    "more whole numbers than the limit allows",
  ],
  ["a name of a million letters", () => file({ ...whole, node: [relu("x".repeat(1_000_000), "y")] }), "is a name of 1000000 bytes"],
  [
    "a name that is not UTF-8",
    () => withGraphBytes(field(1, field(1, Uint8Array.of(0xff, 0xfe)))),
    "model.graph.node.input is not text (UTF-8)",
  ],
  [
    "an attribute that is not UTF-8",
    () =>
      file({
        ...whole,
        node: [{ ...relu("x", "y"), opType: "Pad", attribute: [{ name: "mode", type: Kind.STRING, s: Uint8Array.of(0xc0) }] }],
      }),
    'attribute "mode" is not text (UTF-8)',
  ],
  [
    "a string tensor that is not UTF-8",
    () => file(withTensor({ dims: [1n], dataType: Code.STRING, stringData: [Uint8Array.of(0xff)] })),
    'initializer "w" is not text (UTF-8)',
  ],
  ["two inputs of one name", () => file({ ...whole, input: [info("x"), info("x")] }), '"x" is made twice'],
  ["two initializers of one name", () => file({ ...whole, initializer: [int64s("w"), int64s("w")] }), '"w" is made twice'],
  ["an input without a type", () => file({ ...whole, input: [{ name: "x" }] }), 'input "x" has no type'],
  ["two versions of one operator set", () => joined(file(whole), field(8, Uint8Array.of(16, 9))), 'imports two versions of "ai.onnx"'],
  ["a file format of the future", () => joined(file(whole), Uint8Array.of(8, 99)), "the file is of IR version 99"],
  [
    "names that objects have of themselves",
    () =>
      file({
        ...whole,
        node: [{ ...relu("x", "y"), opType: "constructor", attribute: [{ name: "toString", type: Kind.INT, i: 1n }] }],
      }),
    'does not have: constructor (1, first "y")',
  ],
  [
    "attributes that objects have of themselves",
    () => file({ ...whole, node: [{ ...relu("x", "y"), attribute: [{ name: "toString", type: Kind.INT, i: 1n }] }] }),
    'Relu has no attribute "toString"',
  ],
  [
    "attributes of another kind, where a node is rewritten",
    () => file({ ...whole, node: [{ ...relu("x", "y"), opType: "Clip", attribute: [{ name: "min", type: Kind.INT, i: 1n }] }] }, 9n),
    'node 0 (Clip): attribute "min" must be float, the file has int',
  ],
  [
    "attributes that a rewritten node does not have",
    () => file({ ...whole, node: [{ ...relu("x", "y"), opType: "Clip", attribute: [{ name: "mim", type: Kind.FLOAT, f: 1 }] }] }, 9n),
    'node 0 (Clip): Clip has no attribute "mim"',
  ],
  [
    "an attribute that refers to a function's",
    () =>
      file({
        ...whole,
        node: [{ ...relu("x", "y"), opType: "LeakyRelu", attribute: [{ name: "alpha", refAttrName: "a", type: Kind.FLOAT }] }],
      }),
    "refers to an attribute of a function",
  ],
  [
    "functions that call each other without end",
    () => joined(file({ ...whole, node: [{ ...relu("x", "y"), domain: "mine", opType: "F" }] }), functions(["F", "G"], ["G", "F"])),
    "call each other more than 16 deep",
  ],
  [
    "functions that become billions of nodes",
    () => {
      const names = Array.from({ length: 12 }, (_, i) => `F${i}`);
      const calls = names.map((name, i) => [name, ...new Array<string>(10).fill(names[i + 1] ?? "Relu")]);
      return joined(file({ ...whole, node: [{ ...relu("x", "y"), domain: "mine", opType: "F0" }] }), functions(...calls));
    },
    "become more than 100000 nodes",
  ],
  [
    "a node without the attribute it needs",
    () => file({ ...whole, node: [{ ...relu("x", "y"), opType: "Concat" }] }),
    /^node 0 \(Concat\): /,
  ],
  [
    "data outside the model's folder, where there is nobody to read it",
    () =>
      file(
        withTensor({
          dims: [2n],
          dataLocation: TensorProto_DataLocation.EXTERNAL,
          externalData: [{ key: "location", value: "../../etc/passwd" }],
        }),
      ),
    "keeps its data in another file",
  ],
];

/** Functions of a domain of their own, each a name and the functions it calls. */
function functions(...list: readonly (readonly string[])[]): Uint8Array {
  const made = list.map(([name = "", ...calls]) => ({
    name,
    domain: "mine",
    input: ["a"],
    output: ["b"],
    opsetImport: [{ domain: "mine", version: 1n }],
    node: calls.map((opType, i) => ({ opType, domain: "mine", input: ["a"], output: [i === 0 ? "b" : `c${i}`] })),
  }));
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { functions: made }));
}

function nestedType(depth: number): Uint8Array {
  let type: Uint8Array = field(1, Uint8Array.of(8, 1));
  for (let i = 0; i < depth; i++) type = field(4, field(1, type));
  return type;
}

/** @returns the error that a file is refused with; anything but a GradusError fails */
function refusal(bytes: Uint8Array): GradusError | undefined {
  try {
    readModel(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    return error;
  }
}

group("refused", () => {
  for (const [what, bytes, message] of refused) {
    test(what, () => {
      const error = refusal(bytes());
      expect(error?.message).toMatch(typeof message === "string" ? new RegExp(message.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")) : message);
      expect(error!.message.length).toBeLessThan(1500);
    });
  }

  test("many operators that are not ours: all counted, few named, with the first node and what comes near", () => {
    const nodes = Array.from({ length: 3000 }, (_, i) => ({ ...relu("x", `v${i}`), opType: `Op${i % 30}` }));
    const error = refusal(file({ ...whole, node: [...nodes, { ...relu("x", "y"), opType: "FusedMatMul", domain: "com.microsoft" }] }))!;
    expect(error.message).toMatch(/does not have: Op0 \(100, first "v0"\), .*, and 11 more$/);
    expect(error.message.length).toBeLessThan(1500);
    const { summary, graph } = inspectModel(
      file({ ...whole, node: [{ ...relu("x", "y"), opType: "FusedMatMul", domain: "com.microsoft" }] }),
    );
    expect(graph).toBeUndefined();
    expect(summary.missing).toEqual([
      { name: "com.microsoft.FusedMatMul", count: 1, first: '"y"', otherVersion: false, nearest: ["MatMul"] },
    ]);
  });

  test("text from the file is escaped in messages", () => {
    expect(refusal(file({ ...whole, node: [{ ...relu("x", "y"), opType: "\u001b[31mX" }] }))!.message).toContain("\\u001b[31mX (1");
  });

  test("sizes with names do not grow without end", () => {
    // [n, n] becomes [n²], [n², n²], [n⁴], …
    const node = Array.from({ length: 40 }, (_, i) => [
      { opType: "Reshape", input: [`v${i}`, "flat"], output: [`f${i}`] },
      { opType: "Reshape", input: [`v${i}`, "row"], output: [`r${i}`] },
      { opType: "Mul", input: [`f${i}`, `r${i}`], output: [`v${i + 1}`] },
    ]).flat();
    const initializer = [int64s("flat", -1n, 1n), int64s("row", 1n, -1n)];
    const bytes = file({ input: [info("v0", ["n", "n"])], output: [info("v40", ["a", "b"])], initializer, node });
    for (const { shape } of readModel(bytes).graph.nodes.flatMap(({ outputs }) => outputs)) {
      expect(String(shape).length).toBeLessThan(1000);
    }
  });

  test("long chains of integers are no deep recursion, and long vectors are not looked into", () => {
    const length = 20_000;
    const add = Array.from({ length }, (_, i) => ({ opType: "Add", input: [`s${i}`, "zero"], output: [`s${i + 1}`] }));
    const chain: GraphInit = {
      input: [info("x", ["n", 3n])],
      output: [info("y", ["n", 3n])],
      initializer: [int64s("zero", 0n)],
      node: [{ opType: "Shape", input: ["x"], output: ["s0"] }, ...add, { opType: "Reshape", input: ["x", `s${length}`], output: ["y"] }],
    };
    expect(readModel(file(chain)).graph.outputs[0]!.value.shape).toEqual(["n", 3]);
    const huge: GraphInit = {
      output: [info("y", ["n"], 7)],
      initializer: [int64s("size", 2n ** 33n)],
      node: [
        {
          opType: "ConstantOfShape",
          input: ["size"],
          output: ["all"],
          attribute: [{ name: "value", type: Kind.TENSOR, t: int64s("", 1n) }],
        },
        { opType: "Neg", input: ["all"], output: ["y"] },
      ],
    };
    expect(readModel(file(huge)).graph.outputs[0]!.value.shape).toEqual([2 ** 33]);
  });
});

group("bytes flipped at random", () => {
  const fixtures = join(import.meta.dirname, "fixtures");
  for (const name of readdirSync(fixtures).filter((entry) => /-(9|17)\.onnx$/.test(entry))) {
    test(`${name} is read, or refused in our words`, () => {
      const original = new Uint8Array(readFileSync(join(fixtures, name)));
      const random = rng(11, name);
      let read = 0;
      for (let round = 0; round < 300; round++) {
        const bytes = original.slice(0, random.integer(10) === 0 ? random.integer(original.length) : original.length);
        for (let flips = 1 + random.integer(4); flips > 0 && bytes.length > 0; flips--) {
          bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
        }
        const error = refusal(bytes);
        if (error) expect(error.message, `round ${round}`).not.toMatch(/internal|undefined|\[object|NaN/);
        else read++;
      }
      // Most flips hit numbers of weights, which may be anything.
      expect(read).toBeGreaterThan(20);
      expect(read).toBeLessThan(290);
    });
  }
});

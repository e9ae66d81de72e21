/**
 * Convolutions by ONNX Runtime's kernel for channels in blocks (domain com.microsoft.nchwc), which its optimizer chooses only where the
 * weights are constants: in training they are not. The kernel reads x once, where the ordinary one copies every window, and is 1.3 to 1.7
 * times faster. The length of a block depends on the processor, and a wrong one gives wrong numbers without a word: a probe finds it out.
 */
import { create } from "@bufbuild/protobuf";
import { graph, input, type Node, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { AttributeProto_AttributeType as Kind, AttributeProtoSchema, NodeProtoSchema, type NodeProto } from "../onnx/onnx_pb.ts";
import { encodeModel, modelProto, type NodeWriter } from "../onnx/write.ts";
import { writeTensor } from "../onnx/tensor-proto.ts";
import { ops } from "../ops/build.ts";
import type { Runtime } from "./onnxruntime.ts";

const domain = "com.microsoft.nchwc";

const ints = (name: string, values: readonly number[]) =>
  create(AttributeProtoSchema, { name, type: Kind.INTS, ints: values.map((value) => BigInt(value)) });

const int = (name: string, value: number) => create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value) });

/** Channels of images [batch, channels, height, width] that fill whole blocks. */
function blocks(value: Value, axis: number, block: number): boolean {
  const dim = value.shape[axis];
  return typeof dim === "number" && dim > 0 && dim % block === 0;
}

function fits({ op, inputs, attributes }: Node, block: number): boolean {
  const [x, w] = inputs;
  if (op !== "Conv" || x?.dtype !== "float32" || x.shape.length !== 4 || (attributes["group"] ?? 1) !== 1) return false;
  return w!.shape.every((dim) => typeof dim === "number") && blocks(w!, 0, block) && blocks(w!, 1, block);
}

/** Writes convolutions for blocks of this length, where channels fill them. */
export function blockedConvolutions(block: number): NodeWriter {
  const reordered = new Map<string, string>();
  return (node, proto, free) => {
    if (!fits(node, block)) return undefined;
    const [x, w] = proto.input as [string, string];
    const [features, channels, height, width] = node.inputs[1]!.shape as number[];
    const y = proto.output[0]!;
    const names = new Map<string, string>();
    const own = (what: string) => {
      const name = names.get(what) ?? free(`${y} ${what}`);
      names.set(what, name);
      return name;
    };
    const nodes: NodeProto[] = [];
    const add = (opType: string, from: readonly string[], to: string, attribute: NodeProto["attribute"] = [], of = "") =>
      nodes.push(create(NodeProtoSchema, { opType, domain: of, name: to, input: [...from], output: [to], attribute }));
    const shape = (to: string, sizes: readonly number[]) => {
      const t = writeTensor(tensor("int64", BigInt64Array.from(sizes, BigInt)));
      add("Constant", [], to, [create(AttributeProtoSchema, { name: "value", type: Kind.TENSOR, t })]);
    };
    // [features, channels, h, w] → [features/b, channels/b, h, w, b of channels, b of features], an axis at a time, which is faster.
    shape(own("blocks of features"), [features! / block, block, channels! * height! * width!]);
    add("Reshape", [w, own("blocks of features")], own("weights apart"));
    add("Transpose", [own("weights apart")], own("features last"), [ints("perm", [0, 2, 1])]);
    shape(own("blocks of channels"), [(features! * channels!) / block ** 2, block, height! * width!, block]);
    add("Reshape", [own("features last"), own("blocks of channels")], own("weights in blocks"));
    add("Transpose", [own("weights in blocks")], own("weights turned"), [ints("perm", [0, 2, 1, 3])]);
    shape(own("shape"), [features!, channels!, height!, width!]);
    add("Reshape", [own("weights turned"), own("shape")], own("weights"));
    let blocked = reordered.get(x);
    if (blocked === undefined) {
      blocked = own("input");
      add("ReorderInput", [x], blocked, [], domain);
      reordered.set(x, blocked);
    }
    const attributes = [...proto.attribute.filter(({ name }) => name !== "kernel_shape"), ints("kernel_shape", [height!, width!])];
    add("Conv", [blocked, own("weights"), ...proto.input.slice(2)], own("in blocks"), attributes, domain);
    add("ReorderOutput", [own("in blocks")], y, [int("channels", features!)], domain);
    return { nodes, domain, version: 1 };
  };
}

const probes = new WeakMap<Runtime, Promise<number | undefined>>();

/** The length of a block on this processor; undefined where no length gives the numbers of the ordinary kernel. Found out once. */
export function convolutionBlock(runtime: Runtime): Promise<number | undefined> {
  let probe = probes.get(runtime);
  if (!probe) probes.set(runtime, (probe = findBlock(runtime)));
  return probe;
}

async function findBlock(runtime: Runtime): Promise<number | undefined> {
  const shapes = { x: [2, 16, 5, 6], w: [32, 16, 3, 3] } as const;
  const feeds = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        new runtime.Tensor(
          "float32",
          Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + shape[0])),
          shape,
        ),
      ];
    }),
  );
  const given = (name: keyof typeof shapes) => input(name, "float32", shapes[name]);
  const probed = graph({ outputs: { y: ops.Conv(given("x"), given("w"), { pads: [1, 1, 1, 1] }) } });
  const run = async (writeNode?: NodeWriter): Promise<Float32Array> => {
    const bytes = encodeModel(modelProto(probed, writeNode ? { writeNode } : {}));
    const session = await runtime.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 });
    try {
      return (await session.run(feeds))["y"]!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
  const right = await run();
  for (const block of [8, 16]) {
    const found = await run(blockedConvolutions(block)).catch(() => undefined);
    if (found?.length === right.length && found.every((value, i) => Math.abs(value - right[i]!) < 1e-4)) return block;
  }
  return undefined;
}

/** Whether a graph has convolutions that might be written in blocks. */
export const mayBlock = ({ nodes }: { readonly nodes: readonly Node[] }): boolean => nodes.some((node) => fits(node, 8));

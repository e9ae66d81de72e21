/** Models whose tensors lie in files beside them, and what is not opened. */
import { create, toBinary } from "@bufbuild/protobuf";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe as group, expect, test } from "vitest";
import { evaluateGraph } from "../../src/exec/reference.ts";
import { ModelProtoSchema, TensorProto_DataLocation, TensorProto_DataType as Code } from "../../src/onnx/onnx_pb.ts";
import { readModelFile } from "../../src/store/onnx-file.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-onnx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "model/weights"), { recursive: true });
const model = join(folder, "model/model.onnx");

/** y = x + w, w of three numbers elsewhere. */
function write(entries: Readonly<Record<string, string>>, dims = [3n]): void {
  const elemType = Code.FLOAT;
  const type = {
    value: { case: "tensorType" as const, value: { elemType, shape: { dim: [{ value: { case: "dimValue" as const, value: 3n } }] } } },
  };
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  const graph = {
    name: "g",
    input: [{ name: "x", type }],
    output: [{ name: "y", type }],
    initializer: [{ name: "w", dims, dataType: Code.FLOAT, dataLocation: TensorProto_DataLocation.EXTERNAL, externalData }],
    node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
  };
  writeFileSync(
    model,
    toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: "", version: 17n }], graph })),
  );
}

const numbers = Float32Array.of(9, 9, 1, 2, 3, 9);
const bytes = new Uint8Array(numbers.buffer);
writeFileSync(join(folder, "model/weights/all.bin"), bytes);
writeFileSync(join(folder, "outside.bin"), bytes);
symlinkSync(join(folder, "outside.bin"), join(folder, "model/link.bin"));
symlinkSync(folder, join(folder, "model/up"));
symlinkSync("weights/all.bin", join(folder, "model/inner.bin"));

const sum = () => {
  const x = { dtype: "float32" as const, shape: [3], data: Float64Array.of(10, 20, 30) };
  return [...evaluateGraph(readModelFile(model).graph, { x })["y"]!.data];
};

group("tensors beside the model", () => {
  test("are read from their place in the file, through links that stay inside", () => {
    for (const location of ["weights/all.bin", "./weights/all.bin", "inner.bin"]) {
      write({ location, offset: "8", length: "12" });
      expect(sum()).toEqual([11, 22, 33]);
    }
    write({ location: "weights/all.bin", offset: "8" });
    expect(sum()).toEqual([11, 22, 33]);
  });

  const outside = "which does not lie in the model's folder";
  const refused: readonly [string, Readonly<Record<string, string>>, string][] = [
    ["a path out of the folder", { location: "../outside.bin" }, outside],
    ["a path that comes back", { location: "weights/../../outside.bin" }, outside],
    ["an absolute path", { location: join(folder, "outside.bin") }, outside],
    ["an absolute path of another system", { location: "C:\\weights.bin" }, outside],
    ["a path with backslashes", { location: "..\\outside.bin" }, outside],
    ["no path", {}, outside],
    ["a path that ends early", { location: "weights/all.bin\0x" }, outside],
    ["a link out of the folder", { location: "link.bin" }, "is a link out of the model's folder"],
    ["a folder that is a link out", { location: "up/outside.bin" }, "is a link out of the model's folder"],
    ["a file that is not there", { location: "none.bin" }, 'there is no file "none.bin"'],
    ["a folder", { location: "weights" }, "is not a file"],
    ["an offset beyond the file", { location: "weights/all.bin", offset: "20" }, "has 24 bytes, the model wants 12 from 20 on"],
    ["a length that is not the tensor's", { location: "weights/all.bin", length: "24" }, "24 bytes for 12"],
    ["an offset that is no number", { location: "weights/all.bin", offset: "-8" }, 'at offset "-8"'],
    ["an offset beyond numbers", { location: "weights/all.bin", offset: "99999999999999999999" }, "at offset"],
  ];
  for (const [what, entries, message] of refused) {
    test(`${what}: refused`, () => {
      write(entries);
      expect(() => readModelFile(model)).toThrow(message);
      expect(() => readModelFile(model)).toThrow(expect.objectContaining({ name: "GradusError" }));
    });
  }

  test("a tensor that announces terabytes is refused before anything is made", () => {
    write({ location: "weights/all.bin" }, [2n ** 38n]);
    expect(() => readModelFile(model)).toThrow("has 24 bytes, the model wants 1099511627776 from 0 on");
  });

  test("what is no file is not opened", () => {
    expect(() => readModelFile(folder)).toThrow("is not a file");
    expect(() => readModelFile("/dev/zero")).toThrow("/dev/zero is not a file");
    expect(() => readModelFile(join(folder, "none.onnx"))).toThrow("there is no file");
  });
});

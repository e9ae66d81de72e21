import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe as group, expect, test } from "vitest";
import { gradus, gradusJson, root, workFolder } from "./support.ts";

workFolder();
const fixture = (name: string) => join(root, "test/onnx/fixtures", name);

group("gradus model show", () => {
  test("prints nodes with shapes, parameters and multiply-adds, and their sums", async () => {
    const { status, out } = await gradus(["model", "show", fixture("cnn-13.onnx")]);
    expect(status).toBe(0);
    expect(out).toContain("opset ai.onnx 13 · IR version 7 · made by pytorch 1.13.0");
    expect(out).toMatch(/inputs +x float32\[batch, 1, 14, 14\]\n/);
    expect(out).toMatch(/\n {2}Conv_1 +float32\[batch, 6, 8, 8\] +114 +6 912 +deep\.weight deep\.bias\n/);
    expect(out).toMatch(/\n {2}\d+ nodes +445 +14 256 /);
  });

  test("lists what is missing, all of it, with what comes near", async () => {
    const bytes = readFileSync(fixture("mlp-9.onnx"));
    // A letter of each: "Clip" becomes "Clap", "TopK" "TopZ".
    const text = bytes.toString("latin1").replace("\x04Clip", "\x04Clap").replace("\x04TopK", "\x04TopZ");
    writeFileSync("changed.onnx", Buffer.from(text, "latin1"));
    const { status, out } = await gradus(["model", "show", "changed.onnx"]);
    expect(status).toBe(0);
    expect(out).toMatch(/missing +2 operators that Gradus does not have; the model cannot be read/);
    expect(out).toMatch(/Clap +1 node +first ".*" +nearest: Clip/);
    const { result } = await gradusJson(["model", "show", "changed.onnx"]);
    expect(result["missing"]).toEqual([
      { name: "Clap", count: 1, first: expect.any(String), otherVersion: false, nearest: ["Clip"] },
      { name: "TopZ", count: 1, first: expect.any(String), otherVersion: false, nearest: ["TopK"] },
    ]);
    expect(result).not.toHaveProperty("rows");
  });

  test("--json has the same as numbers", async () => {
    const { status, result } = await gradusJson(["model", "show", fixture("lstm-17.onnx")]);
    expect(status).toBe(0);
    expect(result["opset"]).toEqual({ "": 17 });
    expect(result["inputs"]).toEqual([{ name: "x", dtype: "int64", shape: ["batch", 5] }]);
    expect(result["parameters"]).toBe(result["rows"].reduce((sum: number, row: { parameters: number }) => sum + row.parameters, 0));
    expect(result["rows"].find((row: { op: string }) => row.op === "LSTM").multiplyAdds).toBe(1800);
  });

  test("bad input is refused with a hint", async () => {
    writeFileSync("page.onnx", "<!doctype html>");
    for (const [file, message] of [
      ["page.onnx", "not an ONNX model (15 bytes)"],
      ["none.onnx", "there is no file none.onnx"],
      [".", ". is not a file"],
    ] as const) {
      const { status, err } = await gradus(["model", "show", file]);
      expect(status).toBe(2);
      expect(err).toContain(message);
    }
    expect((await gradus(["model", "show"])).err).toContain("usage: gradus model show [options] <file>");
    expect((await gradus(["model", "shwo"])).err).toContain("did you mean show?");
    const alone = await gradus(["model"]);
    expect(alone.status).toBe(0);
    expect(alone.out).toContain("show [options] <file>");
    const help = await gradus(["model", "show", "--help"]);
    expect(help.out).toMatch(/Examples\n {2}gradus model show /);
  });
});

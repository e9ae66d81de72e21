/** The ONNX project's own checker on files that we write. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { writeModel } from "../../src/onnx/write.ts";
import { needs, pythonWith } from "../support/require.ts";
import { notInChecker } from "../conformance/exceptions.ts";
import { aliases, denseStep, runningSum, sampleGraphs } from "./graphs.ts";

const python = pythonWith("onnx");
const remedy = "apt-get install python3-onnx, or set PYTHON to one that has it";

const check = `
import sys, onnx
for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    except Exception as error:
        print(path.rsplit("/", 1)[1], str(error).strip().replace("\\n", " "))
`;

needs(
  "Python's onnx",
  python !== undefined,
  remedy,
)("every operator's samples, a training step and aliases pass the checker", () => {
  const folder = mkdtempSync(join(tmpdir(), "gradus-checker-"));
  try {
    const graphs = [
      ...sampleGraphs(),
      { name: "a training step", graph: denseStep() },
      { name: "aliases", graph: aliases() },
      { name: "a loop", graph: runningSum() },
    ];
    const paths = graphs.map(({ graph }, i) => {
      const path = join(folder, `${i}.onnx`);
      writeFileSync(path, writeModel(graph, { metadata: { purpose: "test" } }));
      return path;
    });
    const complaints = execFileSync(python!, ["-c", check, ...paths], { encoding: "utf8" });
    const named = complaints.replace(/^(\d+)\.onnx/gm, (_, i: string) => graphs[Number(i)]!.name);
    const lines = named.split("\n").filter((line) => line.trim() !== "");
    const excused = Object.entries(notInChecker).map(([name, message]) => ({
      name,
      line: lines.find((line) => line.startsWith(name) && line.includes(message)),
    }));
    expect(
      excused.filter(({ line }) => line === undefined).map(({ name }) => name),
      "excuses that are not needed any more",
    ).toEqual([]);
    expect(lines.filter((line) => !excused.some((excuse) => excuse.line === line))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

needs(
  "Python's onnx",
  python !== undefined,
  remedy,
)("the table of operators is what the ONNX project's schemas say", () => {
  const generated = execFileSync(python!, ["scripts/generate-operators.py"], { encoding: "utf8" });
  expect(generated).toBe(readFileSync("src/onnx/operators.ts", "utf8"));
});

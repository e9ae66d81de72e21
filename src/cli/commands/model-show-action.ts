/** `gradus model show`: an ONNX file as a table, or what it would take to read it. */
import { formatShape } from "../../ir/shape.ts";
import { describeModel, type ModelDescription } from "../../onnx/describe.ts";
import type { ModelSummary, NamedType } from "../../onnx/read.ts";
import { inspectModelFile } from "../../store/onnx-file.ts";
import { printableValue } from "../../util/printable.ts";
import type { Action } from "../command.ts";
import { counted, grouped } from "../render/format.ts";
import { columns, line } from "../render/lines.ts";
import { paint, type Paint } from "../render/paint.ts";

export const modelShowAction: Action = async ({ arguments: [file = ""] }, { terminal, json, emit }) => {
  const inspected = inspectModelFile(file);
  const summary = printableValue(inspected.summary);
  const description = inspected.graph && printableValue(describeModel(inspected.graph));
  emit({ type: "result", command: "model show", file, ...summary, ...description });
  if (json) return 0;
  const p = paint(terminal.color);
  const lines = aboutLines(file, summary, terminal.width, p);
  if (description) lines.push("", ...tableLines(description, p));
  else lines.push("", ...missingLines(summary, terminal.width, p));
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
};

const typed = ({ name, dtype, shape }: NamedType) =>
  `${name} ${dtype ?? "of no type of ours"}${shape ? formatShape(shape.map((dim) => (String(dim).startsWith("?") ? "?" : dim))) : ""}`;

const most = 12;

/** The first few, and how many there are besides. */
const some = (texts: readonly string[]) =>
  texts.length > most ? `${texts.slice(0, most).join(" · ")} · and ${grouped(texts.length - most)} more` : texts.join(" · ");

function aboutLines(file: string, summary: ModelSummary, width: number, p: Paint): string[] {
  const opset = Object.entries(summary.opset).map(([domain, version]) => `${domain || "ai.onnx"} ${version}`);
  const made = [summary.producer.name, summary.producer.version].filter((part) => part !== "").join(" ");
  const format = [`opset ${opset.join(", ")}`, `IR version ${summary.irVersion}`, ...(made === "" ? [] : [`made by ${made}`])];
  return [
    line(p.bold(file.split(/[\\/]/).pop()!), format.join(" · "), width),
    line("inputs", some(summary.inputs.map(typed)), width),
    line("outputs", some(summary.outputs.map(typed)), width),
    line("operators", some(summary.operators.map(({ name, count }) => `${name} ${grouped(count)}`)), width),
  ];
}

function tableLines({ rows, parameters, multiplyAdds }: ModelDescription, p: Paint): string[] {
  const head = ["node", "output", "parameters", "multiply-adds", "weights"].map((cell) => p.dim(cell));
  const cell = (n: number) => (n === 0 ? "" : grouped(n));
  const body = rows.map((row) => [
    row.name === row.op || row.name.startsWith(`${row.op}_`) ? row.name : `${row.name} (${row.op})`,
    row.outputs.map(({ dtype, shape }) => `${dtype}${formatShape(shape)}`)[0] ?? "",
    cell(row.parameters),
    cell(row.multiplyAdds),
    row.weights.join(" "),
  ]);
  const sum = [p.bold(counted(rows.length, "node")), "", grouped(parameters), grouped(multiplyAdds), p.dim("named sizes count as 1")];
  return columns([head, ...body, sum]);
}

function missingLines({ missing }: ModelSummary, width: number, p: Paint): string[] {
  const reason = (other: boolean) => (other ? "not as this opset means it" : "");
  const rows = missing.map(({ name, count, first, otherVersion, nearest }) => [
    name,
    counted(count, "node"),
    `first ${first}`,
    [reason(otherVersion), nearest.length > 0 ? `nearest: ${nearest.join(", ")}` : ""].filter((part) => part !== "").join(" · "),
  ]);
  return [
    line(p.yellow("missing"), `${counted(missing.length, "operator")} that Gradus does not have; the model cannot be read`, width),
    ...columns(rows),
  ];
}

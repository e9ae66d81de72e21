import type { Command } from "../command.ts";

export const modelShow: Command = {
  name: "show",
  summary: "an ONNX model: what it takes, its nodes with shapes, parameters and multiply-adds, and what of it is not ours",
  arguments: [{ name: "<file>", description: "an ONNX file, e.g. model.onnx" }],
  options: [],
  examples: ["gradus model show resnet18.onnx", "gradus model show runs/quiet-otter/model.onnx --json"],
  load: async () => (await import("./model-show-action.ts")).modelShowAction,
};

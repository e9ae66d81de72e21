/** `gradus model`: what can be done with models in files. */
import type { CommandGroup } from "../command.ts";
import { modelShow } from "./model-show.ts";

export const model: CommandGroup = { name: "model", summary: "ONNX models in files", commands: [modelShow] };

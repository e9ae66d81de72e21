/** Every operator, under its ONNX name: one line per family. */
export * from "./elementwise.ts";
export * from "./reduce.ts";
export * from "./linalg.ts";
export * from "./movement.ts";
export * from "./shapes.ts";
export * from "./slicing.ts";
export * from "./padding.ts";
export * from "./indexing.ts";
export * from "./indexing-nd.ts";
export * from "./selection.ts";
export * from "./activation.ts";
export * from "./argument.ts";
export * from "./cast.ts";
export * from "./logic.ts";
export * from "./select.ts";
export * from "./softmax.ts";
export * from "./trigonometric.ts";

/** Every operator, under its ONNX name: one line per family. */
export * from "./elementwise.ts";
export * from "./reduce.ts";
export * from "./linalg.ts";
export * from "./movement.ts";
export * from "./shapes.ts";
export * from "./slicing.ts";

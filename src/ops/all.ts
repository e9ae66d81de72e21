/** Every operator, under its ONNX name: one line per family. */
export * from "./elementwise.ts";
export * from "./reduce.ts";

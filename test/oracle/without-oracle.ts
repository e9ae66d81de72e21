/** Operators with a gradient that are not compared with PyTorch's, each with its reason. A reason that is not needed any more fails. */
export const withoutOracle: Readonly<Record<string, string>> = {
  If: "PyTorch's conditions are Python's",
  Scan: "PyTorch's loops are Python's",
  Unique: "torch.unique has no gradient",
  RandomNormalLike: "two generators never draw the same, and the gradient is none",
  RandomUniformLike: "two generators never draw the same, and the gradient is none",
  Scaler: "ai.onnx.ml prepares data: PyTorch has no such operator",
  Imputer: "ai.onnx.ml prepares data: PyTorch has no such operator",
  MelWeightMatrix: "PyTorch has no such operator (torchaudio has)",
};

/** What the conformance suite excuses, each with its reason. An excuse that is not needed any more fails. */

/** Operators with a float output, a float input and no gradient. */
export const withoutGradient: Readonly<Record<string, string>> = {
  Loop: "how many steps it takes is not known before it has run",
  MaxRoiPool: "its windows are known only when the graph runs",
  Bernoulli: "what is drawn does not change smoothly with its probability",
};

/** Samples (by `Operator: description`) whose inference refuses a symbolic leading dimension, and its message. */
export const notSymbolic: Readonly<Record<string, string>> = {
  // The length of a vector of axes or sizes is the rank of the result.
  "ReduceSum: [2, 3, 2] and int64 [2], keepdims 0": "how many axes are reduced must be known when the graph is built",
  "ConstantOfShape: int64 [2]": "the shape must be a vector of known length",
};

/** Operators whose gradient cannot be differentiated again, and why. */
export const onceOnly: Readonly<Record<string, string>> = {};

/** Samples ONNX Runtime does not run, with a part of its own message. */
export const notInOnnxRuntime: Readonly<Record<string, string>> = {
  "LayerNormalization: [3, 4] and [4] and [4], stash_type float64": "Could not find an implementation for LayerNormalization",
  "Einsum: [2, 1, 3, 4] and [5, 4, 2], equation ...ij,...jk->...ik": "Ellipsis represents incompatible dimensions",
};

/** Samples that the ONNX project's checker (1.12) refuses, with a part of its message; ONNX Runtime judges them all the same. */
export const notInChecker: Readonly<Record<string, string>> = {
  // It counts the transform of half a complex signal as that of a whole one.
  "STFT: [2, 9, 1] and int64 [] = 2 and [4]": "Inferred shape and existing shape differ in dimension 2",
  // The statistics in float64 are beyond ONNX's types, and what the gradient check asks for.
  "LayerNormalization: [3, 4] and [4] and [4], stash_type float64": "Mean has unsupported type tensor(double)",
  "Einsum: [2, 1, 3, 4] and [5, 4, 2], equation ...ij,...jk->...ik": "Ellipsis represents incompatible dimensions",
  "RandomNormal: nothing, seed 1, scale 1e-30, mean 0.5, shape [], dtype float64": "is expected to have field 'ints'",
};

const unseeded = /draws at random without a seed/;
/** Found and expected are of one dtype and one shape. */
const otherNumbers = /^\w+\[\d+\] is /;

/** The ONNX project's cases that draw at random, and what the interpreter's outcome is: no two generators give the same numbers. */
export const drawn: Readonly<Record<string, RegExp>> = {
  test_bernoulli: unseeded,
  test_bernoulli_expanded: unseeded,
  test_bernoulli_double: unseeded,
  test_bernoulli_double_expanded: unseeded,
  test_bernoulli_seed: otherNumbers,
  test_bernoulli_seed_expanded: otherNumbers,
  test_training_dropout: otherNumbers,
  test_training_dropout_default: otherNumbers,
  test_training_dropout_default_mask: otherNumbers,
  test_training_dropout_mask: otherNumbers,
};

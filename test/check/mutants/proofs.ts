/** Why a mutant that the check passes computes the right gradient; by the mutant's name. */
const once = "every result comes from a place of its own: none is written twice";
const summed = "the gradient of a scalar is summed over all axes, and a mean, repeated, has the same sum";
const lengthZero = "what is added is 0 but where the length is 0, which is a kink";

export const proofs: Readonly<Record<string, string>> = {
  "RNN, input 2: Concat 3: axis 1 ([3, 3, 2] and [2, 2, 2] and [2, 2, 2] and [2, 4] and int32 [3] and [2, 3, 2], hidden_size 2, direction bidirectional, activations [Affine, ScaledTanh], activation_alpha [0.5, 1.5], activation_beta [0.25, 0.75])":
    "a direction is one slice of axis 0: joined along axis 1 and read in the old shape, the numbers lie as before",
  "Compress, input 0: ScatterElements 1: writes where it should add ([3, 4] and bool [4], axis 1)": once,
  "Max, input 1: Div 1: Mul instead ([2, 3] and [3] and [])": "the number of equal winners, by which it divides, is 1 but at a kink",
  "Sum, input 2: the mean over axis 0, repeated ([2, 3] and [3] and [])": summed,
  "Clip, input 2: the mean over axis 0, repeated ([3, 4] and [] and [])": summed,
  "LpPool, input 0: Add 1: Sub instead ([2, 1, 3, 4, 5], kernel_shape [1, 3, 3], strides [1, 1, 3], p 4)": lengthZero,
  "GlobalLpPool, input 0: Add 1: Sub instead ([2, 1, 3, 4, 3], p 3)": lengthZero,
  "Unique, input 0: ScatterElements 1: writes where it should add ([3, 2], axis 0)": once,
};

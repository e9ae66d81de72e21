import { defineAugmentation } from "../augmentation.ts";

export const flip = defineAugmentation({
  kind: "flip",
  about: "left becomes right",
  forms: ["image"],
  settings: {},
  probability: 0.5,
  fills: false,
  map: () => [-1, 0, 0, 0, 1, 0],
});

export const flipVertical = defineAugmentation({
  kind: "flipVertical",
  about: "top becomes bottom",
  forms: ["image"],
  settings: {},
  probability: 0.5,
  fills: false,
  map: () => [1, 0, 0, 0, -1, 0],
});

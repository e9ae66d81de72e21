import { ranges } from "../../util/range.ts";
import { addNoise, normalOf } from "../noise.ts";
import { defineAugmentation } from "../augmentation.ts";

export const noise = defineAugmentation({
  kind: "noise",
  about: "independent normal noise on every number; in tables not on one-hot columns and indicators",
  forms: ["image", "sequence", "table"],
  settings: { deviation: { range: ranges.positive, default: 0.1, about: "standard deviation, in those of the training data" } },
  probability: 1,
  fills: false,
  change: ({ deviation }, draw, values, { form, shape, numeric, length }) => {
    if (form === "table" && numeric) for (const column of numeric) values[column]! += deviation * normalOf(draw.uint32());
    else addNoise(form === "sequence" ? values.subarray(0, length * shape[1]!) : values, deviation, draw);
  },
});

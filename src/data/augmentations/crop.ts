import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";

export const crop = defineAugmentation({
  kind: "crop",
  about: "padded on all sides, and a window of the image's own size cut out at random",
  forms: ["image"],
  settings: { padding: { range: ranges.count, default: 2, about: "pixels on each side" } },
  probability: 1,
  fills: true,
  map: ({ padding }, draw) => {
    const shift = () => draw.integer(2 * padding + 1) - padding;
    return [1, 0, shift(), 0, 1, shift()];
  },
});

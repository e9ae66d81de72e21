import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";

export const crop = defineAugmentation({
  kind: "crop",
  about: "padded on all sides, and a window of the image's own size cut out at random",
  forms: ["image"],
  settings: { padding: { range: ranges.count, default: 2, about: "pixels on each side" } },
  probability: 1,
  fills: true,
  refuse: ({ padding }, shape) => {
    const [height = 1, width = 1] = shape.slice(-2);
    const least = Math.min(height, width);
    if (padding < least) return undefined;
    const found = `crop with ${padding} pixels on each side of ${height}×${width} images would cut out windows that hold none of the image`;
    return {
      message: `${found}; it may shift them by ${least - 1} at most.`,
      hint: `usual is an eighth: crop=${Math.max(1, Math.round(least / 8))}`,
    };
  },
  map: ({ padding }, draw) => {
    const shift = () => draw.integer(2 * padding + 1) - padding;
    return [1, 0, shift(), 0, 1, shift()];
  },
});

import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";

export const cutout = defineAugmentation({
  kind: "cutout",
  about: "a square becomes the mean; its centre is any pixel, so that it may reach over the border (DeVries and Taylor 2017)",
  forms: ["image"],
  settings: { size: { range: ranges.count, default: 8, about: "the side in pixels" } },
  probability: 1,
  fills: false,
  change: ({ size }, draw, values, { shape: [channels = 1, height = 1, width = 1] }) => {
    const [top, left] = [draw.integer(height) - (size >> 1), draw.integer(width) - (size >> 1)];
    const [from, to] = [Math.max(0, left), Math.min(width, left + size)];
    for (let channel = 0; channel < channels; channel++) {
      for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
        const row = (channel * height + y) * width;
        values.fill(0, row + from, row + to);
      }
    }
  },
});

import { ranges } from "../../util/range.ts";
import { defineAugmentation, within } from "../augmentation.ts";

/** What the eye makes of red, green and blue (ITU-R BT.601). */
const luma = [0.299, 0.587, 0.114] as const;

export const color = defineAugmentation({
  kind: "color",
  about: "brightness, contrast and, where there are three channels, saturation",
  forms: ["image"],
  settings: {
    brightness: { range: ranges.notNegative, default: 0.2, about: "added: at most so many standard deviations, either way" },
    contrast: {
      range: ranges.share,
      default: 0.2,
      about: "distances from the image's mean times a factor between 1 − contrast and 1 + contrast",
    },
    saturation: {
      range: ranges.share,
      default: 0.2,
      about: "distances from grey times a factor between 1 − saturation and 1 + saturation",
    },
  },
  probability: 1,
  fills: false,
  change: ({ brightness, contrast, saturation }, draw, values, { shape }) => {
    const [added, factor, vivid] = [within(draw, brightness), 1 + within(draw, contrast), 1 + within(draw, saturation)];
    const size = values.length / shape[0]!;
    if (shape[0] === 3) {
      for (let i = 0; i < size; i++) {
        const [red, green, blue] = [values[i]!, values[i + size]!, values[i + 2 * size]!];
        const grey = (1 - vivid) * (luma[0] * red + luma[1] * green + luma[2] * blue);
        values[i] = grey + vivid * red;
        values[i + size] = grey + vivid * green;
        values[i + 2 * size] = grey + vivid * blue;
      }
    }
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    const offset = (1 - factor) * (sum / values.length) + added;
    for (let i = 0; i < values.length; i++) values[i] = factor * values[i]! + offset;
  },
});

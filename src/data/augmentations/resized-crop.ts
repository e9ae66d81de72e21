import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";

export const resizedCrop = defineAugmentation({
  kind: "resizedCrop",
  about: "a window cut out at random and enlarged to the image's size (Szegedy et al. 2015)",
  forms: ["image"],
  settings: {
    area: { range: ranges.keepProbability, default: 0.5, about: "the window's smallest share of the image's area; the largest is 1" },
    aspect: {
      range: ranges.atLeastOne,
      default: 4 / 3,
      about: "how many times wider or higher than the image's own the window's aspect may be",
    },
  },
  probability: 1,
  fills: false,
  map: ({ area, aspect }, draw, [, height = 1, width = 1]) => {
    const share = area + (1 - area) * draw.uniform();
    const stretch = Math.exp((2 * draw.uniform() - 1) * Math.log(aspect));
    const [across, down] = [Math.min(1, Math.sqrt(share * stretch)), Math.min(1, Math.sqrt(share / stretch))];
    // The window's centre, so that all of it lies inside.
    const place = (size: number, part: number) => (draw.uniform() - 0.5) * size * (1 - part);
    return [across, 0, place(width, across), 0, down, place(height, down)];
  },
});

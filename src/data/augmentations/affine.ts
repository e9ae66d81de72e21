import { ranges } from "../../util/range.ts";
import { defineAugmentation, within } from "../augmentation.ts";

export const affine = defineAugmentation({
  kind: "affine",
  about: "enlarged or shrunk, sheared and moved",
  forms: ["image"],
  settings: {
    scale: { range: ranges.share, default: 0.1, about: "the factor lies between 1 − scale and 1 / (1 − scale), as often above 1 as below" },
    shear: { range: ranges.slope, default: 0, about: "rows slide by a uniform angle of at most so many degrees" },
    translate: { range: ranges.notNegative, default: 0, about: "at most so many pixels in either direction" },
  },
  probability: 1,
  fills: true,
  map: ({ scale, shear, translate }, draw) => {
    const shrink = Math.exp(within(draw, -Math.log(1 - scale)));
    const slope = Math.tan((within(draw, shear) * Math.PI) / 180);
    return [shrink, shrink * slope, within(draw, translate), 0, shrink, within(draw, translate)];
  },
});

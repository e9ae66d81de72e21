import { ranges } from "../../util/range.ts";
import { defineAugmentation, within, type Affine } from "../augmentation.ts";

/** The turn by an angle in degrees, counter-clockwise to the eye; quarter turns are exact. */
export function rotation(degrees: number): Affine {
  const quarters = degrees / 90;
  const [cos, sin] = Number.isInteger(quarters)
    ? [[1, 0, -1, 0][((quarters % 4) + 4) % 4]!, [0, 1, 0, -1][((quarters % 4) + 4) % 4]!]
    : [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  // v runs down, so the inverse of a counter-clockwise turn is [cos −sin; sin cos].
  return [cos, -sin, 0, sin, cos, 0];
}

export const rotate = defineAugmentation({
  kind: "rotate",
  about: "turned about the centre",
  forms: ["image"],
  settings: { degrees: { range: ranges.angle, default: 10, about: "by a uniform angle of at most so many degrees, either way" } },
  probability: 1,
  fills: true,
  map: ({ degrees }, draw) => rotation(within(draw, degrees)),
});

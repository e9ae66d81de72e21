/** Sequences: valid steps move along, or a span of them is hidden; padding stays padding. */
import { ranges } from "../../util/range.ts";
import { defineAugmentation } from "../augmentation.ts";

export const timeShift = defineAugmentation({
  kind: "timeShift",
  about: "all steps move along by the same number; what leaves the sequence is lost",
  forms: ["sequence"],
  settings: { steps: { range: ranges.count, default: 2, about: "at most so many, either way" } },
  probability: 1,
  fills: true,
  change: ({ steps, fill }, draw, values, { shape: [, width = 1], length }) => {
    const most = Math.min(steps, length);
    const shift = draw.integer(2 * most + 1) - most;
    if (shift === 0) return;
    const edge = Float32Array.from({ length: width }, (_, i) =>
      typeof fill === "number" ? fill : values[(shift > 0 ? 0 : length - 1) * width + i]!,
    );
    const valid = values.subarray(0, length * width);
    if (shift > 0) valid.copyWithin(shift * width, 0, (length - shift) * width);
    else valid.copyWithin(0, -shift * width);
    const [from, to] = shift > 0 ? [0, shift] : [length + shift, length];
    for (let step = from; step < to; step++) valid.set(edge, step * width);
  },
});

export const timeMask = defineAugmentation({
  kind: "timeMask",
  about: "a span of steps becomes the mean, its length uniform (Park et al. 2019)",
  forms: ["sequence"],
  settings: {
    steps: { range: ranges.count, default: 4, about: "the longest span; never more than half of the sequence" },
    spans: { range: ranges.count, default: 1, about: "how many" },
  },
  probability: 1,
  fills: false,
  change: ({ steps, spans }, draw, values, { shape: [, width = 1], length }) => {
    const most = Math.min(steps, length >> 1);
    for (let span = 0; span < spans; span++) {
      const hidden = draw.integer(most + 1);
      const from = draw.integer(length - hidden + 1);
      values.fill(0, from * width, (from + hidden) * width);
    }
  },
});

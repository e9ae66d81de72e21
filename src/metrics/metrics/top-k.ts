/** How often the true class is among the k likeliest. */
import { shareBounds } from "../intervals.ts";
import { sizeOf, type ClassSample, type Metric } from "../metric.ts";

/** Which k say something: fewer than half of the classes. */
const widths = (classes: number): readonly number[] => [3, 5].filter((k) => 2 * k < classes);

/** Before how many the true class comes; of equals the first counts before the others, as in the answer. */
function placesOf({ truth, probabilities, classes }: ClassSample): Int32Array {
  const k = classes.length;
  return truth.map((code, row) => {
    const own = probabilities[row * k + code]!;
    let before = 0;
    for (let c = 0; c < k; c++) {
      const other = probabilities[row * k + c]!;
      if (other > own || (other === own && c < code)) before += 1;
    }
    return before;
  });
}

/** `top_3_accuracy` above six classes, `top_5_accuracy` above ten. */
export const topK: Metric<ClassSample> = {
  name: "top-k",
  figures: ({ classes }) => widths(classes.length).map((k) => ({ name: `top_${k}_accuracy` })),
  prepare(sample) {
    const places = placesOf(sample);
    const ks = widths(sample.classes.length);
    return (weights) => {
      let whole = 0;
      const hits = ks.map(() => 0);
      for (let i = 0; i < places.length; i++) {
        whole += weights[i]!;
        ks.forEach((k, at) => (hits[at]! += places[i]! < k ? weights[i]! : 0));
      }
      return hits.map((hit) => hit / whole);
    };
  },
  bounds(sample, confidence) {
    const places = placesOf(sample);
    return widths(sample.classes.length).map((k) => shareBounds((row) => places[row]! < k, sizeOf(sample), sample, confidence));
  },
};

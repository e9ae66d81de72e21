/** The exported model on raw rows, in plain ONNX Runtime, against preprocessing recomputed in SQL and the float64 interpreter. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareExport } from "../../bench/export.ts";
import { csv } from "../data/files.ts";
import { count } from "../data/tables.ts";

const path = join(import.meta.dirname, "../../examples/penguins.csv");
const common = { path, layers: [16, 8], epochs: 8 };

describe("model.onnx on raw rows, unseen categories and missing values among them", () => {
  test("classes: probabilities within 1e-5 of the float64 interpreter, the prediction the likeliest", async () => {
    const { found, prediction, difference, rows, made, model } = await compareExport({ ...common, name: "species", target: "species" });
    // Each of seven columns missing, each of two categories unseen, both at once without numbers, nothing at all.
    expect([made, rows]).toEqual([11, 344 + 11]);
    expect(model.plan.features).toContain("sex is missing");
    expect(found.length).toBe(rows * 3);
    expect(difference).toBeLessThan(1e-5);
    const classes = ["Adelie", "Chinstrap", "Gentoo"];
    prediction.forEach((name, i) => {
      const row = [...found.subarray(3 * i, 3 * i + 3)];
      expect(name).toBe(classes[row.indexOf(Math.max(...row))]);
    });
    // The network tells rows apart, so that agreement says something.
    expect(new Set(prediction)).toEqual(new Set(classes));
  });

  test("an amount: the prediction in the target's own unit, within 1e-5 of its deviation", async () => {
    const { found, difference, rows, model } = await compareExport({ ...common, name: "year", target: "year - 2008", task: "regression" });
    // So that float32 holds the amounts far more finely than the tolerance.
    expect(Math.abs((model.plan.target as { mean: number }).mean)).toBeLessThan(1);
    expect(found.length).toBe(rows);
    expect(difference).toBeLessThan(1e-5);
  });

  test("two classes of columns with quotes, commas and blanks in names and categories", async () => {
    const odd = csv(
      "odd.csv",
      `"the ""a""",b c,d,y`,
      count(300).map((row) => [
        row % 7 === 0 ? "" : ((row * 37) % 101) / 7,
        ["it's", '"one, two"', "ü", ""][row % 4],
        1e6 + ((row * 53) % 97),
        (row * 37) % 101 > 50 ? "yes" : "no",
      ]),
    );
    const { difference, found, prediction } = await compareExport({ name: "odd", path: odd, target: "y", layers: [16], epochs: 20 });
    expect(difference).toBeLessThan(1e-5);
    expect(found.length).toBe(2 * prediction.length);
    expect(new Set(prediction)).toEqual(new Set(["no", "yes"]));
  });
});

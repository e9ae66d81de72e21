import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { gatherReport, type RunReport } from "../../src/report/facts.ts";
import { reportPage } from "../../src/report/run-page.ts";
import { reportSheet } from "../../src/report/sheet.ts";
import { loadReportInput } from "../../src/store/load-report.ts";
import { file, gradus, gradusJson, penguins, root, workFolder } from "../cli/support.ts";

workFolder();

const hostile = "<script>alert('a')</script>";

/** Two numbers, a class that they decide up to noise, an amount; names that a page must not run. */
function table(rows: number): string {
  const lines = [`x,y,"${hostile}",side,amount`];
  for (let i = 0; i < rows; i++) {
    const [x, y] = [Math.sin(i * 1.7), Math.cos(i * 2.3)];
    const side = x * x + y + 0.3 * Math.sin(i * 7.1) > 0.6 ? `<img src=x onerror="alert(1)">` : "b & c";
    lines.push(
      `${x.toFixed(4)},${y.toFixed(4)},${i % 3},"${side.replaceAll('"', '""')}",${(10 + 3 * x - y + 0.2 * Math.sin(i)).toFixed(4)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

const train = async (...argv: string[]) => expect((await gradus(["train", ...argv])).status).toBe(0);
const reports = new Map<string, RunReport>();
const report = (name: string) => reports.get(name)!;

beforeAll(async () => {
  copyFileSync(penguins, "penguins.csv");
  file("own.csv", table(300));
  await train("penguins.csv", "--target", "species", "--epochs", "8", "--out", "three");
  await train("own.csv", "--target", "side", "--drop", `amount,"${hostile}"`, "--epochs", "10", "--layers", "16", "--out", "two");
  await train(
    "own.csv",
    "--target",
    "amount",
    "--drop",
    "side",
    "--epochs",
    "10",
    "--activation",
    "tanh",
    "--l1",
    "20",
    "--optimizer",
    "sgd",
    "--learning-rate",
    "0.1",
    "--proximal",
    "--out",
    "amount",
  );
  await train(
    join(root, "examples/digits8x8.csv"),
    "--target",
    "digit",
    "--task",
    "classification",
    "--epochs",
    "3",
    "--shape",
    "1x8x8",
    "--out",
    "digits",
  );
  for (const name of ["three", "two", "amount", "digits"]) reports.set(name, await gatherReport(await loadReportInput(name)));
}, 240_000);

describe("a page", () => {
  test("needs no network, is whole, and is the same for the same run", async () => {
    for (const [name, facts] of reports) {
      const page = reportPage(facts);
      expect(page.startsWith("<!doctype html>"), name).toBe(true);
      expect(page.replaceAll("http://www.w3.org/2000/svg", ""), name).not.toMatch(/https?:|@import|url\(|<script|<link|src="(?!data:)/);
      expect(page, name).not.toMatch(/NaN|undefined|Infinity|\[object/);
      for (const tag of ["section", "figure", "table", "svg", "div"])
        expect(page.split(`<${tag}`).length, `${name}: ${tag}`).toBe(page.split(`</${tag}>`).length);
    }
    const again = await gatherReport(await loadReportInput("two"));
    expect(reportPage(again)).toBe(reportPage(report("two")));
    expect(reportSheet(again)).toBe(reportSheet(report("two")));
  });

  test("tells the headline, the stopping, what J is, and that the test part is locked", () => {
    const page = reportPage(report("three"));
    const { value, low } = report("three").closing.metrics.validation["error"]!;
    expect(page).toContain(`<b>${(100 * value).toFixed(1)} %</b> validation error (95 %: ${(100 * low).toFixed(1)} – `);
    expect(page).toMatch(/Finished: 8 epochs in .*; weights of epoch \d kept\./);
    expect(page).toMatch(/The test part \(69 rows\) is locked: nothing on this page has seen it\./);
    expect(page).toMatch(/Mean loss in evaluation mode \(nothing dropped, .*without the penalty/);
    for (const title of [
      "J",
      "Error",
      "Learning rate",
      "Confusion matrix",
      "Calibration",
      "Signal by layer",
      "Update by layer",
      "dense_1/W",
    ])
      expect(page).toContain(`<b>${title}</b>`);
  });

  test("text of a file stands there as text", () => {
    const page = reportPage(report("two"));
    expect(page).not.toMatch(/<img src=x|<script/);
    expect(page).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
    expect(page).toContain("b &amp; c");
    expect(reportPage(report("amount"))).toContain("&lt;script&gt;alert('a')&lt;/script&gt;");
    expect(reportSheet(report("two"))).not.toMatch(/<img|<script/);
  });
});

describe("facts", () => {
  test("the confusion matrix adds up to the validation part, and to its error", () => {
    const { validation, closing } = report("three");
    const all = validation.confusion!.flat().reduce((a, b) => a + b, 0);
    const right = validation.confusion!.reduce((sum, row, i) => sum + row[i]!, 0);
    expect(all).toBe(closing.rows.validation);
    expect(1 - right / all).toBeCloseTo(closing.metrics.validation["error"]!.value, 12);
  });

  test("the worst examples are validation rows by falling loss, and the loss is that of the probability", () => {
    const { rows } = report("three").worst;
    expect(rows).toHaveLength(12);
    const parts = JSON.parse(readFileSync("three/split.json", "utf8")) as { parts: string };
    rows.forEach(({ row, loss, probability }, i) => {
      expect(parts.parts[row - 1]).toBe("v");
      expect(loss).toBeCloseTo(-Math.log(probability!), 6);
      if (i > 0) expect(loss).toBeLessThanOrEqual(rows[i - 1]!.loss);
    });
    const lines = readFileSync("penguins.csv", "utf8").split("\n");
    expect(lines[rows[0]!.row]).toContain(String(rows[0]!.truth));
  });

  test("rows that are images are shown as images", () => {
    const { worst } = report("digits");
    expect(worst.columns).toEqual(["image"]);
    for (const { cells } of worst.rows) expect(cells[0]!.image).toMatch(/^data:image\/bmp;base64,/);
    expect(reportPage(report("digits"))).toContain('src="data:image/bmp;base64,');
  });

  test("amounts: predicted beside true, residuals, no classes", () => {
    const facts = report("amount");
    expect(facts.amounts).toHaveLength(facts.closing.rows.validation);
    const squares = facts.amounts!.reduce((sum, [truth, predicted]) => sum + (truth - predicted) ** 2, 0);
    expect(Math.sqrt(squares / facts.amounts!.length)).toBeCloseTo(facts.closing.metrics.validation["rmse"]!.value, 4);
    const page = reportPage(facts);
    for (const title of ["Predicted against true", "Residuals", "Sizes of residuals", "RMSE"]) expect(page).toContain(`<b>${title}</b>`);
    expect(page).not.toContain("Confusion matrix");
    expect(facts.boundary).toBeUndefined();
  });

  test("what regularisation bought: weights that are 0, tanh where it is a line, before and after", () => {
    const { weights, linear } = report("amount");
    expect(weights.map(({ name }) => name)).toEqual(["dense_1/W", "dense_2/W", "dense_3/W"]);
    expect(weights[1]!.zeros).toBeGreaterThan(0.05);
    for (const { bins, count } of weights) expect(bins.counts.reduce((a, b) => a + b, 0)).toBe(count);
    expect(linear.map(({ name }) => name)).toEqual(["tanh_1", "tanh_2"]);
    for (const { share, before } of linear) {
      expect(share).toBeGreaterThan(0);
      expect(before).toBeGreaterThan(0);
      expect(share).not.toBe(before);
    }
    expect(reportPage(report("amount"))).toMatch(/Held back by L1 \(λ = 20\)/);
  });

  test("two numbers: the boundary, from much too big a λ to none", () => {
    const { boundary, closing } = report("two");
    const { panels, answers } = { panels: boundary!.panels, answers: boundary!.panels.map((panel) => new Set(panel.answers)) };
    expect(panels.map(({ lambda }) => lambda)).toEqual([undefined, 180, 18, 1.8, 0.18, 0]);
    expect(panels[0]!.validation.error).toBeCloseTo(closing.metrics.validation["error"]!.value, 12);
    expect(answers[1]!.size).toBe(1);
    expect(panels[1]!.verdict).toBe("underfits");
    expect(panels.filter(({ verdict }) => verdict === "just right")).toHaveLength(1);
    const losses = panels.slice(1).map(({ train: { loss } }) => loss);
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(reportPage(report("two"))).toContain("<b>λ = 180: underfits</b>");
  });
});

test("--json has the same facts; the page and the picture lie where they were asked for", async () => {
  const { result, status } = await gradusJson(["report", "two", "--out", "page.html", "--png", "page.png", "--no-boundary"]);
  expect(status).toBe(0);
  const { boundary: _, ...facts } = report("two");
  expect(result["worst"]["rows"].map(({ row }: { row: number }) => row)).toEqual(facts.worst.rows.map(({ row }) => row));
  expect(result["validation"]["metrics"]["error"]).toEqual(facts.validation.metrics["error"]);
  expect(result["boundary"]).toBeUndefined();
  expect(result["health"]["steps"].length).toBe(facts.health!.steps.length);
  expect(readFileSync("page.html", "utf8")).toBe(reportPage(facts));
  expect(readFileSync("page.png").subarray(1, 4).toString()).toBe("PNG");
});

test("a boundary that there is none of is refused; a run without what the monitors saw has a page without it", async () => {
  const { status, err } = await gradus(["report", "three", "--boundary"]);
  expect(status).toBe(2);
  expect(err).toMatch(/no decision boundary to draw: that takes classes and two columns of numbers/);
  const { health: _, ...input } = await loadReportInput("three");
  const page = reportPage(await gatherReport(input));
  expect(page).not.toMatch(/Inside the network|Learning rate/);
  expect(page).toContain("Confusion matrix");
});

test("a run that was profiled says where the time went", async () => {
  await train("penguins.csv", "--target", "species", "--epochs", "2", "--profile", "--out", "profiled");
  const page = reportPage(await gatherReport(await loadReportInput("profiled")));
  expect(page).toContain("<h2>Where the time went</h2>");
  for (const phase of ["forward", "backward", "optimizer", "monitors"]) expect(page).toContain(`<th>${phase}</th>`);
  expect(reportPage(report("three"))).not.toContain("Where the time went");
});

test("a training that diverged has a page: what came of it, gaps where numbers are not finite", async () => {
  const { status } = await gradus([
    ...["train", "own.csv", "--target", "amount", "--drop", "side", "--epochs", "3", "--out", "diverged"],
    ...["--optimizer", "sgd", "--learning-rate", "1000", "--layers", "64,64,64"],
  ]);
  expect(status).toBe(1);
  const page = reportPage(await gatherReport(await loadReportInput("diverged")));
  expect(page).toMatch(/Diverged at step \d+: .* is not finite; weights of epoch 0 kept\./);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(page).toContain("non-finite");
});

test("what a training tells at its end, and gradus show repeats, says how to get the report", async () => {
  const { out } = await gradus(["show", "three"]);
  expect(out).toMatch(/\n {2}report +gradus report three\n/);
});

test("the data must be those that were trained on", async () => {
  file("other.csv", readFileSync("penguins.csv", "utf8").replace("39.1", "39.2"));
  const { status, err } = await gradus(["report", "three", "other.csv"]);
  expect(status).toBe(2);
  expect(err).toMatch(/other\.csv/);
});

import { copyFileSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { file, gradus, gradusJson, penguins, table, workFolder } from "./support.ts";

workFolder();

beforeAll(async () => {
  copyFileSync(penguins, "penguins.csv");
  file("two.csv", table(300));
  expect((await gradus(["train", "penguins.csv", "--target", "species", "--epochs", "15", "--out", "three"])).status).toBe(0);
  expect((await gradus(["train", "two.csv", "--target", "label", "--drop", "amount", "--epochs", "30", "--out", "two"])).status).toBe(0);
  expect((await gradus(["train", "two.csv", "--target", "amount", "--drop", "label", "--epochs", "30", "--out", "amount"])).status).toBe(0);
}, 60_000);

const lines = (text: string) => text.trimEnd().split("\n");

test("predict writes the prediction and a probability per class, to standard output or a file", async () => {
  const { status, out, err } = await gradus(["predict", "three", "penguins.csv"]);
  expect([status, err]).toEqual([0, ""]);
  const [head, first] = lines(out);
  expect(head).toBe("prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo");
  expect(first).toMatch(/^Adelie,0\.\d+,[\d.e-]+,[\d.e-]+$/);
  expect(lines(out)).toHaveLength(345);
  const shares = first!.split(",").slice(1).map(Number);
  expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  const written = await gradus(["predict", "three", "penguins.csv", "--out", "p.csv"]);
  expect(written.out).toMatch(/344 predictions in p.csv/);
  expect(readFileSync("p.csv", "utf8")).toBe(out);
});

test("the target column need not be there; columns of the model must, and the missing ones are named", async () => {
  const [head, ...rows] = lines(readFileSync("penguins.csv", "utf8"));
  file("no-target.csv", [head, ...rows].map((row) => row!.slice(row!.indexOf(",") + 1)).join("\n"));
  expect((await gradus(["predict", "three", "no-target.csv"])).out).toBe((await gradus(["predict", "three", "penguins.csv"])).out);
  file("few.csv", "species,island\nAdelie,Biscoe\n");
  const { status, err } = await gradus(["predict", "three", "few.csv"]);
  expect(status).toBe(2);
  expect(err).toMatch(/no columns "bill_length_mm", "bill_depth_mm", .*, which the model was trained on, in few.csv/);
});

test("unseen categories and missing values are predicted like any other row", async () => {
  file("odd.csv", "width,height,kind\n0.5,,violet\n,0.2,\n");
  const { status, out } = await gradus(["predict", "two", "odd.csv"]);
  expect(status).toBe(0);
  expect(lines(out)).toHaveLength(3);
  expect(out).not.toMatch(/NaN/);
});

test("--threshold moves the second class's boundary", async () => {
  const share = async (threshold: string) => {
    const { out } = await gradus(["predict", "two", "two.csv", "--threshold", threshold]);
    const rows = lines(out)
      .slice(1)
      .map((row) => row.split(","));
    for (const [prediction, , yes] of rows) expect(prediction).toBe(Number(yes) >= Number(threshold) ? "yes" : "no");
    return rows.filter(([prediction]) => prediction === "yes").length;
  };
  expect(await share("0.1")).toBeGreaterThan(await share("0.9"));
  expect((await gradus(["predict", "two", "two.csv", "--threshold", "1.5"])).err).toMatch(
    /--threshold must be a probability from 0 to 1, found "1.5"/,
  );
  expect((await gradus(["predict", "amount", "two.csv", "--threshold", "0.5"])).err).toMatch(
    /--threshold is for two classes; this run predicts amounts/,
  );
});

test("amounts come back in the target's own unit", async () => {
  const { out } = await gradus(["predict", "amount", "two.csv"]);
  const [head, ...rest] = lines(out);
  expect(head).toBe("prediction");
  const mean = rest.map(Number).reduce((a, b) => a + b) / rest.length;
  expect(mean).toBeGreaterThan(9);
  expect(mean).toBeLessThan(11);
});

test("predict --json prints a line per row, or with --out only the result", async () => {
  const all = await gradusJson(["predict", "two", "two.csv"]);
  expect(all.lines).toHaveLength(301);
  expect(all.lines[0]).toMatchObject({ type: "prediction", row: 1, probabilities: { yes: expect.any(Number) } });
  expect(all.result).toMatchObject({ type: "result", command: "predict", rows: 300 });
  const quiet = await gradusJson(["predict", "two", "two.csv", "--out", "two-predictions.csv"]);
  expect(quiet.lines).toHaveLength(1);
});

test("evaluate --test opens the test set, records it, and says how often that was", async () => {
  const first = await gradusJson(["evaluate", "three", "--test"]);
  expect(first.status).toBe(0);
  expect(first.result).toMatchObject({ command: "evaluate", task: "classification", openings: 1, metrics: { test: { error: { n: 69 } } } });
  const second = await gradus(["evaluate", "three", "--test"]);
  expect(second.out).toMatch(/\n {2}test .* 69\n/);
  expect(second.out).toMatch(/opened 1 time before/);
  const openings = lines(readFileSync("three/test-openings.jsonl", "utf8")).map((line) => JSON.parse(line) as { metrics: unknown });
  expect(openings).toHaveLength(2);
  expect(openings[0]!.metrics).toEqual(first.result["metrics"].test);
});

test("evaluate agrees with what training measured on the validation part", async () => {
  for (const run of ["three", "two", "amount"]) {
    const { result } = await gradusJson(["evaluate", run]);
    const stored = JSON.parse(readFileSync(`${run}/result.json`, "utf8")) as { metrics: { validation: Record<string, { value: number }> } };
    const { loss: _, ...figures } = stored.metrics.validation;
    expect(Object.keys(figures)).toEqual(run === "amount" ? ["r2", "rmse"] : ["error"]);
    // The loss apart, which evaluate has as log_loss; its other figures are in docs/metrics.md.
    const measured = result["metrics"].validation as Record<string, { value: number }>;
    for (const [name, { value }] of Object.entries(figures)) expect(measured[name]!.value).toBeCloseTo(value, 4);
    if (run !== "amount") expect(measured["log_loss"]!.value).toBeCloseTo(stored.metrics.validation["loss"]!.value, 4);
  }
});

test("evaluate on other rows needs their target", async () => {
  file("others.csv", table(310));
  const { status, result } = await gradusJson(["evaluate", "two", "others.csv"]);
  expect(status).toBe(0);
  expect(result["metrics"].data.error.n).toBe(310);
  file("unlabelled.csv", "width,height,kind\n1,2,red\n");
  expect((await gradus(["evaluate", "two", "unlabelled.csv"])).status).toBe(2);
});

test("the file of the training is not 'other rows': its test part stays locked", async () => {
  const { status, err } = await gradus(["evaluate", "two", "two.csv"]);
  expect(status).toBe(2);
  expect(err).toMatch(/two.csv is the very file that two was trained on.*\n.*gradus evaluate two --test opens the test set/);
});

test("other rows are compared with the training part's answer, not their own", async () => {
  const stored = JSON.parse(readFileSync("two/result.json", "utf8")) as { baseline: { name: string } };
  const rare = stored.baseline.name === 'always "no"' ? "yes" : "no";
  const [head, ...all] = lines(table(310));
  file("rare.csv", [head, ...all.filter((row) => row.split(",")[3] === rare)].join("\n"));
  const { result } = await gradusJson(["evaluate", "two", "rare.csv"]);
  expect(result["baseline"]).toMatchObject({ name: stored.baseline.name, metrics: { error: { value: 1 } } });
});

test("a run on the logarithm refuses amounts that have none", async () => {
  await gradus(["train", "two.csv", "--target", "amount", "--drop", "label", "--target-transform", "log", "--epochs", "2", "--out", "log"]);
  file("negative.csv", `${table(20)}0.1,0.2,red,yes,-9\n`);
  expect((await gradus(["evaluate", "log", "negative.csv"])).err).toMatch(
    /negative.csv, row 21: the run was trained on the logarithm of "amount", which needs amounts above 0, found -9/,
  );
});

test("in a file that has grown the test rows are found by their keys, and new rows are none of them; the opening says so", async () => {
  file("moving.csv", table(80));
  await gradus(["train", "moving.csv", "--target", "label", "--drop", "amount", "--epochs", "2", "--out", "moving"]);
  const before = (await gradusJson(["evaluate", "moving", "--test"])).result;
  expect(before).not.toHaveProperty("grown");
  // A copy of a known row, new rows and a new class, in another order.
  const [head, ...rows] = lines(table(80));
  const grown = [...rows, rows[0]!, ...lines(table(100)).slice(81), "0.1,0.2,red,maybe,9"];
  file("grown.csv", [head, ...grown].join("\n"));
  const after = (await gradusJson(["evaluate", "moving", "grown.csv", "--test"])).result;
  expect(after).toMatchObject({ metrics: before["metrics"] as object, baseline: before["baseline"] as object, openings: 2 });
  expect(after["grown"]).toEqual({ data: "grown.csv", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string, newRows: 22 });
  file("turned.csv", [head, ...grown.toReversed()].join("\n"));
  const { out } = await gradus(["evaluate", "moving", "turned.csv", "--test"]);
  expect(out).toMatch(/turned.csv is not as it was when moving was trained: 22 rows are new and in no part; the\s+16 test rows are found/);
  const openings = lines(readFileSync("moving/test-openings.jsonl", "utf8")).map((line) => JSON.parse(line) as { grown?: object });
  expect(openings.map((opening) => opening.grown)).toEqual([
    undefined,
    after["grown"],
    { ...after["grown"]!, data: "turned.csv", fingerprint: expect.any(String) as string },
  ]);
  expect((await gradusJson(["show", "moving"])).result["testOpenings"]).toHaveLength(3);
  file("kept.csv", table(80));
  expect((await gradusJson(["evaluate", "moving", "kept.csv", "--test"])).result).not.toHaveProperty("grown");
});

test("a data file that lacks rows of the run is refused for the test, with counts, and nothing is opened", async () => {
  const [head, ...rows] = lines(table(80));
  file("fewer.csv", [head, ...rows.slice(0, 70), "0.1,0.2,red,yes,9"].join("\n"));
  const { status, err } = await gradus(["evaluate", "moving", "fewer.csv", "--test"]);
  expect(status).toBe(2);
  expect(err).toMatch(
    /fewer.csv: of the 80 rows that moving knows, only 70 are there \(71 rows, compared by 3 columns\); gone are \d training/,
  );
  file("other.csv", [head, ...rows].map((row, i) => (i === 5 ? row!.replace(/^[^,]+/, "0.123") : row)).join("\n"));
  expect((await gradus(["evaluate", "moving", "other.csv", "--test"])).err).toMatch(/only 79 are there/);
  expect(lines(readFileSync("moving/test-openings.jsonl", "utf8"))).toHaveLength(4);
});

test("a run without a test set says so", async () => {
  file("untested.csv", table(80));
  const trained = await gradus(["train", "untested.csv", "--target", "label", "--split", "80/20/0", "--epochs", "1", "--out", "untested"]);
  expect(trained.out).toMatch(/test {13}none: the split left no rows for it/);
  const { status, err } = await gradus(["evaluate", "untested", "--test"]);
  expect(status).toBe(2);
  expect(err).toMatch(/untested has no test set/);
});

test("show repeats the report, with the test figures once they were opened", async () => {
  const { status, out } = await gradus(["show", "three"]);
  expect(status).toBe(0);
  expect(out).toMatch(/data {13}penguins.csv · target species · classification · 7 columns → 11 inputs/);
  expect(out).toMatch(/▲ weights kept/);
  expect(out).toMatch(/\n {2}test .* 69\n/);
  expect((await gradus(["show", "two"])).out).toMatch(/locked {4}\(gradus evaluate two --test\)/);
  const { result } = await gradusJson(["show", "three"]);
  expect(result).toMatchObject({ command: "show", run: "three", testOpenings: expect.any(Array), history: expect.any(Array) });
});

test("a folder that is no run, or is not there", async () => {
  expect((await gradus(["show", "thre"])).err).toMatch(/no run folder thre\.\n {2}did you mean three/);
  file("plain.txt", "x");
  expect((await gradus(["predict", "plain.txt", "two.csv"])).err).toMatch(/plain.txt is a file; a run folder was expected/);
  expect((await gradus(["show", "."])).err).toMatch(/\. is no run folder, or not a whole one: it has no \w+\.json/);
});

test("evaluate and predict take --device as train does, and one that is not there opens no test set", async () => {
  for (const argv of [
    ["predict", "two", "two.csv"],
    ["evaluate", "two", "--test"],
    ["evaluate", "two"],
  ]) {
    const unknown = await gradus([...argv, "--device", "gpu"]);
    expect([unknown.status, unknown.err]).toEqual([
      2,
      expect.stringMatching(/^error: --device must be one of cpu, webgpu, cuda, found "gpu"/),
    ]);
    const absent = await gradus([...argv, "--device", "cuda"]);
    expect([absent.status, absent.err]).toEqual([2, expect.stringMatching(/onnxruntime-node .*device "cuda"/)]);
  }
  const { result } = await gradusJson(["show", "two"]);
  const before = (result["testOpenings"] as unknown[]).length;
  await gradus(["evaluate", "two", "--test", "--device", "cuda"]);
  expect((await gradusJson(["show", "two"])).result["testOpenings"]).toHaveLength(before);
  expect((await gradus(["predict", "two", "two.csv", "--device", "cpu"])).out).toBe((await gradus(["predict", "two", "two.csv"])).out);
  expect((await gradus(["evaluate", "two", "--device", "cpu"])).status).toBe(0);
});

test("predict --out writes more rows than a block holds as it writes few", async () => {
  const [head, ...few] = lines(table(40));
  file("few-rows.csv", [head, ...few].join("\n"));
  // Longer than a call of the model (8192 rows), and than several blocks of text.
  const copies = 300;
  file("many-rows.csv", [head, ...new Array<string[]>(copies).fill(few).flat()].join("\n"));
  const [titles, ...predicted] = lines((await gradus(["predict", "two", "few-rows.csv"])).out);
  expect((await gradus(["predict", "two", "many-rows.csv", "--out", "many.csv"])).out).toMatch(/12 000 predictions in many.csv/);
  const written = readFileSync("many.csv", "utf8");
  expect(written.length).toBeGreaterThan(3 * 65_536);
  expect(written).toBe(`${[titles, ...new Array<string[]>(copies).fill(predicted).flat()].join("\n")}\n`);
  expect((await gradus(["predict", "two", "many-rows.csv"])).out).toBe(written);
});

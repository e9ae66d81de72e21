/** `gradus data split` and `--split-file`, from data that grows to the run that was trained on it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { file, gradus, gradusJson, penguins, table, workFolder } from "./support.ts";

workFolder();
const lines = (text: string) => text.trimEnd().split("\n");

test("a split is told and saved; grown data keeps it, in a training too, and the run holds it", async () => {
  const whole = lines(table(440));
  file("june.csv", `${whole.slice(0, 401).join("\n")}\n`);
  file("july.csv", `${whole.join("\n")}\n`);
  const made = await gradus(["data", "split", "june.csv", "--target", "label", "--drop", "amount", "--out", "june.json"]);
  expect(made.status).toBe(0);
  expect(made.out).toMatch(
    /split {12}60\/20\/20 stratified, seed 1 → 240 \/ 80 \/ 80 {3}\(validation tells 10 % of errors to ± 6\.7 points, two networks 7\.0 apart\)/,
  );
  expect(made.out).toMatch(/saved {12}june\.json: gradus train … --split-file june\.json/);

  const args = ["july.csv", "--target", "label", "--drop", "amount", "--split-file", "june.json", "--seed", "4"];
  const trained = await gradus(["train", ...args, "--epochs", "1", "--out", "july"]);
  expect(trained.status).toBe(0);
  expect(trained.out).toMatch(/split {12}60\/20\/20 stratified, seed 1, from june\.json → 264 \/ 88 \/ 88/);
  expect(trained.out).toMatch(/all 400 rows of june\.json keep their parts/);
  expect(trained.out).toMatch(/40 new rows: 24 training, 8 validation, 8 test/);
  const parts = (path: string) => (JSON.parse(readFileSync(path, "utf8")) as { parts: string }).parts;
  expect(parts("july/split.json").slice(0, 400)).toBe(parts("june.json"));
  const experiment = JSON.parse(readFileSync("july/experiment.json", "utf8")) as { split: Record<string, unknown> };
  expect(experiment.split).toMatchObject({ file: "../june.json", seed: 1 });

  // The run folder is a split file as well, and its test set opens as ever.
  const again = await gradusJson(["data", "split", "july.csv", "--target", "label", "--drop", "amount", "--split-file", "july"]);
  expect(again.result).toMatchObject({ command: "data split", rows: { train: 264, validation: 88, test: 88 } });
  // In the same file a column can be dropped, and the parts stay.
  const fewer = ["data", "split", "july.csv", "--target", "label", "--drop", "amount,kind", "--split-file", "july", "--out", "fewer.json"];
  expect((await gradus(fewer)).status).toBe(0);
  expect(parts("fewer.json")).toBe(parts("july/split.json"));
  const june = await gradus(["data", "split", "july.csv", "--target", "label", "--drop", "amount,kind", "--split-file", "june.json"]);
  expect(june.err).toMatch(/june\.json knows the rows by their features, and column "kind" is none of them now/);
  expect((await gradus(["evaluate", "july", "--test"])).status).toBe(0);
  expect((await gradus(["check", "july", "--fast", "--no-preflight"])).status).toBe(0);
});

test("an experiment file names a split beside it, and a group comes from there", async () => {
  const rows = lines(table(200)).map((text, i) => (i === 0 ? `${text},house` : `${text},h${i % 20}`));
  file("houses.csv", `${rows.join("\n")}\n`);
  await gradus(["data", "split", "houses.csv", "--target", "label", "--drop", "amount", "--group", "house", "--out", "houses.json"]);
  file("houses.yaml", "data: { path: houses.csv, target: label, drop: [amount] }\nsplit: { file: houses.json }\n");
  const { result, lines: events } = await gradusJson(["data", "split", "--experiment", "houses.yaml"]);
  expect(result["rows"]).toEqual({ train: 120, validation: 40, test: 40 });
  expect(events[0]!["policy"]).toBe("60/20/20 by house, seed 1, from houses.json");
});

test("a train-dev set stands in the closing table and in the result, with what differs", async () => {
  const args = ["train", penguins, "--target", "species", "--train-dev", "10%", "--epochs", "3"];
  const { out } = await gradus([...args, "--out", "dev"]);
  expect(out).toMatch(/split {12}60\/20\/20 stratified, seed 1, train-dev 10% → 185 \/ 69 \/ 69 \+ 21 train-dev/);
  expect(out).toMatch(/train-dev +\d+\.\d % .*21\n/);
  expect(out).toMatch(/mismatch {9}[+−]\d+\.\d \([+−]\d+\.\d … [+−]\d+\.\d\) points, validation less train-dev/);
  const { result } = await gradusJson([...args, "--out", "json"]);
  expect(result).toMatchObject({ rows: { train: 185, trainDev: 21 }, mismatch: { metric: "error", n: 21 } });
  const shown = await gradus(["show", "dev"]);
  expect(shown.out).toMatch(/train-dev +\d+\.\d %/);
});

test("policies by rows, fractions and points, without a test set; what does not fit is refused", async () => {
  const sizes = async (...flags: string[]) =>
    (await gradusJson(["data", "split", penguins, "--target", "species", ...flags])).result["rows"];
  expect(await sizes("--split", "200/50/50")).toEqual({ train: 200, validation: 50, test: 50 });
  expect(await sizes("--split", "0.7/0.3")).toEqual({ train: 241, validation: 103, test: 0 });
  expect(await sizes("--test", "0")).toEqual({ train: 275, validation: 69, test: 0 });
  expect(await sizes("--resolve", "10")).toEqual({ train: 264, validation: 40, test: 40 });
  const refused = async (...flags: string[]) => {
    const { status, err } = await gradus(["data", "split", penguins, "--target", "species", ...flags]);
    expect(status).toBe(2);
    return err;
  };
  expect(await refused("--split", "200/500/50")).toMatch(/the split 200\/500\/50 asks for 750 rows, the data has 344/);
  expect(await refused("--test", "5")).toMatch(/--test must be 0 \(no test set\), or left out, found 5/);
  expect(await refused("--train-dev", "most")).toMatch(/a train-dev set is a share of the training rows or a number of rows, found "most"/);
  expect(await refused("--resolve", "none")).toMatch(/--resolve must be a number above 0/);
  expect(await refused("--split-file", "nowhere.json")).toMatch(/the split file nowhere\.json does not exist/);
});

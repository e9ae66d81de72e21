import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import { file, gradus, gradusJson, table, workFolder } from "./support.ts";

workFolder();

let before: string[] = [];
beforeEach(() => {
  before = readdirSync(".", { recursive: true }) as string[];
});

/** The whole of what a person sees, exit status 2, nothing on stdout, nothing left on the disk. */
async function refused(argv: readonly string[]): Promise<string> {
  before = readdirSync(".", { recursive: true }) as string[];
  const { status, out, err } = await gradus(argv);
  expect(status, err).toBe(2);
  expect(readdirSync(".", { recursive: true })).toEqual(before);
  expect(err).toMatch(/^error: /);
  expect(err).not.toMatch(/\n\s+at |defect/);
  expect(out).not.toMatch(/finished/);
  return err;
}

const train = (name: string, ...rest: string[]) => refused(["train", name, "--target", "label", "--epochs", "1", ...rest]);
const rows = (lines: readonly string[]) => `width,label\n${lines.join("\n")}\n`;
const good = Array.from({ length: 40 }, (_, i) => `${i}.5,${i % 2 ? "yes" : "no"}`);

test("missing file", async () => {
  file("churn.csv", table(10));
  expect(await train("chrun.csv")).toBe("error: no file chrun.csv.\n  did you mean churn.csv?\n");
});

test("directory", async () => {
  mkdirSync("folder");
  expect(await train("folder")).toMatch(/folder is a directory; a data file was expected\./);
});

test("empty file", async () => {
  expect(await train(file("empty.csv", ""))).toMatch(/empty.csv is empty \(0 bytes\); a header line and rows were expected\./);
});

test("header only", async () => {
  expect(await train(file("header.csv", "width,label\n"))).toMatch(/header.csv has a header line \(2 columns\) and no rows\./);
});

test("unknown target, with the closest names", async () => {
  file("prices.csv", "carat,cut,price\n1,a,2\n");
  expect(await refused(["train", "prices.csv", "--target", "prize"])).toBe(
    'error: no column "prize" in prices.csv (line 1).\n  did you mean "price"? columns: carat, cut, price\n',
  );
});

test("ragged rows", async () => {
  expect(await train(file("ragged.csv", rows([...good, "1,yes,extra"])))).toMatch(
    /ragged.csv, line 42: 2 fields were expected .*, found 3/,
  );
});

test("one class only", async () => {
  expect(await train(file("one.csv", rows(good.map((line) => line.replace("no", "yes")))))).toMatch(
    /one.csv: target "label" has one class only in all 40 rows/,
  );
});

test("target with missing values", async () => {
  expect(await train(file("gaps.csv", rows([...good, "3,"])))).toMatch(
    /gaps.csv: target "label" is missing in 1 of 41 rows, first in line 42/,
  );
});

test("all-missing column", async () => {
  expect(await train(file("void.csv", `width,void,label\n${good.map((line) => line.replace(",", ",,")).join("\n")}\n`))).toMatch(
    /void.csv: column "void" has no value in any of its 40 rows\.\n {2}leave it out: --drop void/,
  );
});

test("a constant column is left out, and that is said", async () => {
  file("constant.csv", `width,same,label\n${good.map((line) => line.replace(",", ",7,")).join("\n")}\n`);
  const { status, out } = await gradus(["train", "constant.csv", "--target", "label", "--epochs", "1", "--out", "constant"]);
  expect(status).toBe(0);
  expect(out).toMatch(/same left out: always 7/);
});

test("NaN is missing, infinity is refused with its line", async () => {
  file("nan.csv", rows(["NaN,yes", ...good]));
  const { status, out } = await gradus(["train", "nan.csv", "--target", "label", "--epochs", "1", "--out", "nan"]);
  expect(status).toBe(0);
  expect(out).toMatch(/missing: 1 in width/);
  expect(await train(file("infinite.csv", rows([...good, "-Infinity,no"])))).toMatch(
    /infinite.csv, line 42: column "width" should hold finite numbers, found -Infinity/,
  );
});

test("10⁶ distinct categories", async () => {
  const lines = Array.from({ length: 1_000_000 }, (_, i) => `u${i},${i % 2 ? "yes" : "no"}`);
  const seen = await train(file("users.csv", `user,label\n${lines.join("\n")}\n`));
  expect(seen).toMatch(/users.csv: column "user" has 1 000 000 distinct values in 1 000 000 rows/);
  writeFileSync("users.csv", "");
});

test("duplicate column names", async () => {
  expect(await train(file("twice.csv", "width,width,label\n1,2,yes\n"))).toMatch(
    /twice.csv, line 1: two columns are named "width" \(columns 1 and 2\)\./,
  );
});

test("byte-order mark and UTF-16 are read", async () => {
  const text = table(60);
  file("bom.csv", `\uFEFF${text}`);
  writeFileSync("utf16.csv", Buffer.from(`\uFEFF${text}`, "utf16le"));
  for (const name of ["bom.csv", "utf16.csv"]) {
    const { status, err } = await gradus(["train", name, "--target", "label", "--epochs", "1", "--out", `run-${name}`]);
    expect(err).toBe("");
    expect(status).toBe(0);
  }
});

test("an unknown key or a wrong type in the experiment file, with its line", async () => {
  file("data.csv", table(40));
  file("key.yaml", "data:\n  path: data.csv\n  traget: label\n");
  expect(await refused(["train", "--experiment", "key.yaml"])).toMatch(
    /^error: key\.yaml, line 3: unknown key "traget" in data\.\n {2}did you mean "target"\? keys: path, target, task, drop, weight, id, targetTransform(, \w+)*(, ….*)?\n$/,
  );
  file("type.yaml", "data: { path: data.csv, target: label }\n\nepochs: often\n");
  expect(await refused(["train", "--experiment", "type.yaml"])).toBe(
    'error: type.yaml, line 3: epochs must be a whole number of at least 1, found "often".\n',
  );
  expect(await refused(["train", "--experiment", "nowhere.yaml"])).toMatch(/the experiment file nowhere.yaml does not exist/);
  expect(await refused(["train", "--experiment", "program.ts"])).toMatch(/program.ts: experiments are YAML or JSON files/);
});

test("a layer of 0 units", async () => {
  file("layer.csv", table(40));
  expect(await train("layer.csv", "--layers", "64,0")).toMatch(
    /--layers: entry 2 must be a whole number of at least 1 \(units of a layer\), found 0\./,
  );
});

test("split-column values that name no part", async () => {
  file("parts.csv", `width,label,part\n${good.map((line, i) => `${line},${i < 5 ? "fold" : "train"}`).join("\n")}\n`);
  expect(await train("parts.csv", "--split-column", "part")).toMatch(
    /column "part" \(--split-column\) should name the parts.* found "fold" \(5 rows\)/,
  );
});

test("flags: unknown, misspelt, of a wrong type, out of range", async () => {
  file("flags.csv", table(40));
  expect(await refused(["train", "flags.csv", "--taget", "label"])).toBe('error: unknown option "--taget".\n  did you mean --target?\n');
  expect(await refused(["trian"])).toBe('error: unknown command "trian".\n  did you mean train?\n');
  expect(await refused(["train", "flags.csv"])).toMatch(/^error: no target was given\./);
  expect(await refused(["train"])).toMatch(/^error: no data file was given\./);
  expect(await refused(["evaluate"])).toMatch(/missing required argument "run"\.\n {2}usage: gradus evaluate \[options\] <run> \[data\]/);
  expect(await train("flags.csv", "--learning-rate", "0")).toMatch(/--learning-rate must be a number above 0, found 0\./);
  expect(await train("flags.csv", "--optimizer", "adan")).toMatch(
    /--optimizer must be one of sgd, .* found "adan"\.\n {2}did you mean "adam"/,
  );
  expect(await train("flags.csv", "--threads", "none")).toMatch(/--threads must be a whole number of at least 1/);
  expect(await train("flags.csv", "--device", "gpu")).toMatch(/--device must be one of cpu, webgpu, cuda, found "gpu"/);
  expect(await train("flags.csv", "--split", "60/60/20")).toMatch(
    /percentages train\/validation\/test, which sum to 100.*"60\/60\/20" \(sum 140\)/,
  );
});

test("a feature with the name of a model's output", async () => {
  file("outputs.csv", `prediction,label\n${good.join("\n")}\n`);
  expect(await train("outputs.csv")).toMatch(
    /outputs.csv: a feature is named "prediction", as an output of every model is\.\n {2}rename .* --drop prediction/,
  );
});

test("a device that this machine lacks", async () => {
  file("device.csv", table(40));
  expect(await train("device.csv", "--device", "cuda")).toMatch(/onnxruntime-node .*device "cuda"/);
});

test("--out that holds files, or is one", async () => {
  mkdirSync("full");
  file("full/notes.txt", "mine");
  file("out.csv", table(40));
  expect(await train("out.csv", "--out", "full")).toMatch(/full is not empty \(notes.txt\); a run needs a folder of its own\./);
  expect(await train("out.csv", "--out", "out.csv")).toMatch(/out.csv is a file; --out names a folder for the run\./);
  expect(await train("out.csv", "--out", "out.csv/inside")).toMatch(/out.csv\/inside cannot be made/);
});

test("under --json an error is the result, and stderr stays silent", async () => {
  file("json.csv", table(40));
  const { status, err, lines, result } = await gradusJson(["train", "json.csv", "--target", "lable"]);
  expect(status).toBe(2);
  expect(err).toBe("");
  expect(lines).toHaveLength(1);
  expect(result).toMatchObject({ type: "result", error: { message: 'no column "lable" in json.csv (line 1).', exit: 2 } });
});

test("--debug and GRADUS_DEBUG add the stack trace", async () => {
  const { err } = await gradus(["train", "nothing.csv", "--target", "y", "--debug"]);
  expect(err).toMatch(/^error: no file nothing.csv\.[\s\S]*\n\s+at /);
  expect((await gradus(["train", "nothing.csv", "--target", "y"], { env: { GRADUS_DEBUG: "1" } })).err).toMatch(/\n\s+at /);
});

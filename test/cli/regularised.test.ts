import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { lineSchema } from "../../src/cli/json-schema.ts";
import { rng } from "../../src/util/rng.ts";
import { gradus } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-regularised-"));
const csv = join(folder, "points.csv");

beforeAll(() => {
  const draw = rng(1, "points");
  const rows = Array.from({ length: 300 }, (_, i) => {
    const [a, b] = [draw.normal(), draw.normal()];
    return `${a.toFixed(4)},${b.toFixed(4)},${i % 5 === 0 ? 2 : 0.5},${a + b + draw.normal() > 1 ? "yes" : "no"}`;
  });
  writeFileSync(csv, `a,b,w,y\n${rows.join("\n")}\n`);
});

/** Lines of `--json`, each held against the schema. */
async function train(...flags: string[]) {
  const out = join(folder, `run-${rng(flags.length, flags.join()).uint32()}`);
  const {
    status,
    out: text,
    err,
  } = await gradus(["train", csv, "--target", "y", "--epochs", "3", "--no-audit", "--no-preflight", "--out", out, "--json", ...flags]);
  const lines = text
    .trim()
    .split("\n")
    .map((line) => lineSchema.parse(JSON.parse(line)) as Record<string, unknown> & { type: string });
  return {
    status,
    err,
    lines,
    experiment: () => JSON.parse(readFileSync(join(out, "experiment.json"), "utf8")) as Record<string, unknown>,
  };
}

describe("gradus train", () => {
  test("prints λ as it is here and elsewhere, and the penalty of every epoch", async () => {
    const { status, lines } = await train("--l2", "3", "--l1", "1", "--proximal", "--max-norm", "2");
    expect(status).toBe(0);
    const { examples, l2, l1, ...more } = lines.find(({ type }) => type === "regularizer") as Record<string, any>;
    expect(l2).toEqual({ lambda: 3, gradient: 3 / examples, pytorch: 3 / examples, keras: 3 / (2 * examples) });
    expect(l1).toEqual({ lambda: 1, gradient: 1 / (2 * examples), pytorch: 1 / (2 * examples), keras: 1 / (2 * examples) });
    expect(more).toEqual({ type: "regularizer", proximal: true, maxNorm: 2 });
    for (const epoch of lines.filter(({ type }) => type === "epoch")) expect(epoch["penalty"]).toBeGreaterThan(0);
    const plain = await gradus([
      "train",
      csv,
      "--target",
      "y",
      "--epochs",
      "1",
      "--l2",
      "3",
      "--no-audit",
      "--no-preflight",
      "--out",
      join(folder, "plain"),
    ]);
    expect(plain.out).toMatch(
      /regularised +L2 of weights, λ = 3: λ\/m = 0\.016\d* \(m = 180\) · PyTorch: weight_decay 0\.016\d* · Keras: l2\(0\.0083\d*\)/,
    );
  });

  test("every option of a step is a key of the experiment that is stored", async () => {
    const { status, experiment } = await train(
      ...["--keep-probability", "1,0.9,0.8", "--input-noise", "0.1", "--schedule", "reduceOnPlateau", "--warmup", "5"],
      ...[
        "--clip-norm",
        "1",
        "--clip-value",
        "0.5",
        "--label-smoothing",
        "0.1",
        "--class-weight",
        "no=1,yes=3",
        "--accumulate",
        "2",
        "--ema",
        "0.9",
      ],
    );
    expect(status).toBe(0);
    expect(experiment()).toMatchObject({
      model: { keepProbability: [1, 0.9, 0.8], inputNoise: 0.1 },
      optimizer: {
        schedule: { kind: "reduceOnPlateau", warmup: 5, factor: 0.1, patience: 10, threshold: 1e-4, mode: "relative", floor: 0 },
      },
      clip: { norm: 1, value: 0.5 },
      labelSmoothing: 0.1,
      classWeight: { no: 1, yes: 3 },
      accumulate: 2,
      average: { kind: "ema", decay: 0.9 },
    });
  });

  test("a column of weights is no feature, and changes what is learnt", async () => {
    const [weighted, plain] = [await train("--weight", "w"), await train("--drop", "w")];
    const inputs = ({ lines }: typeof plain) => lines.find(({ type }) => type === "transforms")!["inputs"];
    expect([inputs(weighted), inputs(plain)]).toEqual([2, 2]);
    const loss = ({ lines }: typeof plain) => (lines.findLast(({ type }) => type === "epoch") as any).train.loss;
    expect(loss(weighted)).not.toBe(loss(plain));
  });

  test.each([
    [["--l2", "-1"], "--l2 must be a number of at least 0, found -1"],
    [["--keep-probability", "0"], "--keep-probability"],
    [["--keep-probability", "0.5"], ""],
    [["--keep-probability", "0.9,0.9,0.9,0.9"], "mlp has 2 hidden layers, and keepProbability is a list of 4."],
    [["--schedule", "cosine", "--warmup", "1.5"], "a share below 1 or a whole number of steps"],
    [["--class-weight", "maybe=2"], 'classWeight: no class "maybe".'],
    [["--weight", "b"], 'column "b" (--weight) must be a number of at least 0, found -'],
    [["--weight", "z"], 'no column "z" (--weight)'],
    [["--label-smoothing", "1"], "--label-smoothing"],
    [["--proximal"], "regularizer.proximal is a way to descend L1"],
  ])("%j", async (flags, message) => {
    const { status, err, lines } = await train(...flags);
    if (message === "") return expect(status).toBe(0);
    expect(status).not.toBe(0);
    const said =
      err +
      lines
        .map((line) => JSON.stringify(line))
        .join("\n")
        .replaceAll('\\"', '"');
    expect(said).toContain(message);
  });
});

test("gradus check checks the penalty apart, and the sum", async () => {
  const file = join(folder, "experiment.yaml");
  writeFileSync(
    file,
    `data: { path: ${csv}, target: y, drop: [w] }\nmodel: { layers: [4], activation: tanh }\nregularizer: { l2: 3, l1: 1 }\n`,
  );
  const { status, out } = await gradus(["check", file, "--no-preflight"]);
  expect(status).toBe(0);
  expect(out).toMatch(/penalty alone: right/);
  expect(out).toMatch(/with the penalty: right/);
});

test("gradus lr draws the curves and says a rate", async () => {
  const { status, out } = await gradus(["lr", csv, "--target", "y"]);
  expect(status).toBe(0);
  expect(out).toMatch(/seed 1 .*seed 2 .*seed 3/);
  expect(out).toMatch(/next +gradus train … --learning-rate 0\.\d+/);
  const json = await gradus(["lr", csv, "--target", "y", "--json"]);
  expect(lineSchema.parse(JSON.parse(json.out))).toMatchObject({ type: "result", command: "lr", optimizer: "adamw" });
});

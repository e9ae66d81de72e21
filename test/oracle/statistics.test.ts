/**
 * Tests of hypotheses against SciPy's and R's. fixtures/statistics/ is what statistics.py and statistics.R wrote, a case a line; where
 * the programs are there, they write them again and find the same.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe as group, expect, test } from "vitest";
import { binomialProbability, binomialTail, fisherTail } from "../../src/util/binomial.ts";
import { contingency, holm, mannWhitney } from "../../src/util/hypothesis.ts";
import { kolmogorovSmirnov, kolmogorovTail } from "../../src/util/kolmogorov-smirnov.ts";
import { fitYeoJohnson, yeoJohnson } from "../../src/util/yeo-johnson.ts";
import { needs, pythonWith } from "../support/require.ts";

interface Recipe {
  readonly n: number;
  readonly a: number;
  readonly b: number;
  readonly m: number;
  readonly shift: number;
  readonly levels: number;
}

interface Case {
  readonly test: string;
  // Each test has its own arguments.
  readonly given: any;
  readonly found: Readonly<Record<string, number>>;
}

const sample = ({ n, a, b, m, shift, levels }: Recipe) =>
  Float64Array.from({ length: n }, (_, i) => {
    const x = ((a * i + b) % m) / m;
    return (levels === 0 ? x : Math.floor(x * levels) / levels) + shift;
  });

const compute: Readonly<Record<string, (given: Case["given"]) => object>> = {
  ks: ({ first, second, method }) => kolmogorovSmirnov(sample(first), sample(second), method === "asymp" ? "asymptotic" : method),
  kolmogorov: ({ n, d }) => ({ p: kolmogorovTail(n, d) }),
  contingency: ({ table }) => contingency(table),
  ranks: ({ first, second }) => mannWhitney(sample(first), sample(second)),
  binomial: ({ k, n, p }) => ({ p: binomialTail(k, n, p), probability: binomialProbability(k, n, p) }),
  fisher: ({ first, second }) => ({ p: fisherTail(first, second) }),
  holm: ({ ps }) => holm(ps),
  powers: ({ sample: recipe, stretch, lambda }) => {
    const values = stretched(recipe, stretch);
    return { fitted: fitYeoJohnson(values), statistic: values.reduce((sum, x) => sum + yeoJohnson(x, lambda), 0) };
  },
};
/** sinh(stretch·(x − 1/2)) of a sample's x, to six digits. */
const stretched = (recipe: Recipe, stretch: number) => sample(recipe).map((x) => Math.round(1e6 * Math.sinh(stretch * (x - 0.5))) / 1e6);
const statistics = ["statistic", "degrees", "cramersV", "auc"];

const fixtures = join(import.meta.dirname, "fixtures/statistics");
const casesIn = (folder: string, file: string) =>
  readFileSync(join(folder, file), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);

group.each(["scipy.jsonl", "r.jsonl"])("%s", (file) => {
  const cases = casesIn(fixtures, file);
  test.each([...new Set(cases.map(({ test: name }) => name))])("%s: statistics to 1e-10, p to relative 1e-6", (name) => {
    for (const { given, found } of cases.filter((one) => one.test === name)) {
      const ours = compute[name]!(given) as Readonly<Record<string, number>>;
      for (const [key, value] of Object.entries(found)) {
        const tolerance = statistics.includes(key) ? 1e-10 * Math.max(1, Math.abs(value)) : 1e-6 * Math.abs(value);
        expect(Math.abs(ours[key]! - value), `${key} of ${JSON.stringify(given)}: ${ours[key]} for ${value}`).toBeLessThanOrEqual(
          tolerance,
        );
      }
    }
  });
});

const again = mkdtempSync(join(tmpdir(), "gradus-statistics-"));
afterAll(() => rmSync(again, { recursive: true, force: true }));

function sameCases(file: string): void {
  const [stored, found] = [casesIn(fixtures, file), casesIn(again, file)];
  expect(found.length).toBe(stored.length);
  found.forEach((one, i) => {
    expect([one.test, one.given]).toEqual([stored[i]!.test, stored[i]!.given]);
    for (const [key, value] of Object.entries(stored[i]!.found))
      expect(Math.abs(one.found[key]! - value)).toBeLessThanOrEqual(1e-9 * Math.abs(value));
  });
}

const python = pythonWith("scipy");
needs(
  "SciPy",
  python !== undefined,
  "apt-get install python3-scipy",
)("scipy.jsonl is what statistics.py writes", () => {
  execFileSync(python!, [join(import.meta.dirname, "statistics.py"), again]);
  sameCases("scipy.jsonl");
});

const r = hasR();
needs(
  "R",
  r,
  "apt-get install r-base-core",
)("r.jsonl is what statistics.R writes", () => {
  execFileSync("Rscript", [join(import.meta.dirname, "statistics.R"), again]);
  sameCases("r.jsonl");
});

function hasR(): boolean {
  try {
    execFileSync("Rscript", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

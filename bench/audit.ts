/**
 * `node --conditions=gradus-source --import tsx bench/audit.ts --data DIR [--only letter,vowel]`: what is known of published data sets, as the
 * audit finds it; and pictures degraded on one side, with what that costs. A line a truth; exit status 1 where one is not found.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { audit, contextOf, runAuditRule } from "../src/audit/audit.ts";
import type { AuditSubject } from "../src/audit/rule.ts";
import { auditRules } from "../src/audit/rules/index.ts";
import { subjectOf } from "../src/audit/subject.ts";
import { readTable } from "../src/data/read-table.ts";
import { selectRows, type CategoricalColumn, type ImageColumn, type Table } from "../src/data/table.ts";
import { compile } from "../src/exec/executor.ts";
import { fitTable, splitTable } from "../src/train/fit-table.ts";
import type { Finding } from "../src/util/finding.ts";
import { rng } from "../src/util/rng.ts";

const { values } = parseArgs({ options: { data: { type: "string" }, only: { type: "string" } } });
const folder = values.data;
if (folder === undefined) throw new Error("--data DIR: the folder of the data sets");

let missed = 0;
function truth(what: string, expected: unknown, found: unknown): void {
  const [wanted, got] = [expected, found].map((value) => JSON.stringify(value));
  if (wanted !== got) missed += 1;
  console.log(`${wanted === got ? "found " : "MISSED"} ${what}: ${got}${wanted === got ? "" : ` in place of ${wanted}`}`);
}

async function check(name: string, subject: AuditSubject): Promise<Finding[]> {
  const rule = auditRules.find((each) => each.name === name)!;
  return runAuditRule(rule, contextOf(subject, { seed: 1, executor: { name: "platform", compile }, runtime: {} }));
}
const speaking = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity === "warn" || severity === "fail");

const cases: Readonly<Record<string, () => Promise<void>>> = {
  async letter() {
    const table = await readTable(join(folder, "letter/letter.csv"), { target: "lettr", splitColumn: "split" });
    const [found] = await check("duplicates", subjectOf(table));
    truth(
      "letter, test rows that are copies of the published training part",
      [380, 4000, "fail"],
      [found!.numbers["copies"], found!.numbers["rows"], found!.severity],
    );
  },
  async diamonds() {
    const table = await readTable(join(folder, "diamonds/diamonds.csv"), { target: "price" });
    const { repeatedRows, extraCopies, repeatedFeatures } = (await check("duplicates", subjectOf(table))).at(-1)!.numbers;
    truth(
      "diamonds, distinct rows more than once, extra copies, by features alone",
      [143, 146, 340],
      [repeatedRows, extraCopies, repeatedFeatures],
    );
  },
  async names() {
    const table = await readTable(join(folder, "names/names.csv"), { target: "gender", text: { name: "characters" } });
    const [{ numbers }] = (await check("conflicting-labels", subjectOf(table))) as [Finding];
    truth(
      "names with both labels, their rows, the error no rule gets below",
      [419, 841, 0.0473],
      [numbers["distinct"], numbers["rows"], Number(numbers["floor"]!.toFixed(4))],
    );
  },
  async vowel() {
    const options = { target: "Class", group: "V1", drop: ["split"] };
    const table = await readTable(join(folder, "vowel/vowel.csv"), options);
    const torn = await check("group-overlap", subjectOf(table, { random: true }));
    truth(
      "vowel, speakers on both sides of a random split",
      [
        ["fail", 15],
        ["fail", 15],
      ],
      torn.map(({ severity, numbers }) => [severity, numbers["groups"]]),
    );
    const published = await readTable(join(folder, "vowel/vowel.csv"), { target: "Class", group: "V1", splitColumn: "split" });
    truth(
      "vowel, the published split separates speakers",
      ["pass"],
      (await check("group-overlap", subjectOf(published))).map(({ severity }) => severity),
    );
  },
  async flights() {
    const table = await readTable(join(folder, "flights/flights-3m.parquet"), { target: "delay > 15", time: "date" });
    const found = await check("label-shift", subjectOf(table));
    truth(
      "flights, a split by time shifts the labels",
      ["warn", "warn"],
      found.map(({ severity }) => severity),
    );
    for (const { message } of found) console.log(`       ${message}`);
  },
  async "fashion-mnist"() {
    const { findings } = await audit(subjectOf(await fashion()));
    truth(
      "fashion-mnist, the negative control",
      [],
      speaking(findings).map(({ rule }) => rule),
    );
  },
  async degraded() {
    const table = selectRows(await fashion(), rng(1, "rows").permutation(60_000).subarray(0, 6000).toSorted());
    const side = Uint8Array.from({ length: table.rows }, (_, row) => (row % 4 === 0 ? 1 : 0));
    const named = async (degrade: (row: number) => boolean, scale: boolean) => {
      const found = speaking((await audit(subjectOf(withSides(table, side, degrade, scale)))).findings);
      return {
        drift: found.filter(({ rule }) => rule === "feature-drift").map(({ subject }) => subject!),
        rules: [...new Set(found.map(({ rule }) => rule))],
      };
    };
    const smaller = await named((row) => side[row] === 1, true);
    truth(
      "validation of half the resolution: named",
      [true, true, true],
      ["resolution", "sharpness"].map((name) => smaller.drift.includes(name)).concat(smaller.rules.includes("domain-classifier")),
    );
    const blurred = await named((row) => side[row] === 1, false);
    truth(
      "validation blurred at the same size: named",
      [false, true],
      ["resolution", "sharpness"].map((name) => blurred.drift.includes(name)),
    );
    truth("both sides degraded: silent", [], (await named(() => true, true)).rules);
    for (const [what, degrade, excludes] of [
      ["one side degraded", (row: number) => side[row] === 1, true],
      ["both sides degraded", () => true, false],
    ] as const) {
      const parts = splitTable(withSides(table, side, degrade, false), { trainDev: "20%", seed: 1 });
      const { mismatch } = await fitTable({ kind: "cnn" }, parts, { epochs: 6, seed: 1 });
      const { value, low, high } = mismatch!;
      const points = [value, low, high].map((share) => (100 * share).toFixed(1));
      console.log(`       ${what}: validation less train-dev ${points[0]} points (${points[1]} – ${points[2]})`);
      truth(`${what}: the consequence excludes 0`, excludes, low > 0 || high < 0);
    }
  },
};

const fashion = (): Promise<Table> => readTable(join(folder, "fashion-mnist"), {});

/** A table of images whose rows are training or validation by `side`, some of them degraded. */
function withSides(table: Table, side: Uint8Array, degrade: (row: number) => boolean, smaller: boolean): Table {
  const images = table.columns.find((column): column is ImageColumn => column.kind === "image")!;
  const split: CategoricalColumn = {
    name: "part",
    kind: "categorical",
    sqlType: "VARCHAR",
    categories: ["train", "validation"],
    codes: Int32Array.from(side),
  };
  return { ...table, columns: [degraded(images, degrade, smaller)], roles: { split } };
}

/** Chosen gray images at half their sides, each pixel the mean of a blurred 4×4 field; brought back to the old size unless `smaller`. */
function degraded(images: ImageColumn, chosen: (row: number) => boolean, smaller: boolean): ImageColumn {
  const rows = images.heights.length;
  const pictures = Array.from({ length: rows }, (_, row) => {
    const [height, width] = [images.heights[row]!, images.widths[row]!];
    const old = images.values.subarray(images.offsets[row], images.offsets[row + 1]!);
    if (!chosen(row)) return { height, width, values: old };
    const half = new Uint8Array((height >> 1) * (width >> 1));
    for (let y = 0; y < height >> 1; y++)
      for (let x = 0; x < width >> 1; x++) {
        let sum = 0;
        for (let v = -1; v < 3; v++)
          for (let u = -1; u < 3; u++)
            sum += old[Math.max(0, Math.min(height - 1, 2 * y + v)) * width + Math.max(0, Math.min(width - 1, 2 * x + u))]!;
        half[y * (width >> 1) + x] = sum / 16;
      }
    if (smaller) return { height: height >> 1, width: width >> 1, values: half };
    return {
      height,
      width,
      values: Uint8Array.from(old, (_, i) => half[(Math.floor(i / width) >> 1) * (width >> 1) + ((i % width) >> 1)]!),
    };
  });
  const offsets = new Float64Array(rows + 1);
  pictures.forEach(({ values: own }, row) => (offsets[row + 1] = offsets[row]! + own.length));
  const all = new Uint8Array(offsets[rows]!);
  pictures.forEach(({ values: own }, row) => all.set(own, offsets[row]));
  return {
    ...images,
    heights: Int32Array.from(pictures, ({ height }) => height),
    widths: Int32Array.from(pictures, ({ width }) => width),
    offsets,
    values: all,
  };
}

for (const [name, run] of Object.entries(cases)) if (!values.only || values.only.split(",").includes(name)) await run();
process.exitCode = missed > 0 ? 1 : 0;

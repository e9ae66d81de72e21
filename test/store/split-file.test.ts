/** Split files: what is written is read back, and a broken one is named. */
import { mkdirSync, readFileSync, rmSync, writeFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { savedSplit } from "../../src/data/saved-split.ts";
import { readSplitFile, storeSplitKeys } from "../../src/store/split-file.ts";
import { splitTable } from "../../src/train/fit-table.ts";
import { complaint } from "../data/files.ts";
import { categorical, count, tableOf } from "../data/tables.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-split-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const table = tableOf(
  count(100).map((i) => i % 80),
  count(100).map((i) => i % 3),
);

test("a split is read back as it was saved, from its file or from a run folder", async () => {
  const parts = splitTable(table, { seed: 3, policy: "70/15/15", trainDev: "10%" });
  const stored = storeSplitKeys(parts);
  expect(stored.parts).toMatch(/^[rvtd]{100}$/);
  mkdirSync(at("run"));
  writeFileSync(at("run/split.json"), JSON.stringify(stored, null, 2));
  const read = await readSplitFile(at("run"));
  expect(read).toEqual({ ...savedSplit(table, { ...parts, origin: parts.origin! }), path: at("run/split.json") });
  expect(read).toMatchObject({
    way: "random",
    seed: 3,
    sizing: { policy: "70/15/15", trainDev: "10%" },
    columns: [{ name: "x", kind: "numeric" }],
  });
  expect(await readSplitFile(at("run/split.json"))).toEqual(read);
  const grown = tableOf(
    count(120).map((i) => (i < 100 ? i % 80 : i)),
    count(120).map((i) => i % 3),
  );
  const again = splitTable(grown, { saved: read });
  for (const name of ["train", "validation", "test", "trainDev"] as const)
    expect([...again[name]!].filter((row) => row < 100)).toEqual([...parts[name]!]);
});

test("columns it went by are remembered", async () => {
  const houses = categorical(
    "house",
    count(100).map((i) => i % 9),
  );
  writeFileSync(at("groups.json"), JSON.stringify(storeSplitKeys(splitTable(tableOf(count(100), undefined, { group: houses })))));
  expect(await readSplitFile(at("groups.json"))).toMatchObject({
    way: "group",
    by: "house",
    columns: [{ name: "house", kind: "categorical" }],
  });
});

test("what is no split file is named", async () => {
  expect(await complaint(readSplitFile(at("nowhere.json")))).toMatch(
    /nowhere\.json does not exist\. \| gradus data split DATA --out FILE makes one/,
  );
  mkdirSync(at("empty"));
  expect(await complaint(readSplitFile(at("empty")))).toMatch(/empty\/split\.json does not exist/);
  writeFileSync(at("text.json"), "train, test");
  expect(await complaint(readSplitFile(at("text.json")))).toMatch(/text\.json is not JSON/);
  const stored = JSON.parse(readFileSync(at("run/split.json"), "utf8")) as Record<string, unknown>;
  const broken = async (change: Record<string, unknown>) => {
    writeFileSync(at("broken.json"), JSON.stringify({ ...stored, ...change }));
    return complaint(readSplitFile(at("broken.json")));
  };
  expect(await broken({ keys: undefined })).toMatch(/keys must be a text, found nothing/);
  expect(await broken({ keys: (stored["keys"] as string).slice(0, -8) })).toMatch(/its keys are not 100 numbers of 8 bytes/);
  expect(await broken({ keys: Buffer.from(new Float64Array(100).fill(0.5).buffer).toString("base64") })).toMatch(
    /its keys are not 100 numbers/,
  );
  expect(await broken({ parts: "rvt" })).toMatch(/parts must be as many letters as there are rows/);
  expect(await broken({ way: "luck" })).toMatch(/way must be one of random, group, time, column, found "luck"/);
});

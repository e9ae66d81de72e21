import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { reserveRun } from "../../src/store/reserve-run.ts";
import { pathFromHere, pathFromRun, readRunJson, writeWhole } from "../../src/store/run-folder.ts";
import { checkFingerprint, storedRows, storeSplit } from "../../src/store/split-file.ts";
import { modelFileSchema, splitFileSchema } from "../../src/store/run-schema.ts";
import { checkRecordable, readOpenings, recordOpening } from "../../src/store/test-openings.ts";

/** Codes that the next renames fail with. */
const failingRenames = vi.hoisted((): string[] => []);
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    rename: (from: string, to: string) => {
      const code = failingRenames.shift();
      return code === undefined ? real.rename(from, to) : Promise.reject(Object.assign(new Error(code), { code }));
    },
  };
});

const home = process.cwd();
const folders: string[] = [];
beforeEach(() => {
  folders.push(mkdtempSync(join(tmpdir(), "gradus-store-")));
  process.chdir(folders.at(-1)!);
});
afterAll(() => {
  process.chdir(home);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test("a reserved run shows nothing under its name until it is written whole", async () => {
  const reservation = await reserveRun("deep/run", 1);
  expect(existsSync("deep/run")).toBe(false);
  expect(await reservation.write((path) => ({ "a.txt": path, "b.bin": new Uint8Array([1, 2]) }))).toBe("deep/run");
  expect(readdirSync("deep")).toEqual(["run"]);
  expect(readFileSync("deep/run/a.txt", "utf8")).toBe("deep/run");
});

test("a discarded run leaves nothing, not even the folders made for it", async () => {
  await (await reserveRun("new/deep/run", 1)).discard();
  expect(readdirSync(".")).toEqual([]);
  mkdirSync("old");
  await (await reserveRun("old/run", 1)).discard();
  expect(readdirSync(".")).toEqual(["old"]);
});

test("an empty folder may become a run; a name that was taken meanwhile gets a number, so that no training is lost", async () => {
  mkdirSync("empty");
  expect(await (await reserveRun("empty", 1)).write(() => ({ x: "1" }))).toBe("empty");
  const reservation = await reserveRun("late", 1);
  mkdirSync("late");
  writeFileSync("late/mine.txt", "");
  expect(await reservation.write((path) => ({ x: path }))).toBe("late-2");
  expect(readFileSync("late-2/x", "utf8")).toBe("late-2");
});

test("a run whose place takes no files is kept elsewhere, and the message says where", async () => {
  const reservation = await reserveRun("deep/run", 1);
  rmSync("deep", { recursive: true });
  writeFileSync("deep", "");
  const error = await reservation.write((path) => ({ x: path })).catch((thrown: unknown) => thrown as Error);
  const folder = /^the run cannot be written to deep\/run \(ENOTDIR\); it was saved in (.*) instead\.$/.exec((error as Error).message)?.[1];
  expect(readFileSync(join(folder!, "x"), "utf8")).toBe(folder);
  rmSync(folder!, { recursive: true });
});

test("a name that cannot be had is replaced by another", async () => {
  const reservation = await reserveRun("mount", 1);
  failingRenames.push("EBUSY");
  expect(await reservation.write((path) => ({ x: path }))).toBe("mount-2");
  mkdirSync("volume");
  const mounted = await reserveRun("volume", 1);
  failingRenames.push("EBUSY");
  expect(await mounted.write((path) => ({ x: path }))).toBe("volume");
  expect(readFileSync("volume/x", "utf8")).toBe("volume");
  const stuck = await reserveRun("stuck", 1);
  failingRenames.push("EPERM", "EPERM");
  await expect(stuck.write((path) => ({ x: path }))).rejects.toThrow(
    /cannot be moved to stuck \(EPERM\); it lies whole in .*\.stuck\.\w+\.partial\.$/,
  );
  expect(readdirSync(".").filter((name) => name.endsWith(".partial"))).toHaveLength(1);
});

test("two words name a run, free ones", async () => {
  const first = await reserveRun(undefined, 7);
  const path = await first.write(() => ({ x: "" }));
  const second = await reserveRun(undefined, 7);
  expect(path).toMatch(/^runs\/[a-z]+-[a-z]+$/);
  expect(second.path).not.toBe(path);
  await second.discard();
  expect(readdirSync("runs")).toHaveLength(1);
});

test("a file is written whole or not at all", async () => {
  await writeWhole("out.csv", "1");
  await writeWhole("out.csv", "2");
  expect(readFileSync("out.csv", "utf8")).toBe("2");
  mkdirSync("folder");
  await expect(writeWhole("folder", "3")).rejects.toThrow("folder cannot be written (it is a directory).");
  await expect(writeWhole("nowhere/out.csv", "3")).rejects.toThrow("nowhere/out.csv cannot be written (ENOENT).");
  expect(readdirSync(".").toSorted()).toEqual(["folder", "out.csv"]);
});

test("a broken JSON file of a run is named", async () => {
  mkdirSync("run");
  writeFileSync("run/model.json", "{");
  await expect(readRunJson("run", "model.json", modelFileSchema)).rejects.toThrow(/^run\/model.json is not JSON: /);
  writeFileSync("run/model.json", '{"format":1,"network":{"layers":[{"kind":"dense","units":1e12}]}}');
  await expect(readRunJson("run", "model.json", modelFileSchema)).rejects.toThrow(
    "run/model.json is not what a run holds: network.layers.0.units must be a whole number from 1 to 1000000, found 1000000000000.",
  );
  writeFileSync("run/split.json", '{"fingerprint":"f","rows":3,"policy":"by hand","parts":"rv"}');
  await expect(readRunJson("run", "split.json", splitFileSchema)).rejects.toThrow(/parts must be as many letters as there are rows/);
});

test("a split is stored a letter a row, and belongs to one file's bytes", () => {
  const source = { path: "a.csv", fingerprint: "f", rows: 6 };
  const stored = storeSplit(source, { train: [0, 3], validation: [1], test: [5], policy: "by hand" });
  expect(stored).toEqual({ fingerprint: "f", rows: 6, policy: "by hand", parts: "rv-r-t" });
  expect([...storedRows(stored, "train")]).toEqual([0, 3]);
  expect([...storedRows(stored, "test")]).toEqual([5]);
  expect(() => checkFingerprint(stored, source, "run")).not.toThrow();
  expect(() => checkFingerprint(stored, { ...source, fingerprint: "g" }, "run")).toThrow(
    /a.csv has changed since run was trained \(its contents differ\)/,
  );
});

test("test openings are appended, and all of them read back", async () => {
  mkdirSync("run");
  const metrics = { error: { value: 0.1, low: 0.05, high: 0.2, n: 100 } };
  expect(await readOpenings("run")).toEqual({ openings: [], count: 0 });
  await recordOpening("run", { time: "2025-01-01T00:00:00.000Z", metrics });
  expect((await recordOpening("run", { time: "2025-01-02T00:00:00.000Z", metrics })).openings).toHaveLength(2);
  appendFileSync("run/test-openings.jsonl", '{"time":"2025-01-03');
  const after = await recordOpening("run", { time: "2025-01-04T00:00:00.000Z", metrics });
  expect(after).toMatchObject({ count: 4, note: "run/test-openings.jsonl, line 3: cut short or not an opening; kept, and counted as one" });
  expect(after.openings).toHaveLength(3);
});

test("where an opening cannot be recorded, the test set stays closed", async () => {
  mkdirSync("run/test-openings.jsonl", { recursive: true });
  await expect(checkRecordable("run")).rejects.toThrow(/test-openings.jsonl cannot be written \(EISDIR\).*it was not opened\.$/);
});

test("a stored data path is told from the run's folder", () => {
  expect(pathFromRun("runs/otter", "data/a.csv")).toBe("../../data/a.csv");
  expect(pathFromHere("runs/otter", "../../data/a.csv")).toBe("data/a.csv");
});

test("content that fails midway leaves what was there, and no partial file", async () => {
  function* failing() {
    yield "first block\n".repeat(10_000);
    expect(readdirSync(".").filter((name) => name.endsWith(".partial"))).toHaveLength(1);
    yield "second block\n";
    throw new Error("the third block cannot be made");
  }
  await expect(writeWhole("new.csv", failing())).rejects.toThrow("the third block cannot be made");
  expect(readdirSync(".")).toEqual([]);
  writeFileSync("old.csv", "as it was");
  await expect(writeWhole("old.csv", failing())).rejects.toThrow("the third block cannot be made");
  expect(readFileSync("old.csv", "utf8")).toBe("as it was");
  failingRenames.push("EIO");
  await expect(writeWhole("old.csv", ["a", "b"])).rejects.toThrow("old.csv cannot be written (EIO).");
  expect(readdirSync(".")).toEqual(["old.csv"]);
});

test("a pipe is written to, not replaced by a file", async () => {
  execFileSync("mkfifo", ["pipe"]);
  const [text] = await Promise.all([readFile("pipe", "utf8"), writeWhole("pipe", ["one\n", "two\n"])]);
  expect(text).toBe("one\ntwo\n");
  expect(readdirSync(".")).toEqual(["pipe"]);
});

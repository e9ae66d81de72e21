import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/store/checkpoint-file.ts";
import { checkpointWriter, loadCheckpoint, type CheckpointFailure } from "../../src/store/checkpoints.ts";
import { openRun, reserveRun } from "../../src/store/reserve-run.ts";
import { isLocked, lockContent, lockRun } from "../../src/store/run-lock.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { needs } from "../support/require.ts";

const folders: string[] = [];
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gradus-checkpoints-"));
  folders.push(folder);
});
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

const figures = { epoch: 0, train: { loss: NaN, error: 0.5, n: 3 } };
const stateAt = (step: number, size = 50): TrainingState => {
  const examples = Float32Array.of(1, -0, 3e-40);
  return {
    format: 1,
    seed: 7,
    epoch: 2,
    at: 32,
    step,
    vectors: { theta: Float32Array.from({ length: size }, (_, i) => Math.sin(i * step)), m: new Float32Array(size) },
    best: { figures, theta: new Float32Array(size).fill(0.1), examples },
    history: [figures],
    stopping: { epoch: 0, examples },
    retries: [],
    findings: [],
    parts: { schedule: { best: Infinity }, observer: { counts: Int32Array.of(1, 2), "a/b": [-Infinity, null, "x"] } },
    seconds: 1.5,
  };
};

describe("a checkpoint's bytes", () => {
  test("give back the very state: vectors to the bit, numbers that JSON has not, equal vectors as one", () => {
    const state = stateAt(3);
    const bytes = encodeCheckpoint(state);
    const back = decodeCheckpoint(bytes);
    expect(back).toEqual(state);
    expect(Object.is(back.best.examples![1], -0)).toBe(true);
    expect(back.stopping.examples!.buffer).toBe(back.best.examples!.buffer);
    expect(bytes).toEqual(encodeCheckpoint(back));
  });

  test("are refused where a single bit has changed, wherever it is, or the end is missing", () => {
    const bytes = encodeCheckpoint(stateAt(3));
    for (let at = 0; at < bytes.length; at += 37) {
      const broken = bytes.slice();
      broken[at]! ^= 1 << (at % 8);
      expect(() => decodeCheckpoint(broken), String(at)).toThrow(/checksum/);
    }
    expect(() => decodeCheckpoint(bytes.subarray(0, bytes.length - 1))).toThrow("its checksum is wrong");
    expect(() => decodeCheckpoint(new Uint8Array(0))).toThrow("it is empty");
  });
});

describe("the checkpoints of a run", () => {
  test("the newest so many stay; a broken one is passed over for the one before, and that is said", async () => {
    const writer = checkpointWriter(folder, { every: 0, keep: 2 });
    for (let step = 1; step <= 4; step++) {
      await writer.checkpoint(() => stateAt(step), "step");
      await writer.settled();
    }
    expect(readdirSync(join(folder, "checkpoints"))).toEqual(["step-000000003.safetensors", "step-000000004.safetensors"]);
    expect((await loadCheckpoint(folder)).state).toEqual(stateAt(4));
    const newest = join(folder, "checkpoints/step-000000004.safetensors");
    const bytes = readFileSync(newest);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(newest, bytes);
    const { state, skipped } = await loadCheckpoint(folder);
    expect(state).toEqual(stateAt(3));
    expect(skipped).toEqual([{ file: newest, why: "its checksum is wrong" }]);
    expect(await loadCheckpoint(join(folder, "nowhere"))).toEqual({ skipped: [] });
  });

  test("are no more frequent than asked for; an interruption always writes one", async () => {
    const writer = checkpointWriter(folder, { every: 1000 });
    let taken = 0;
    const take = () => (taken++, stateAt(taken));
    for (let i = 0; i < 50; i++) await writer.checkpoint(take, "step");
    expect(taken).toBe(0);
    await writer.checkpoint(take, "interrupted");
    expect(writer.last).toBe(1);
    expect((await loadCheckpoint(folder)).state).toEqual(stateAt(1));
  });

  test("what stands in the way is told once for each reason, and the training goes on", async () => {
    writeFileSync(join(folder, "checkpoints"), "");
    const failures: CheckpointFailure[] = [];
    const writer = checkpointWriter(folder, { every: 0, onFailure: (failure) => failures.push(failure) });
    for (let step = 1; step <= 3; step++) await writer.checkpoint(() => stateAt(step), "interrupted");
    expect(failures.map(({ code, step }) => [code, step])).toEqual([["EEXIST", 1]]);
    expect(writer.failure).toMatchObject({ code: "EEXIST", step: 3 });
  });

  const disk = mkdtempSync(join(tmpdir(), "gradus-disk-"));
  folders.push(disk);
  // By root, or by whoever may become root without a password.
  const asRoot = [[], ["sudo", "-n"]].find((prefix) => {
    const [command, ...rest] = [...prefix, "mount", "-t", "tmpfs", "-o", "size=96k,mode=777", "tmpfs", disk];
    try {
      execFileSync(command!, rest, { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
  const mounts = asRoot !== undefined;
  afterAll(() => {
    if (!asRoot) return;
    const [command, ...rest] = [...asRoot, "umount", disk];
    execFileSync(command!, rest);
  });
  needs(
    "a small disk of its own",
    mounts,
    "run as root",
  )("a full disk loses nothing that was there, and room makes it go on", async () => {
    const run = await (await reserveRun(join(disk, "run"), 1)).begin(() => ({ "status.json": "{}" }));
    const failures: string[] = [];
    const writer = checkpointWriter(run.path, { every: 0, keep: 2, onFailure: ({ code }) => failures.push(code) });
    await writer.checkpoint(() => stateAt(1, 2000), "interrupted");
    writeFileSync(join(disk, "filler"), new Uint8Array(48_000));
    const before = readFileSync(join(run.path, "checkpoints/step-000000001.safetensors"));
    await writer.checkpoint(() => stateAt(2, 2000), "interrupted");
    expect(failures).toEqual(["ENOSPC"]);
    expect(readdirSync(join(run.path, "checkpoints"))).toEqual(["step-000000001.safetensors"]);
    expect(readFileSync(join(run.path, "checkpoints/step-000000001.safetensors")).equals(before)).toBe(true);
    expect((await loadCheckpoint(run.path)).state).toEqual(stateAt(1, 2000));
    const error = await run
      .write(() => ({ "model.bin": new Uint8Array(60_000), "result.json": "{}" }))
      .catch((thrown: unknown) => thrown as Error);
    const kept = /cannot be written to .* \(ENOSPC\); it was saved in (.*) instead\.$/.exec((error as Error).message)?.[1];
    expect(readdirSync(kept!).toSorted()).toEqual(["model.bin", "result.json"]);
    rmSync(kept!, { recursive: true });
    expect(readdirSync(run.path).toSorted()).toEqual(["checkpoints", "lock.json", "status.json"]);
    rmSync(join(disk, "filler"));
    await writer.checkpoint(() => stateAt(3, 2000), "interrupted");
    expect((await loadCheckpoint(run.path)).state).toEqual(stateAt(3, 2000));
    await run.release();
  });

  needs(
    "a small disk of its own",
    mounts,
    "run as root",
  )("where there is no room to begin, nothing is trained and nothing is left", async () => {
    const reservation = await reserveRun(join(disk, "new"), 1);
    await expect(reservation.begin(() => ({ "split.json": new Uint8Array(200_000) }))).rejects.toThrow(
      /cannot be written \(ENOSPC\); nothing was trained\.$/,
    );
    expect(readdirSync(disk).filter((name) => name.includes("new"))).toEqual([]);
  });
});

describe("the lock of a run folder", () => {
  test("keeps a second one out until it is released", async () => {
    const run = await (await reserveRun(join(folder, "run"), 1)).begin(() => ({ a: "" }));
    expect(await isLocked(run.path)).toBe(true);
    await expect(openRun(run.path)).rejects.toThrow(`${run.path} is being trained by another process (${process.pid}).`);
    await run.release();
    expect(await isLocked(run.path)).toBe(false);
    const again = await openRun(run.path);
    await again.release();
    expect(readdirSync(run.path)).toEqual(["a"]);
  });

  test("of a process that is gone, of another start of the machine, or cut short is taken over", async () => {
    const mine = JSON.parse(lockContent()) as Record<string, unknown>;
    const gone = [
      { ...mine, pid: 2 ** 22 + 1 },
      { ...mine, boot: "another" },
      { ...mine, began: "1" },
    ].map((owner) => JSON.stringify(owner));
    for (const text of [...gone, '{"pid":', ""]) {
      writeFileSync(join(folder, "lock.json"), text);
      const lock = await lockRun(folder);
      expect(readFileSync(join(folder, "lock.json"), "utf8")).toBe(lockContent());
      await lock.release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test("of another machine stands, and the message says what to do", async () => {
    writeFileSync(join(folder, "lock.json"), JSON.stringify({ ...(JSON.parse(lockContent()) as object), host: "elsewhere" }));
    await expect(lockRun(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/another process \(\d+ on elsewhere\)/),
      hint: expect.stringContaining("lock.json"),
    });
  });

  test("of several that want a stale one, one gets it", async () => {
    for (let round = 0; round < 20; round++) {
      const run = join(folder, `run-${round}`);
      mkdirSync(run);
      writeFileSync(join(run, "lock.json"), JSON.stringify({ ...(JSON.parse(lockContent()) as object), began: "1" }));
      const tries = await Promise.allSettled(Array.from({ length: 12 }, () => lockRun(run)));
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(readdirSync(run)).toEqual(["lock.json"]);
    }
  });
});

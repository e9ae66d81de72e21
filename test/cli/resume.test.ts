/** Trainings that are interrupted, killed, and go on. */
import { appendFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { killTrials } from "../../bench/kill.ts";
import { file, gradus, gradusJson, table, workFolder } from "./support.ts";

workFolder();
beforeAll(() => {
  file("data.csv", table(300));
});

const flags = [
  "data.csv",
  "--target",
  "label",
  "--epochs",
  "40",
  "--stop",
  "none",
  "--no-audit",
  "--no-preflight",
  "--checkpoint-every",
  "0",
];

/** Trains until an epoch is done, then presses Ctrl-C. */
async function interrupted(out: string, more: readonly string[] = []) {
  let press = (): void => {};
  const going = gradus(["train", ...flags, ...more, "--out", out], { interrupt: (handler) => (press = handler) });
  while (!existsSync(join(out, "checkpoints"))) await new Promise((resolve) => setTimeout(resolve, 5));
  press();
  return going;
}

const weights = (run: string) => readFileSync(join(run, "model.safetensors"));
const statusOf = (run: string) => JSON.parse(readFileSync(join(run, "status.json"), "utf8")) as Record<string, any>;

test("Ctrl-C says how to go on; going on gives the weights, figures and records of a training without it", async () => {
  const whole = await gradusJson(["train", ...flags, "--out", "whole"]);
  expect(whole.result["reason"]).toBe("finished");
  expect(statusOf("whole")["status"]).toBe("finished");
  const { status, out } = await interrupted("cut");
  expect(status).toBe(130);
  expect(out).toContain("to go on: gradus resume cut");
  expect(readdirSync("cut")).toContain("checkpoints");
  expect(statusOf("cut")["status"]).toBe("interrupted");
  expect((await gradus(["show", "cut"])).status).toBe(0);
  const resumed = await gradusJson(["resume", "cut"]);
  expect(resumed.status).toBe(0);
  expect(resumed.lines.some(({ type }) => type === "resume")).toBe(true);
  expect(resumed.result).toMatchObject({
    reason: "finished",
    run: "cut",
    metrics: whole.result["metrics"],
    epochs: whole.result["epochs"],
  });
  expect(weights("cut").equals(weights("whole"))).toBe(true);
  expect(readFileSync("cut/metrics.jsonl", "utf8")).toBe(readFileSync("whole/metrics.jsonl", "utf8"));
  expect(statusOf("cut")["resumed"]).toHaveLength(1);
  expect(readdirSync("cut").filter((name) => /checkpoints|lock|partial/.test(name))).toEqual([]);
  expect((await gradus(["resume", "cut"])).err).toMatch(/cut has come to its end \(finished\); there is nothing to go on with\./);
});

test("changed data are refused with what differs; --force goes on and records it", async () => {
  file("other.csv", table(300));
  const run = ["train", "other.csv", ...flags.slice(1)];
  let press = (): void => {};
  const going = gradus([...run, "--out", "changed"], { interrupt: (handler) => (press = handler) });
  while (!existsSync("changed/checkpoints")) await new Promise((resolve) => setTimeout(resolve, 5));
  press();
  await going;
  const text = readFileSync("other.csv", "utf8");
  writeFileSync("other.csv", text.replace(/^(-?\d)/m, "9$1"));
  const refused = await gradus(["resume", "changed"]);
  expect(refused.status).toBe(2);
  expect(refused.err).toMatch(/changed cannot go on to the same weights: the data file has changed/);
  expect(refused.err).toContain("--force");
  expect(existsSync("changed/lock.json")).toBe(false);
  expect(readdirSync("changed/checkpoints").length).toBeGreaterThan(0);
  expect((await gradus(["resume", "changed", "--force"])).status).toBe(0);
  expect(statusOf("changed")["resumed"][0].accepted).toContain("the data file has changed");
});

test("a broken checkpoint is passed over for the one before, and that is said; the weights come out the same", async () => {
  await interrupted("broken");
  const names = readdirSync("broken/checkpoints").toSorted();
  const newest = join("broken/checkpoints", names.at(-1)!);
  appendFileSync(newest, "x");
  const { status, err } = await gradus(["resume", "broken"]);
  expect(status).toBe(0);
  expect(err).toContain(`${newest} is passed over: its checksum is wrong`);
  expect(weights("broken").equals(weights("whole"))).toBe(true);
});

test("a run that is not there, and numbers that are none, are refused", async () => {
  expect((await gradus(["resume", "nowhere"])).err).toMatch(/no run folder nowhere\./);
  expect((await gradus(["train", ...flags, "--checkpoint-every", "-1"])).err).toContain(
    "--checkpoint-every must be a number of at least 0, found -1.",
  );
  expect((await gradus(["train", ...flags, "--keep-checkpoints", "0"])).err).toContain(
    "--keep-checkpoints must be a whole number of at least 1, found 0.",
  );
  expect((await gradus(["train", ...flags, "--stop", "patience", "--patience", "0"])).err).toContain(
    "--patience must be a whole number of at least 1, found 0.",
  );
});

test("killed at random moments with everything on, every training ends with equal weights, and no folder is at fault", async () => {
  const { trials } = await killTrials(6, { seed: 3, rows: 120, epochs: 6 });
  expect(trials.flatMap(({ kills }) => kills).length).toBeGreaterThanOrEqual(6);
  for (const trial of trials) expect(trial).toMatchObject({ equal: true });
  expect(trials.filter(({ corrupt }) => corrupt !== undefined)).toEqual([]);
  expect(trials.some(({ from }) => from !== undefined && from > 0)).toBe(true);
}, 600_000);

import { expect, test } from "vitest";
import { file, gradus, gradusJson, workFolder } from "./support.ts";

workFolder();

/** Class and column names that blink, set the window's title, and turn the text's direction; one CSI is C1. */
const [blinking, titled] = ["no\u001b[5m\u009b5m", "yes\u001b]0;owned\u0007\u202e"];
const rows = (count: number, names = [blinking, titled]) =>
  `width\u001b[5m,kind,label\u001b[5m\n${Array.from({ length: count }, (_, i) => `${Math.sin(i)},${["a\u001b[5m", "b"][i % 2]},${names[Math.sin(i) > 0 ? 1 : 0]}\n`).join("")}`;
const target = "label\u001b[5m";

/** What is left when our own colours and the line that is drawn anew are taken away. */
function uncontrolled(text: string): string {
  const escape = "\u001b";
  const ours = new RegExp(`\\r${escape}\\[2K|${escape}\\[(1|2|22|31|32|33|36|39)m|\\n`, "g");
  return text.replaceAll(ours, "");
}
// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u202e]/;

test("control characters of a data file reach no screen, whatever the command", async () => {
  const data = file("escape.csv", rows(120));
  const screen = { screen: 100 };
  const run = ["--out", "run", "--epochs", "2", "--layers", "none", "--split", "60/20/20"];
  const outcomes = [
    await gradus(["train", data, "--target", target, ...run], screen),
    await gradus(["show", "run"], screen),
    await gradus(["evaluate", "run"], screen),
    await gradus(["evaluate", "run", "--test"], screen),
    await gradus(["evaluate", "run", file("more.csv", rows(30))], screen),
    await gradus(["predict", "run", data], screen),
  ];
  for (const { status, out, err } of outcomes) {
    expect(status, err).toBe(0);
    expect(uncontrolled(out)).not.toMatch(control);
    expect(err).toBe("");
  }
  // They are shown, escaped: the baseline of the closing table, and the predictions.
  expect(outcomes[1]!.out).toMatch(/always "(no\\u001b\[5m|yes\\u001b\]0;owned\\u0007)/);
  expect(outcomes[5]!.out).toContain("probability_no\\u001b[5m\\u009b5m");
});

test("neither do those that an error quotes", async () => {
  const data = file("quoted.csv", rows(60));
  const trained = await gradus(["train", data, "--target", target, "--out", "quoted", "--epochs", "1", "--layers", "none"]);
  expect(trained.status, trained.err).toBe(0);
  const refusals = [
    ["evaluate", "quoted", file("unknown.csv", rows(9, ["may\u001b[5mbe", blinking]))],
    ["train", data, "--target", target, "--task", "regression"],
    ["train", data, "--target", target, "--target-transform", "log"],
    ["train", data, "--target", target, "--loss\u001b[5m"],
    ["predict", "quo\u001b[5mted", data],
  ];
  for (const refusal of refusals) {
    const { status, err } = await gradus([...refusal, "--debug"], { screen: 100 });
    expect(status).toBe(2);
    expect(err).toContain("\\u001b[5m");
    expect(uncontrolled(err)).not.toMatch(control);
  }
});

test("a pipe and JSON carry the names as they are; JSON escapes what a screen would obey", async () => {
  const data = file("piped.csv", rows(60));
  const { lines, status } = await gradusJson(["train", data, "--target", target, "--out", "piped", "--epochs", "1", "--layers", "none"]);
  expect(status).toBe(0);
  const classes = lines.find(({ type }) => type === "data")!["classes"] as { name: string }[];
  expect(classes.map(({ name }) => name).toSorted()).toEqual([blinking, titled].toSorted());
  const { out } = await gradus(["predict", "piped", data]);
  expect(out).toContain(`probability_${blinking}`);
  const json = await gradus(["predict", "piped", data, "--json"]);
  expect(uncontrolled(json.out)).not.toMatch(control);
  expect(json.out).toContain("\\u009b");
});

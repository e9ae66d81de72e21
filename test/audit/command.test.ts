/** `gradus audit`, and the audit before a training. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeAuditRules } from "../../src/audit/describe.ts";
import { auditRules } from "../../src/audit/rules/index.ts";
import { file, gradus, gradusJson, penguins, runs, table, workFolder } from "../cli/support.ts";

workFolder();

/** Speakers of several rows each, a published split with copies, labels that follow from the numbers. */
function speech(rows: number): string {
  const lines = ["speaker,day,a,b,sound,part"];
  for (let i = 0; i < rows; i++) {
    // Every tenth row of the last quarter repeats one of the first.
    const of = i > 0.75 * rows && i % 10 === 0 ? i % 40 : i;
    const [a, b] = [Math.sin(of * 1.7), Math.cos(of * 2.3)];
    const date = new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10);
    lines.push(`s${i % 9},${date},${a.toFixed(4)},${b.toFixed(4)},${a + b > 0.1 ? "ah" : "oh"},${i < 0.75 * rows ? "train" : "test"}`);
  }
  return `${lines.join("\n")}\n`;
}
const data = file("speech.csv", speech(400));

describe("gradus audit", () => {
  test("a clean file passes with exit 0, its findings within the schema", async () => {
    const { status, result } = await gradusJson(["audit", penguins, "--target", "species"]);
    expect(status).toBe(0);
    expect(result).toMatchObject({
      command: "audit",
      passed: true,
      parts: { train: 206, validation: 69, test: 69 },
      policy: "60/20/20 stratified, seed 1",
    });
    expect(result["findings"].filter(({ severity }: { severity: string }) => severity === "warn" || severity === "fail")).toEqual([]);
    const { out, status: said } = await gradus(["audit", penguins, "--target", "species"]);
    expect(said).toBe(0);
    expect(out).toMatch(/passed +\d notes? · \d+ rules in/);
  });

  test("a published split with copies fails: what, how many, where, and --accept", async () => {
    const split = ["audit", data, "--target", "sound", "--split-column", "part", "--drop", "speaker,day"];
    const { status, result } = await gradusJson(split);
    expect(status).toBe(1);
    const found = result["findings"].find(({ rule }: { rule: string }) => rule === "duplicates");
    expect(found).toMatchObject({ severity: "fail", part: "test", numbers: { copies: 9, rows: 100 } });
    expect(found.pairs[0]).toEqual([31, 311]);
    const { out } = await gradus(split);
    expect(out).toContain("FAIL duplicates: 9 of 100 test rows, 9.0 %");
    expect(out).toContain("row 311 is row 31");
    const accepted = await gradusJson([...split, "--accept", "duplicates,near-duplicates"]);
    expect(accepted.status).toBe(0);
    expect(accepted.result).toMatchObject({ passed: true, accepted: ["duplicates", "near-duplicates"] });
    expect((await gradus([...split, "--accept", "duplicate"])).err).toContain('did you mean "duplicates"');
  });

  test("--experiment judges what an experiment file trains on, options over it; --size and --max-length are taken as by train", async () => {
    const flags = ["audit", data, "--target", "sound", "--split-column", "part", "--drop", "speaker,day"];
    const yaml = `data: { path: ${data}, target: sound, drop: [speaker, day] }\nsplit: { column: part }\naudit: { accept: [duplicates, near-duplicates] }\n`;
    const experiment = file("audited.yaml", yaml);
    const findings = ({ result }: { result: Record<string, any> }) =>
      result["findings"].map((finding: Record<string, unknown>) => ({ ...finding, accepted: undefined }));
    const [plain, read] = [await gradusJson(flags), await gradusJson(["audit", "--experiment", experiment])];
    expect(findings(read)).toEqual(findings(plain));
    expect([plain.status, read.status]).toEqual([1, 0]);
    expect(read.result).toMatchObject({ data, accepted: ["duplicates", "near-duplicates"] });
    const dropped = await gradusJson(["audit", "--experiment", experiment, "--drop", "speaker,day,a"]);
    expect(dropped.result["findings"]).not.toEqual(read.result["findings"]);
    expect((await gradus(["audit", data, "--target", "sound", "--max-length", "0"])).err).toContain("--max-length must be");
    expect((await gradusJson([...flags, "--max-length", "5", "--accept", "duplicates,near-duplicates"])).status).toBe(0);
  });

  test("--group alone splits by it; --random-split shows what a random one tears apart", async () => {
    const command = ["audit", data, "--target", "sound", "--group", "speaker", "--drop", "part,day"];
    const groups = (result: Record<string, any>) => result["findings"].filter(({ rule }: { rule: string }) => rule === "group-overlap");
    const kept = await gradusJson(command);
    expect(groups(kept.result)).toMatchObject([{ severity: "pass", numbers: { groups: 0, of: 9 } }]);
    const torn = await gradusJson([...command, "--random-split"]);
    expect(torn.status).toBe(1);
    expect(groups(torn.result)).toMatchObject([
      { severity: "fail", part: "validation", numbers: { groups: 9, of: 9 } },
      { severity: "fail", part: "test" },
    ]);
    const time = await gradusJson(["audit", data, "--target", "sound", "--time", "day", "--drop", "part,speaker", "--random-split"]);
    expect(
      time.result["findings"].some(({ rule, severity }: Record<string, string>) => rule === "time-overlap" && severity === "fail"),
    ).toBe(true);
  });

  test("--against compares two files, whether or not the other has the target", async () => {
    file("before.csv", table(300));
    file(
      "after.csv",
      table(300).replaceAll(/^(-?\d\.\d+)/gm, (width) => (Number(width) + 1.5).toFixed(4)),
    );
    const { result } = await gradusJson(["audit", "before.csv", "--against", "after.csv", "--target", "label", "--drop", "amount"]);
    expect(result).toMatchObject({ against: "after.csv", parts: { "before.csv": 300, "after.csv": 300 } });
    const drifts = result["findings"].filter(
      ({ rule, severity }: Record<string, string>) => rule === "feature-drift" && severity === "warn",
    );
    expect(drifts.map(({ subject }: { subject: string }) => subject)).toEqual(["width"]);
    file("bare.csv", table(300).replaceAll(/,(yes|no|label),/g, ","));
    const bare = await gradusJson(["audit", "before.csv", "--against", "bare.csv", "--target", "label", "--drop", "amount"]);
    expect(bare.result["findings"].map(({ rule }: { rule: string }) => rule)).not.toContain("label-shift");
    expect((await gradus(["audit", "before.csv", "--against", "after.csv", "--split", "60/20/20"])).err).toContain(
      "--against names the other part; --split contradicts it",
    );
  });

  test("--strict fails on warnings", async () => {
    const rows = Array.from({ length: 200 }, (_, i) => `${Math.sin(i * 1.3).toFixed(5)},${i % 20 === 0 ? "yes" : "no"}`);
    file("rare.csv", `x,y\n${rows.join("\n")}\n`);
    const command = ["audit", "rare.csv", "--target", "y"];
    expect((await gradus(command)).status).toBe(0);
    expect((await gradus([...command, "--strict"])).status).toBe(1);
    expect((await gradus([...command, "--strict", "--accept", "imbalance"])).status).toBe(0);
  });

  test("the report is one page that asks for nothing, text escaped, pairs drawn", async () => {
    file("odd.csv", speech(400).replaceAll("sound", "<b>sound</b>"));
    const { out } = await gradus([
      "audit",
      "odd.csv",
      "--target",
      "<b>sound</b>",
      "--split-column",
      "part",
      "--drop",
      "speaker,day",
      "--report",
      "audit.html",
    ]);
    expect(out).toContain("audit.html");
    const page = readFileSync("audit.html", "utf8");
    expect(page).toContain("&lt;b&gt;sound&lt;/b&gt; (target)");
    expect(page).not.toContain("<b>sound");
    expect(page).not.toMatch(/(src|href)="(?!data:)|url\(|<script|@import|https?:/);
    expect(page.match(/<figure>/g)).toHaveLength(3);
    expect(page).toContain("row 311, test");
  });
});

describe("before a training", () => {
  const short = ["--target", "sound", "--epochs", "1", "--drop", "part,day"];

  test("copies in a given split warn, and stop with --strict alone; an acceptance is recorded", async () => {
    const command = ["train", data, "--target", "sound", "--epochs", "1", "--split-column", "part", "--drop", "speaker,day"];
    const { status, lines, result } = await gradusJson([...command, "--out", "warned"]);
    expect(status).toBe(0);
    const event = lines.find(({ type }) => type === "audit") as Record<string, any>;
    expect(event["findings"].find(({ rule }: { rule: string }) => rule === "duplicates").severity).toBe("fail");
    expect(result["findings"].some(({ rule, severity }: Record<string, string>) => rule === "duplicates" && severity === "fail")).toBe(
      true,
    );
    const strict = await gradusJson([...command, "--strict", "--out", "strict"]);
    expect(strict.status).toBe(1);
    expect(strict.result["error"].message).toContain("the audit stops this training: 9 of 100 test rows");
    expect(strict.result["error"].hint).toContain("--accept duplicates");
    expect(runs()).not.toContain("strict");
    const accepted = await gradusJson([...command, "--strict", "--accept", "duplicates", "--out", "accepted"]);
    expect(accepted.status).toBe(0);
    expect(JSON.parse(readFileSync("accepted/experiment.json", "utf8"))).toMatchObject({ audit: { accept: ["duplicates"], strict: true } });
    const stored = JSON.parse(readFileSync("accepted/result.json", "utf8")) as { findings: Record<string, unknown>[] };
    expect(stored.findings.find(({ rule, severity }) => rule === "duplicates" && severity === "fail")).toMatchObject({ accepted: true });
  });

  test("a leak of the target stops a training, --accept lets it begin", async () => {
    const leaky = table(900)
      .replaceAll(/,(yes|no),/g, (_, label: string) => `,${label},${label === "yes" ? "paid" : "open"},`)
      .replace("label,", "label,state,");
    file("leaky.csv", leaky);
    const command = ["train", "leaky.csv", "--target", "label", "--epochs", "1", "--drop", "amount"];
    const { status, err } = await gradus(command);
    expect(status).toBe(1);
    expect(err).toContain("the audit stops this training: state alone tells label: 0.0 % errors");
    expect(err).toContain("--drop state");
    expect((await gradus([...command, "--accept", "target-leak"])).status).toBe(0);
    expect((await gradus([...command, "--drop", "amount,state"])).status).toBe(0);
    expect((await gradus([...command, "--no-audit"])).status).toBe(0);
  });

  test("the split that Gradus makes by group is let through in a line", async () => {
    const { status, out } = await gradus(["train", data, ...short, "--group", "speaker", "--out", "grouped"]);
    expect(status).toBe(0);
    expect(out).toMatch(/audit +\d+ rules · /);
  });
});

test("docs/data.md lists the rules as their registry has them (npm run generate:rules writes it)", () => {
  const page = readFileSync(new URL("../../docs/data.md", import.meta.url), "utf8");
  expect(page).toContain(`<!-- audit rules -->\n${describeAuditRules(auditRules)}\n<!-- /audit rules -->`);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeRules } from "../../src/preflight/describe.ts";
import { rules } from "../../src/preflight/rules/index.ts";

const page = readFileSync(new URL("../../docs/check.md", import.meta.url), "utf8");

test("docs/check.md lists the rules as their registry has them (npm run generate:rules writes it)", () => {
  expect(page).toContain(`<!-- rules -->\n${describeRules(rules)}\n<!-- /rules -->`);
});

test("names and titles are each rule's own, titles fit their column, every limit says what it means", () => {
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  for (const { name, title, source, what, limits } of rules) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title.length).toBeLessThanOrEqual(16);
    expect(source.length).toBeGreaterThan(3);
    expect(what).toMatch(/[.]$/);
    for (const { value, means } of Object.values(limits)) {
      expect(Number.isFinite(value)).toBe(true);
      expect(means.length).toBeGreaterThan(10);
    }
  }
});

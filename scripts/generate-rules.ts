/** Writes the rules into docs/check.md from their registry. */
import { readFileSync, writeFileSync } from "node:fs";
import { describeRules } from "../src/preflight/describe.ts";
import { rules } from "../src/preflight/rules/index.ts";

const page = new URL("../docs/check.md", import.meta.url);
const [before, after] = readFileSync(page, "utf8").split(/(?<=<!-- rules -->\n)[^]*(?=<!-- \/rules -->)/);
writeFileSync(page, `${before}${describeRules(rules)}\n${after}`);

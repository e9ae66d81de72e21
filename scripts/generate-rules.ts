/** Writes the rules into docs/check.md and docs/data.md from their registries. */
import { readFileSync, writeFileSync } from "node:fs";
import { describeAuditRules } from "../src/audit/describe.ts";
import { auditRules } from "../src/audit/rules/index.ts";
import { describeRules } from "../src/preflight/describe.ts";
import { rules } from "../src/preflight/rules/index.ts";

write("../docs/check.md", "rules", describeRules(rules));
write("../docs/data.md", "audit rules", describeAuditRules(auditRules));

/** Between `<!-- mark -->` and `<!-- /mark -->`. */
function write(path: string, mark: string, text: string): void {
  const page = new URL(path, import.meta.url);
  const [from, to] = [`<!-- ${mark} -->\n`, `\n<!-- /${mark} -->`];
  const old = readFileSync(page, "utf8");
  const [start, end] = [old.indexOf(from), old.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`${path} has no place for ${mark}`);
  writeFileSync(page, `${old.slice(0, start + from.length)}${text}${old.slice(end)}`);
}

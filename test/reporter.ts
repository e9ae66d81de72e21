/** Ends a test run with one line, `N passed, N failed`; skipped tests are counted and explained, files that do not load are failures. */
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Checks that ran before the tests (build, lint, …), as scripts/test.mjs hands them over. */
function earlierChecks(): { passed: number; failed: number } {
  const [passed = 0, failed = 0] = (process.env["GRADUS_CHECKS"] ?? "").split(",").map(Number);
  return { passed: passed || 0, failed: failed || 0 };
}

export default {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]) {
    let { passed, failed } = earlierChecks();
    failed += unhandled.length;
    const skipped: string[] = [];
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped.push(test.fullName);
      }
    }
    const lines = skipped.slice(0, 30).map((name) => `skipped: ${name}`);
    if (skipped.length > 30) lines.push(`skipped: … and ${skipped.length - 30} more`);
    lines.push(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
    process.stdout.write(`${lines.join("\n")}\n`);
  },
} satisfies Reporter;

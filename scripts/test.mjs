/** Everything that is checked, in one command: build and types, lint, format, dead code, the package, its size, then every test. */
import { spawnSync } from "node:child_process";

const checks = [
  ["build and types", "tsc", ["-b"]],
  ["lint", "oxlint", ["--type-aware", "--deny-warnings"]],
  ["format", "oxfmt", ["--check"]],
  ["dead code", "knip", []],
  ["package", "publint", ["--strict"]],
  ["package types", "attw", ["--pack", ".", "--profile", "esm-only", "--quiet"]],
  ["size in a browser", "size-limit", []],
];

// npm makes .cmd files on Windows, which only a shell runs.
const shell = process.platform === "win32";
let [passed, failed] = [0, 0];
for (const [name, command, args] of checks) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${command}`, args, {
    encoding: "utf8",
    shell,
    env: { ...process.env, NO_COLOR: "1" },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status === 0) passed += 1;
  else {
    failed += 1;
    process.stdout.write(`${stdout}${stderr}`);
  }
  console.log(`${status === 0 ? "✓" : "✗"} ${name} (${command}, ${seconds} s)`);
}

const env = { ...process.env, GRADUS_CHECKS: `${passed},${failed}` };
const tests = spawnSync("node_modules/.bin/vitest", ["run", ...process.argv.slice(2)], { stdio: "inherit", env, shell });
process.exitCode = failed > 0 ? 1 : (tests.status ?? 1);

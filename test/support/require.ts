/** Parts of a machine that a test needs and that may not be there: locally a skip that says why, under CI=true a failure. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "vitest";

type Body = () => void | Promise<void>;

/**
 * `test` where the part is there; otherwise a test that is counted as skipped, its reason in its name, or fails under CI=true.
 * @param part what is needed, e.g. `"Chromium"`
 * @param remedy how to get it, e.g. `"apt-get install chromium, or set CHROMIUM"`
 * @example needs("Chromium", existsSync(path), "apt-get install chromium")("a page trains", async () => {…})
 */
export function needs(part: string, present: boolean, remedy: string): (name: string, body: Body, timeout?: number) => void {
  if (present) return (name, body, timeout) => test(name, body, timeout);
  const reason = `${part} is missing: ${remedy}`;
  if (process.env["CI"] === "true") {
    return (name) =>
      test(name, () => {
        throw new Error(reason);
      });
  }
  return (name) => test.skip(`${name} [${reason}]`, () => {});
}

const pythons = new Map<string, string | undefined>();

/** The first Python that imports a module: $PYTHON, the one on the PATH, Debian's. */
export function pythonWith(module: string): string | undefined {
  if (!pythons.has(module)) {
    const candidates = [process.env["PYTHON"], "python3", "/usr/bin/python3"].filter((path) => path !== undefined);
    pythons.set(
      module,
      candidates.find((python) => succeeds(python, ["-c", `import ${module}`])),
    );
  }
  return pythons.get(module);
}

function succeeds(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Debian's Chromium, or $CHROMIUM. */
export function chromium(): string | undefined {
  return [process.env["CHROMIUM"], "/usr/bin/chromium"].find((path) => path !== undefined && existsSync(path));
}

/** The ONNX project's node tests: $ONNX_TESTDATA, or where Debian's libonnx-testdata puts them. */
export function onnxTestData(): string | undefined {
  return [process.env["ONNX_TESTDATA"], "/usr/share/libonnx-testdata/data/node"].find((path) => path !== undefined && existsSync(path));
}

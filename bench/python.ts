/** The Python that has a module: `$PYTHON`, else the first of those that a system usually has. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** @throws Error naming every Python that was tried */
export async function findPython(module: string): Promise<string> {
  const candidates = process.env["PYTHON"] ? [process.env["PYTHON"]] : ["python3", "/usr/bin/python3"];
  for (const python of candidates) {
    try {
      await promisify(execFile)(python, ["-c", `import ${module}`], { timeout: 120_000 });
      return python;
    } catch {
      // The next one, then.
    }
  }
  throw new Error(`no Python that imports ${module} (tried ${candidates.join(", ")})`);
}

/** Reading as somebody whom permissions bind: they do not bind root, hence a process of its own that gives up being root. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const nobody = 65_534;

/** What `readTable` says of a path. */
export interface Answer {
  /** "" where it was read. */
  readonly refused: string;
  /** Of reading it with `skipBadRows`; left out where that was refused too. */
  readonly rows?: number;
  readonly notes?: string;
}

/** @param warm a path of the same kinds of data that anybody may read: what is loaded for it is loaded before rights are given up */
export function readUnprivileged(paths: readonly string[], warm: readonly string[]): Answer[] {
  for (const path of [...paths, ...warm]) chmodSync(dirname(path), 0o755);
  const script = `
    const { readTable } = await import(${JSON.stringify(join(root, "src/data/read-table.ts"))});
    for (const path of ${JSON.stringify(warm)}) await readTable(path);
    if (process.getuid() === 0) {
      process.setgroups([]);
      process.setgid(${nobody});
      process.setuid(${nobody});
    }
    const found = [];
    for (const path of ${JSON.stringify(paths)}) {
      const refused = await readTable(path).then(() => "", (error) => error.message);
      const table = await readTable(path, { skipBadRows: true }).catch(() => undefined);
      found.push({ refused, ...(table ? { rows: table.rows, notes: table.notes.join("\\n") } : {}) });
    }
    console.log(JSON.stringify(found));`;
  const tsx = join(root, "node_modules/tsx/dist/esm/index.mjs");
  const argv = ["--conditions=gradus-source", "--import", tsx, "--input-type=module", "--eval", script];
  return JSON.parse(execFileSync(process.execPath, argv, { cwd: root, encoding: "utf8" })) as Answer[];
}

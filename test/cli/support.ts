/** Runs command lines in this process (fast), or in one of their own (signals, what is imported). */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";
import { rmSync } from "node:fs";
import { runCommandLine } from "../../src/cli/program.ts";
import { lineSchema } from "../../src/cli/json-schema.ts";

export const root = resolve(import.meta.dirname, "../..");
export const penguins = join(root, "examples/penguins.csv");

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A new folder, and the process in it, until the test file is done. */
export function workFolder(): string {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "gradus-cli-"));
  process.chdir(folder);
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export interface RunOptions {
  /** Columns of a screen; none is a pipe. */
  readonly screen?: number;
  readonly env?: Record<string, string>;
  /** Called with what Ctrl-C would do. */
  readonly interrupt?: (press: () => void) => void;
}

export async function gradus(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  let [out, err] = ["", ""];
  const terminal = {
    width: options.screen ?? Infinity,
    live: options.screen !== undefined,
    color: options.screen !== undefined && !options.env?.["NO_COLOR"],
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
  };
  const status = await runCommandLine(argv, {
    terminal,
    env: options.env ?? {},
    version: "0.0.0",
    onInterrupt(handler) {
      options.interrupt?.(handler);
      return () => {};
    },
  });
  return { status, out, err };
}

/** With `--json`: every line checked against the schema. */
export async function gradusJson(argv: readonly string[], options: RunOptions = {}) {
  const { status, out, err } = await gradus([...argv, "--json"], options);
  const lines = out
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { type: string } & Record<string, unknown>);
  for (const line of lines) lineSchema.parse(line);
  return { status, err, lines, result: lines[lines.length - 1] as { type: string } & Record<string, any> };
}

/** A process of its own, from the sources. */
export function gradusProcess(args: readonly string[], options: { cwd?: string; env?: Record<string, string>; preload?: string } = {}) {
  const preload = options.preload ? ["--import", options.preload] : [];
  const main = join(root, "src/cli/main.ts");
  const tsx = join(root, "node_modules/tsx/dist/esm/index.mjs");
  const child: ChildProcess = spawn(process.execPath, ["--conditions=gradus-source", "--import", tsx, ...preload, main, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, ...options.env },
  });
  let [out, err] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (err += text));
  const done = new Promise<Outcome>((finish) => child.on("close", (code) => finish({ status: code ?? -1, out, err })));
  return { child, done, soFar: () => out };
}

/** Writes a file into the current folder. */
export function file(name: string, content: string | Uint8Array): string {
  writeFileSync(name, content);
  return name;
}

/** What lies in the runs folder, hidden leftovers included. */
export function runs(): string[] {
  try {
    return readdirSync("runs");
  } catch {
    return [];
  }
}

/** A small table: two numbers, a category, two classes that follow from them, and an amount. */
export function table(rows: number): string {
  const lines = ["width,height,kind,label,amount"];
  for (let i = 0; i < rows; i++) {
    const [width, height] = [Math.sin(i * 1.7), Math.cos(i * 2.3)];
    const kind = ["red", "green", "blue"][i % 3]!;
    const label = width + height + (kind === "red" ? 0.5 : 0) > 0.1 ? "yes" : "no";
    lines.push(`${width.toFixed(4)},${height.toFixed(4)},${kind},${label},${(10 + 3 * width - height).toFixed(4)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Temporary data files for the tests of reading. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { GradusError } from "../../src/util/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where temporary files go. */
export const temporaryFolder = folder;

/** Writes a file and returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A CSV file of a header and rows. */
export const csv = (name: string, header: string, rows: readonly (string | readonly unknown[])[]): string =>
  file(name, `${[header, ...rows.map((row) => (typeof row === "string" ? row : row.join(",")))].join("\n")}\n`);

/** The GradusError of a promise, as one text with its hint; fails where there is none. */
export async function complaint(promise: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    if (error.exitCode !== 2) throw new Error(`exit code ${error.exitCode}`);
    return `${error.message} | ${error.hint ?? "no hint"}`;
  }
  throw new Error("nothing was wrong");
}

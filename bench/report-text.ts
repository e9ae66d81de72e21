/** What sections of the report share. */
import type { Machine } from "./machine.ts";

/** A result as it is kept, with the command that measured it. */
export type Stored<T> = T & { readonly command: string };

/** What it was measured on. */
export function where(machine: Machine, versions: Readonly<Record<string, string>>): string {
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const what = libraries.length > 0 ? `; ${libraries.join(", ")}` : "";
  return `Measured ${machine.date} on ${machine.processors} × ${machine.processor}, ${machine.memoryGibibytes} GiB, ${machine.system}${what}.`;
}

/** Later commands replaced what they measured; why is for whoever ran them to say. */
export function again(command: string): string {
  return command.includes("; ") ? " Of several commands the later measured its cases and libraries again, in place of the earlier." : "";
}

/** What the figures were measured on. */
import { readFile } from "node:fs/promises";
import { arch, cpus, platform, totalmem } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGibibytes: number;
  readonly system: string;
  readonly date: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? "unknown",
    processors: all.length,
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Processor time since the start of the system, all and that which the host gave to others; undefined outside Linux. */
export async function processorTicks(): Promise<{ readonly total: number; readonly stolen: number } | undefined> {
  try {
    const [, ...ticks] = (await readFile("/proc/stat", "utf8")).split("\n")[0]!.split(/\s+/);
    const numbers = ticks.slice(0, 8).map(Number);
    return { total: numbers.reduce((a, b) => a + b, 0), stolen: numbers[7]! };
  } catch {
    return undefined;
  }
}

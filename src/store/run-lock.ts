/** One process at a time trains in a run folder. The lock of a process that is gone is taken over. */
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { GradusError } from "../util/errors.ts";

export const lockName = "lock.json";

/** A process that no other can be taken for. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Of the machine's last start, where that is known. */
  readonly boot: string;
  /** When the process began, in the machine's ticks since then; process numbers come round again. */
  readonly began: string;
}

export interface RunLock {
  release(): Promise<void>;
}

const self = (): Owner => ({ pid: process.pid, host: hostname(), boot: bootOf(), began: beganAt(process.pid) });

/** What a folder that is still hidden is locked with. */
export const lockContent = (): string => `${JSON.stringify(self())}\n`;

/** The lock of a folder that has this process's `lockContent`. */
export function heldLock(run: string): RunLock {
  const path = join(run, lockName);
  const free = () => rmSync(path, { force: true });
  process.once("exit", free);
  return {
    async release() {
      process.off("exit", free);
      await rm(path, { force: true }).catch(() => {});
    },
  };
}

/** @throws GradusError where another process trains there */
export async function lockRun(run: string): Promise<RunLock> {
  const path = join(run, lockName);
  const mine = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(mine, lockContent(), { flag: "wx" });
    for (;;) {
      if (await linked(mine, path)) return heldLock(run);
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text === undefined) continue;
      const owner = ownerOf(text);
      if (owner && isAlive(owner)) throw taken(run, owner);
      if (await tookOver(mine, path, text)) return heldLock(run);
    }
  } catch (cause) {
    if (cause instanceof GradusError) throw cause;
    throw new GradusError(`${run} cannot be written (${(cause as NodeJS.ErrnoException).code}).`, {
      hint: "make the folder writable, or copy it to where it is.",
      cause,
    });
  } finally {
    await rm(mine, { force: true }).catch(() => {});
  }
}

/** Whether a process trains in a run folder now. */
export async function isLocked(run: string): Promise<boolean> {
  const text = await readFile(join(run, lockName), "utf8").catch(() => undefined);
  const owner = text === undefined ? undefined : ownerOf(text);
  return owner !== undefined && isAlive(owner);
}

const taken = (run: string, { pid, host }: Owner) =>
  new GradusError(`${run} is being trained by another process (${pid}${host === hostname() ? "" : ` on ${host}`}).`, {
    hint:
      host === hostname()
        ? "wait for it, or stop it; then run this again."
        : `where that machine is not training it any more, remove ${join(run, lockName)}.`,
  });

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw cause;
  }
  // File systems without links.
  return writeFile(to, await readFile(from), { flag: "wx" }).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === "EEXIST") return false;
      throw cause;
    },
  );
}

/** A moment that others are given to take a lock over. */
const breath = 5;

/** Puts a lock in the place of a stale one: one process at a time, so that nobody moves the lock of who was faster. */
async function tookOver(mine: string, path: string, stale: string): Promise<boolean> {
  const gate = `${path}.takeover`;
  if (!(await linked(mine, gate))) {
    const before = ownerOf(await readFile(gate, "utf8").catch(() => ""));
    if (before && !isAlive(before)) await rm(gate, { force: true });
    await setTimeout(breath);
    return false;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => undefined)) !== stale) return false;
    await rename(mine, path);
    return true;
  } finally {
    await rm(gate, { force: true });
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner>;
    return Number.isSafeInteger(owner.pid) && owner.pid! > 0 ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** Of another machine nobody here can tell: it counts as alive. */
function isAlive({ pid, host, boot, began }: Owner): boolean {
  if (host !== hostname()) return true;
  if (boot !== bootOf()) return false;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return began === beganAt(pid);
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const bootOf = (): string => textOf("/proc/sys/kernel/random/boot_id").trim();

/** Field 22 of /proc/PID/stat; the second field, in brackets, may hold anything. A process that has ended and is not waited for is gone. */
function beganAt(pid: number): string {
  const fields = textOf(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}

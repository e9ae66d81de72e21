/** A peer: a child process that answers one JSON line with another. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

export type Environment = Readonly<Record<string, string>>;

export interface Peer {
  /** Sends a request and waits for its answer. Rejects with what the peer said where it failed. */
  request<T>(message: object): Promise<T>;
  /** Processor time of the process and all its threads so far, in seconds; undefined where the system does not say. */
  processorSeconds(): Promise<number | undefined>;
  quit(): Promise<void>;
}

/** Set for one library's sake by some machines and harmful to another's: no peer sees them. */
const unset = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NODE_OPTIONS"];

/** @param command program and arguments */
export function startPeer(command: readonly string[], environment: Environment = {}): Peer {
  const env = { ...process.env, ...environment };
  for (const name of unset) if (!(name in environment)) delete env[name];
  const child = spawn(command[0]!, command.slice(1), { env, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints = (complaints + chunk).slice(-2000)));
  child.on("error", (error) => (complaints += error.message));
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  return {
    async request<T>(message: object) {
      child.stdin.write(`${JSON.stringify(message)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the process ended: ${reason(complaints)}`);
      const reply = JSON.parse(value) as T & { error?: string };
      if (reply.error !== undefined) throw new Error(reply.error);
      return reply;
    },
    processorSeconds: () => processorSeconds(child.pid!),
    async quit() {
      child.stdin.end(`${JSON.stringify({ cmd: "quit" })}\n`);
      await ended;
    },
  };
}

/** The line of a stack trace that says what happened. */
function reason(complaints: string): string {
  const lines = complaints.trim().split("\n");
  return lines.findLast((line) => /^\S*Error\b/.test(line)) ?? lines.at(-1) ?? "";
}

/** User and system time from Linux's /proc, in hundredths of a second. */
async function processorSeconds(pid: number): Promise<number | undefined> {
  try {
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").at(-1)!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

#!/usr/bin/env node
/** The `gradus` binary. */
import { runCommandLine } from "./program.ts";
import { processTerminal } from "./terminal.ts";
import { version } from "./version.ts";

// A reader that has seen enough (`| head`) closes the pipe: no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: processTerminal(process, process.env),
  env: process.env,
  version,
  onInterrupt(handler) {
    process.on("SIGINT", handler);
    return () => void process.off("SIGINT", handler);
  },
});

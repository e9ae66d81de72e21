#!/usr/bin/env node
/** The `gradus` binary. */
import { runCommandLine } from "./program.ts";
import { processTerminal } from "./terminal.ts";
import { version } from "./version.ts";

const status = await runCommandLine(process.argv.slice(2), {
  terminal: processTerminal(process, process.env),
  env: process.env,
  version,
  onInterrupt(handler) {
    // SIGTERM asks for what Ctrl-C does.
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, handler);
    return () => ["SIGINT", "SIGTERM"].forEach((signal) => process.off(signal, handler));
  },
});
process.exitCode = status || (process.exitCode ?? 0);

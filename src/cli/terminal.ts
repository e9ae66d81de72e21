/** Where a command writes: the process's streams, or a test's. */

export interface Terminal {
  /** Columns of the screen; Infinity where the output is no screen. */
  readonly width: number;
  /** A screen whose last line may be rewritten. */
  readonly live: boolean;
  readonly color: boolean;
  out(text: string): void;
  err(text: string): void;
}

/** Colour where the screen has it, unless NO_COLOR (no-color.org) is set; FORCE_COLOR gives it to a pipe too. */
export function processTerminal(streams: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream }, env: NodeJS.ProcessEnv): Terminal {
  const { stdout, stderr } = streams;
  const screen = stdout.isTTY && env["TERM"] !== "dumb";
  const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "" && env["FORCE_COLOR"] !== "0";
  return {
    get width() {
      return screen ? Math.max(40, stdout.columns || 80) : Infinity;
    },
    live: screen,
    color: (screen || forced) && !env["NO_COLOR"],
    out: writer(stdout, ({ code }) => stderr.write(`error: standard output cannot be written (${code}).\n`)),
    err: writer(stderr),
  };
}

/**
 * Writes as long as the stream takes it; what a command does never depends on that. A reader that has seen enough (`| head`) is no
 * error; a full disk is one, at the end.
 */
function writer(stream: NodeJS.WriteStream, complain?: (error: NodeJS.ErrnoException) => void): (text: string) => void {
  let open = true;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && open) {
      process.exitCode = 1;
      complain?.(error);
    }
    open = false;
  });
  return (text) => void (open && stream.write(text));
}

/** The command line as a whole: commands to commander, errors to one message, results to an exit status. */
import { Command as Commander, CommanderError, Option } from "commander";
import type { Command, CommandInput } from "./command.ts";
import { commands } from "./commands/index.ts";
import { failureLines, jsonFailure } from "./failure.ts";
import { printable } from "../util/printable.ts";
import type { Terminal } from "./terminal.ts";

export interface Surroundings {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Registers what Ctrl-C (and SIGTERM) does; returns how to stop that. */
  onInterrupt(handler: () => void): () => void;
}

const intro = `Deep learning at native speed, with the practices that make it work.

  gradus train churn.csv --target churn      trains, measures, saves runs/<name>
  gradus predict runs/<name> new.csv         predictions as CSV
  gradus evaluate runs/<name> --test         opens the test set, once you are done choosing`;

/** Runs a command line. @returns the exit status: 0, 1 failed, 2 bad usage or input, 130 interrupted */
export async function runCommandLine(argv: readonly string[], around: Surroundings): Promise<number> {
  const { terminal } = around;
  const json = argv.includes("--json");
  const debug = argv.includes("--debug") || Boolean(around.env["GRADUS_DEBUG"]);
  let status = 0;
  const program = new Commander("gradus")
    .description(intro)
    .version(around.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand("help [command]", "print the help of a command")
    .configureOutput({ writeOut: terminal.out, writeErr: () => {}, getOutHelpWidth: () => Math.min(terminal.width, 110) })
    .showSuggestionAfterError(true)
    .exitOverride();
  const add = (parent: Commander, command: Command) =>
    addCommand(parent, command, async (input) => {
      status = await runAction(command, input, json, around);
    });
  for (const entry of commands) {
    if (!("commands" in entry)) add(program, entry);
    else {
      const group = program.command(entry.name).description(entry.summary).helpCommand(false).exitOverride();
      for (const command of entry.commands) add(group, command);
    }
  }
  const isGroupAlone = argv.length === 1 && commands.some((entry) => "commands" in entry && entry.name === argv[0]);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync(isGroupAlone ? [...argv, "--help"] : argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? usageFailure(error, program) : error;
    const exit = (failure as { exitCode?: number }).exitCode ?? 1;
    if (json) terminal.out(jsonLine(jsonFailure(failure, exit)));
    if (!json || debug) terminal.err(`${failureLines(failure, { debug, color: terminal.color }).join("\n")}\n`);
    return exit;
  }
}

function addCommand(program: Commander, command: Command, act: (input: CommandInput) => Promise<void>): void {
  const added = program.command(command.name).description(command.summary).exitOverride();
  for (const { name, description } of command.arguments) added.argument(name, description);
  for (const { flags, description } of command.options) added.addOption(new Option(flags, description));
  added.option("--json", "one JSON object a line and nothing else; the last is the result").option("--debug", "stack traces with errors");
  added.addHelpText("after", `\nExamples\n${command.examples.map((example) => `  ${example}`).join("\n")}`);
  added.action(async () => {
    await act({ arguments: added.processedArgs as (string | undefined)[], options: added.opts() });
  });
}

/** Listens for interruptions from before the command is loaded, which takes longer than a person needs to think better of it. */
async function runAction(command: Command, input: CommandInput, json: boolean, around: Surroundings): Promise<number> {
  const controller = new AbortController();
  let interrupts = 0;
  const release = around.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1 || !command.interruptible) process.exit(130);
    controller.abort();
  });
  try {
    const action = await command.load();
    return await action(input, {
      terminal: around.terminal,
      json,
      emit: (event) => json && around.terminal.out(jsonLine(event)),
      signal: controller.signal,
    });
  } finally {
    release();
  }
}

/** One line of JSON; control characters that JSON lets stand are escaped as JSON escapes the others. */
const jsonLine = (value: unknown) => `${printable(JSON.stringify(value))}\n`;

/** Commander's message in the tone of the others. */
function usageFailure(error: CommanderError, program: Commander): Error & { hint: string; exitCode: number } {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(" "))?.[1];
  const named = (parent: Commander, name: string | undefined) => parent.commands.find((candidate) => candidate.name() === name);
  const outer = named(program, program.args[0]);
  const command = outer && (named(outer, program.args[1]) ?? outer);
  const path = command === outer ? [command?.name()] : [outer?.name(), command?.name()];
  const usage = command ? `usage: gradus ${path.join(" ")} ${command.usage()}` : "gradus --help lists the commands";
  const hint = suggestion ? `did you mean ${suggestion}?` : usage;
  return Object.assign(new Error(`${first.replaceAll("'", '"')}.`), { name: "GradusError", hint, exitCode: 2 });
}

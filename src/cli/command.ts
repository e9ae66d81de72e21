/** The contract of a command: what it takes as plain data, so that `--help` loads nothing else; the rest when it runs. */
import type { Terminal } from "./terminal.ts";

/** Options by camel-case name, as given; a flag without a value is true. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** Of every command that runs a network: see `runtime-options.ts`. */
export const runtimeFlags = [
  { flags: "--threads <n>", description: "threads of the runtime; results are the same for any number" },
  { flags: "--device <device>", description: "cpu, webgpu or cuda (cpu)" },
] as const;

/** Of every command that trains in a run folder: see `run-training.ts`. */
export const checkpointFlags = [
  {
    flags: "--checkpoint-every <seconds>",
    description: "seconds between two checkpoints at least, more where they would cost over 1 % (10)",
  },
  { flags: "--keep-checkpoints <n>", description: "the newest so many stay; each holds the best weights as well (2)" },
] as const;

/** Of every command that reads a table: see `reading-options.ts`. */
export const readingFlags = [
  { flags: "--delimiter <char>", description: "what separates the fields: a character, tab or space (found from the first lines)" },
  { flags: "--encoding <name>", description: "of a file of text, e.g. windows-1252 (found from its bytes)" },
  { flags: "--decimal <sign>", description: "the decimal sign, . or , (found where there is no doubt)" },
  { flags: "--thousands <sign>", description: "what stands between groups of three digits (nothing; never guessed)" },
  { flags: "--missing <texts>", description: 'texts that mean missing, besides NA and its kin, e.g. "-,?"' },
  { flags: "--type <types>", description: "what columns are: zip=category,day=date:dmy; number, category, date, text, drop" },
  { flags: "--skip-bad-rows", description: "leave out lines that cannot be read, and list them" },
  { flags: "--query <sql>", description: 'read what a SELECT gives: "SELECT * FROM data WHERE year > 2000"' },
] as const;

/** Of these, what another file than the one that was trained on may need. */
export const fileFlags = readingFlags.filter(({ flags }) => !/^--(type|skip-bad-rows)/.test(flags));

/** Of every command that reads images or arrays with labels. */
export const imageFlags = [
  { flags: "--image <column>", description: "a column of paths of image files, relative to the folder of the data file" },
  { flags: "--labels <file>", description: "the labels of an IDX or NumPy file (found beside it under its usual name)" },
] as const;

/** Of every command that makes sequences of texts and lines. */
export const sequenceFlags = [
  { flags: "--text <columns>", description: "columns of text as sequences: name=characters, story=words" },
  { flags: "--sequence-id <column>", description: "a line per step: the column that names each sequence (--time orders its lines)" },
  { flags: "--window <n>", description: "forecast the target: so many past lines are an example's input (--time orders the lines)" },
  { flags: "--horizon <n>", description: "lines ahead that are forecast, all of them (1)" },
  { flags: "--step <n>", description: "lines from one example to the next (the horizon)" },
  { flags: "--season <n>", description: "lines of a period: each value's change on the one a period before is an input too" },
] as const;

export interface CommandInput {
  /** In the order of `arguments`. */
  readonly arguments: readonly (string | undefined)[];
  readonly options: OptionValues;
}

export interface CommandContext {
  readonly terminal: Terminal;
  /** Under `--json`: one object a line; without it, nothing happens. */
  emit(event: { readonly type: string } & Readonly<Record<string, unknown>>): void;
  readonly json: boolean;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Exit status: 0 done, 1 the work failed, 130 interrupted. Bad input throws a `GradusError`. */
export type Action = (input: CommandInput, context: CommandContext) => Promise<0 | 1 | 130>;

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** `<run>` must be given, `[data]` may. */
  readonly arguments: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly flags: string; readonly description: string }[];
  /** Shown below the options. */
  readonly examples: readonly string[];
  /** Finishes by itself when interrupted; others stop at once. */
  readonly interruptible?: boolean;
  load(): Promise<Action>;
}

/** Commands under one word: `gradus model show`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

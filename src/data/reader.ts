/** The contract of a reader: how one kind of file becomes a relation in the database. */
import type { Database } from "./database.ts";
import type { FileFacts } from "./file.ts";
import type { Reading, SkippedRow } from "./reading.ts";
import type { Column } from "./table.ts";

/** A file brought into the database as the table `raw`, its columns named `c0`, `c1`, …, in the file's order of rows. */
export interface Staged {
  /** The columns' names as the file gives them, unique, none empty. */
  readonly names: readonly string[];
  readonly rows: number;
  /** The line of the file a row (from 0) stands on, where that is certain. */
  readonly lineOf: (row: number) => number | undefined;
  /** Columns have the types of their values, so that a text is a text; else everything is text, numbers and dates too. */
  readonly typed?: boolean;
  /** What separates the fields, where something does. */
  readonly delimiter?: string;
  readonly skipped?: readonly SkippedRow[];
  /** Columns that are no relation, images for one: they come as they are. */
  readonly columns?: readonly Column[];
  /** The column that is the target where none is named. */
  readonly target?: string;
  /** The column that says each row's part, where the data come divided. */
  readonly split?: string;
  /** Columns that are no features, and why. */
  readonly aside?: ReadonlyMap<string, string>;
  /** What each row is called, where it is a file. */
  readonly rowNames?: readonly string[];
  /** What a row is called in messages, where it is no line and no number. */
  readonly nameOf?: (row: number) => string;
  /** Of the data, where it is not that of one file. */
  readonly fingerprint?: string;
  readonly notes: readonly string[];
}

/** What is asked of data that are no table: images in folders, arrays. */
export interface ArrayRequest {
  readonly labels: string | undefined;
  readonly skipBad: boolean | undefined;
  /** Whether a target is to be read. */
  readonly labelled: boolean;
  /** Columns that target or roles name. */
  readonly mentioned: readonly string[];
  /** Of images, that a saved model expects. */
  readonly channels: number | undefined;
  /** Whether the format of images is said even where all have one. */
  readonly formats?: boolean;
}

/** What a reader is given besides the file. */
export interface Staging {
  readonly database: Database;
  readonly reading: Reading;
  /** A folder for what is made on the way. */
  readonly scratch: string;
}

/** One kind of file. */
export interface Reader {
  /** What it reads, for messages, e.g. `"CSV"`. */
  readonly name: string;
  /** Whether a file is of this kind, from its name and its first bytes. */
  readonly reads: (file: FileFacts) => boolean;
  /**
   * Creates the table `raw`, NULL where a value is missing: of text all columns VARCHAR, their types are inferred afterwards.
   * @throws GradusError where the file is not well-formed, naming the line
   */
  readonly stage: (file: FileFacts, staging: Staging) => Promise<Staged>;
}

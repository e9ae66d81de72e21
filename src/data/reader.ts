/** The contract of a reader: how one kind of file becomes a relation in the database. */
import type { Database } from "./database.ts";
import type { FileFacts } from "./file.ts";

/** A file brought into the database as the table `raw`, its columns named `c0`, `c1`, …, in the file's order of rows. */
export interface Staged {
  /** The columns' names as the file gives them, unique, none empty. */
  readonly names: readonly string[];
  readonly rows: number;
  /** The line of the file a row (from 0) stands on, where that is certain. */
  readonly lineOf: (row: number) => number | undefined;
  readonly notes: readonly string[];
}

/** One kind of file. */
export interface Reader {
  /** What it reads, for messages, e.g. `"CSV"`. */
  readonly name: string;
  /** Whether a file is of this kind, from its name and its first bytes. */
  readonly reads: (file: FileFacts) => boolean;
  /**
   * Creates the table `raw`: every value VARCHAR, NULL where missing; types are inferred afterwards.
   * @throws GradusError where the file is not well-formed, naming the line
   */
  readonly stage: (file: FileFacts, database: Database) => Promise<Staged>;
}

/** result.json: what came of a run, the same object that `gradus train --json` prints last. */
import type { SkippedRow } from "../data/reading.ts";
import type { ClosingFigures } from "../train/experiment-events.ts";

export interface RunResult extends ClosingFigures {
  readonly type: "result";
  readonly command: "train";
  /** The version that trained it. */
  readonly gradus: string;
  /** ISO 8601, UTC. */
  readonly finished: string;
  /** The run folder, as a person types it. */
  readonly run: string;
  /** Lines of the data that cannot be read and were left out, as asked. */
  readonly skipped?: readonly SkippedRow[];
  /** Where the training failed, though a run was saved. */
  readonly error?: { readonly message: string; readonly hint?: string; readonly exit: number };
}

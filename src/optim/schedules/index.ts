/** Schedules by name. */
import { GradusError } from "../../util/errors.ts";
import type { Schedule } from "../schedule.ts";

export const schedules = {
  constant: { kind: "constant", factor: () => 1 },
  /** Half a cosine from 1 down to 0 (Loshchilov & Hutter 2017, without restarts). */
  cosine: { kind: "cosine", factor: (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)) },
} as const satisfies Record<string, Schedule>;

export type ScheduleName = keyof typeof schedules;

/** @throws GradusError for a name that is not a schedule */
export function scheduleByName(name: string): Schedule {
  const found = Object.hasOwn(schedules, name) ? schedules[name as ScheduleName] : undefined;
  if (!found) throw new GradusError(`no schedule "${name}"`, { hint: `one of ${Object.keys(schedules).join(", ")}` });
  return found;
}

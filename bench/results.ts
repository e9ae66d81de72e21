/** Results of some cases or libraries joined with those of others measured before. */
import type { Machine } from "./machine.ts";
import { geometricMeans, type SpeedResult } from "./speed.ts";

/** A section's result as it is kept: cases with comparisons, or rows. */
export interface Stored {
  readonly command?: string;
  readonly cases?: readonly StoredCase[];
  readonly rows?: readonly { readonly name: string }[];
  readonly machine?: Machine;
  readonly versions?: Readonly<Record<string, string>>;
  readonly geometricMeans?: Readonly<Record<string, number>>;
}

interface StoredCase {
  readonly name: string;
  readonly comparisons: readonly { readonly label: string }[];
}

/** The stored result with what was measured anew in its place; new cases and libraries come last. */
export function joined(before: Stored, fresh: Stored): Stored {
  const command = [...new Set([...(before.command ?? "").split("; "), fresh.command ?? ""])].filter((text) => text !== "").join("; ");
  const versions = { ...before.versions, ...fresh.versions };
  const whole = { ...before, ...fresh, command, ...machineOf(before, fresh), ...(fresh.versions ? { versions } : {}) };
  if (fresh.rows && before.rows)
    return {
      ...whole,
      rows: replaced(
        before.rows,
        fresh.rows,
        ({ name }) => name,
        (_, now) => now,
      ),
    };
  if (!fresh.cases || !before.cases) return whole;
  const cases = replaced(
    before.cases,
    fresh.cases,
    ({ name }) => name,
    (old, now) => ({
      ...now,
      comparisons: replaced(
        old.comparisons,
        now.comparisons,
        ({ label }) => label,
        (_, one) => one,
      ),
    }),
  );
  const means = fresh.geometricMeans ? { geometricMeans: geometricMeans(cases as unknown as SpeedResult["cases"]) } : {};
  return { ...whole, cases, ...means };
}

/** With the days of both, where they differ. */
function machineOf({ machine: old }: Stored, { machine: now }: Stored): { machine?: Machine } {
  if (!old || !now || old.date.endsWith(now.date)) return now ? { machine: old && now ? { ...now, date: old.date } : now } : {};
  return { machine: { ...now, date: `${old.date.split(" to ")[0]!} to ${now.date}` } };
}

function replaced<T>(before: readonly T[], fresh: readonly T[], key: (item: T) => string, join: (old: T, now: T) => T): T[] {
  const added = fresh.filter((item) => !before.some((old) => key(old) === key(item)));
  const kept = before.map((old) => {
    const now = fresh.find((item) => key(item) === key(old));
    return now === undefined ? old : join(old, now);
  });
  return [...kept, ...added];
}

import { grouped, short } from "../../util/format.ts";
import { defineAuditRule, type Observation } from "../rule.ts";

/** z at 2.5 % plus z at 20 %: a two-sided test at 5 % that finds what is there four times in five. */
const detection = 2.8;

/** What the parts to measure on can tell apart. */
export const validationSize = defineAuditRule({
  name: "validation-size",
  title: "resolution",
  what:
    "Two networks judged on the same n rows, of which a share ψ is answered differently, are told apart (5 %, power 80 %) where their errors differ by Δ = 2.8·√(ψ/n). " +
    "A smaller gain is not to be seen on this part.",
  source: "McNemar's test, 2.8 = z(97.5 %) + z(80 %)",
  when: "audit",
  stops: false,
  limits: {
    discordance: { value: 0.05, means: "ψ, the share of rows that two networks of equal quality answer differently" },
    points: { value: 0.05, means: "smallest difference that is told apart, above which it is noted" },
  },
  check({ table, parts }, limits) {
    if (table.target?.task !== "classification") return [];
    return parts.slice(1).map(({ name, rows }): Observation => {
      const smallest = detection * Math.sqrt(limits.discordance / rows.length);
      const needed = Math.ceil((detection ** 2 * limits.discordance) / limits.points ** 2);
      const coarse = smallest > limits.points;
      return {
        severity: coarse ? "note" : "pass",
        part: name,
        message: `${grouped(rows.length)} ${name} rows tell two networks apart from ${short(100 * smallest)} points of error on`,
        ...(coarse ? { hint: `${short(100 * limits.points)} points would take ${grouped(needed)} rows` } : {}),
        numbers: { smallest, rows: rows.length },
      };
    });
  },
});

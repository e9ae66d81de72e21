/** The health of a training: looks on a thinned schedule, a record of them, and monitors that judge it. One finding for one cause. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { constantLoss } from "./constant-loss.ts";
import { rowsOf } from "./dataset.ts";
import { createLooks, type Pull } from "./health-looks.ts";
import { isDue, schedules, type LookSchedule } from "./health-schedule.ts";
import type { EpochLook, HealthRecord, Monitor, StepLook, UnitLook } from "./monitor.ts";
import { monitors } from "./monitors/index.ts";
import type { Observe, StepObserver } from "./observer.ts";
import { termsOf } from "./regularizer.ts";
import type { Plain } from "./state.ts";

export interface HealthOptions {
  /** When the training is looked at. Default `default`: at a few per cent of its time. */
  readonly schedule?: LookSchedule;
  /** Other limits for monitors, by their names: `{ saturation: { share: 0.8 } }`. */
  readonly limits?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Sees the record after every look. */
  readonly onRecord?: (record: HealthRecord) => void;
}

interface State {
  readonly steps: StepLook[];
  readonly units: UnitLook[];
  readonly epochs: EpochLook[];
  nonFinite?: { readonly step: number; readonly tensor: string };
  readonly said: Said[];
}

interface Said {
  readonly rule: string;
  readonly follows?: string;
}

/**
 * Watches the health of a training. It looks at copies, so the weights come out the same to the bit.
 * @example await fit(problem, data, { ...options, observe: watchHealth() });
 * @throws GradusError for a limit that no monitor has
 */
export function watchHealth(options: HealthOptions = {}): Observe {
  checkLimits(options.limits ?? {});
  const schedule = schedules[options.schedule ?? "default"];
  return async (training): Promise<StepObserver> => {
    const { problem, train, batch, stepsPerEpoch, epochs } = training;
    const nothing = constantLoss(problem, train);
    const facts = { epochs, stepsPerEpoch, batch, rows: rowsOf(train), ...(nothing === undefined ? {} : { constantLoss: nothing }) };
    const looks = createLooks({ ...training, pull: pullOf(training) });
    let state: State = { steps: [], units: [], epochs: [], said: [] };

    const judge = (): readonly Finding[] => {
      const { said, ...seen } = state;
      const record: HealthRecord = { facts, ...seen };
      options.onRecord?.(record);
      return judgeRecord(record, said, options.limits);
    };
    return {
      wants: (step) => isDue(step, schedule.steps),
      async see(step) {
        state.steps.push(await looks.step(step));
        return judge();
      },
      async seeEpoch({ epoch, train: figures, validation }, theta) {
        const step = epoch * stepsPerEpoch;
        const { loss, error, n } = figures;
        state.epochs.push({ epoch, step, loss, error, n, ...(validation ? { validation: validation.loss } : {}) });
        if (epoch === 0 || epoch === epochs || isDue(epoch, schedule.epochs)) state.units.push(await looks.units({ step, epoch }, theta));
        return judge();
      },
      async seeNonFinite(found) {
        state.nonFinite = { step: found.step, tensor: found.tensor };
        return judge();
      },
      snapshot: () => copied(state) as unknown as Plain,
      restore(saved) {
        state = copied(saved as unknown as State);
      },
      dispose: () => looks.dispose(),
    };
  };
}

/** What stands in the lists is never changed. */
const copied = (state: State): State => ({
  ...state,
  steps: [...state.steps],
  units: [...state.units],
  epochs: [...state.epochs],
  said: [...state.said],
});

/** What all monitors say of a record that have not spoken yet. @param said what was found in earlier states of it; what is found now is added */
export function judgeRecord(record: HealthRecord, said: Said[], limits: HealthOptions["limits"] = {}): readonly Finding[] {
  return monitors.flatMap((monitor): Finding[] => {
    if (said.some(({ rule }) => rule === monitor.name)) return [];
    const { advice } = monitor;
    if (advice && (said.some(({ rule }) => !advice.beside.includes(rule)) || record.epochs.length - 1 < record.facts.epochs / 5)) return [];
    const finding = runMonitor(monitor, record, limits[monitor.name]);
    if (!finding) return [];
    const cause = said.find(({ rule, follows }) => follows === undefined && consequencesOf(rule).has(monitor.name));
    const follows = cause ? { follows: cause.rule } : {};
    said.push({ rule: monitor.name, ...follows });
    return [{ ...finding, ...follows }];
  });
}

/** What one monitor says of a record. */
export function runMonitor(monitor: Monitor, record: HealthRecord, limits: Readonly<Record<string, number>> = {}): Finding | undefined {
  const threshold = { ...Object.fromEntries(Object.entries(monitor.limits).map(([name, { value }]) => [name, value])), ...limits };
  const verdict = monitor.judge(record, threshold);
  return verdict && { rule: monitor.name, ...verdict, threshold, source: monitor.source };
}

/** What a finding may bring about, directly or by way of others. */
function consequencesOf(name: string, known = new Set<string>()): ReadonlySet<string> {
  for (const next of monitors.find((monitor) => monitor.name === name)?.leadsTo ?? []) {
    if (known.has(next)) continue;
    known.add(next);
    consequencesOf(next, known);
  }
  return known;
}

function pullOf({ optimizer, regularizer, layout, train }: Parameters<Observe>[0]): Pull {
  const terms = new Map(termsOf(regularizer, layout, rowsOf(train)).map((term) => [term.slot.name, term]));
  return {
    weightDecay: optimizer.weightDecay,
    penalty({ name, offset, size }, theta) {
      const { l2, l1 } = terms.get(name)!;
      if (l2 === 0 && l1 === 0) return 0;
      let squares = 0;
      for (let i = offset; i < offset + size; i++) squares += (l2 * theta[i]! + l1 * Math.sign(theta[i]!)) ** 2;
      return Math.sqrt(squares);
    },
  };
}

function checkLimits(limits: NonNullable<HealthOptions["limits"]>): void {
  for (const [name, values] of Object.entries(limits)) {
    const monitor = monitors.find((candidate) => candidate.name === name);
    const names = monitors.map((candidate) => candidate.name);
    if (!monitor) throw new GradusError(`there is no monitor "${name}".`, { hint: didYouMean(name, names, "monitors") });
    const known = Object.keys(monitor.limits);
    const unknown = Object.keys(values).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new GradusError(`monitor ${name} has no limit "${unknown}".`, {
        hint: known.length === 0 ? "it has none" : didYouMean(unknown, known, "limits"),
      });
  }
}

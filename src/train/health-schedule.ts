/** When a training is looked at: a function of the step alone, so that runs on any machine look at the same steps. */

/** Each of the first ones, then each `growth` times the one before, at most `gap` apart. */
interface Thinning {
  readonly each: number;
  readonly growth: number;
  readonly gap: number;
}

/** Early instability lasts a few steps, so looks are dense at first. */
export const schedules = {
  default: { steps: { each: 5, growth: 1.3, gap: 2000 }, epochs: { each: 3, growth: 1.3, gap: 20 } },
  dense: { steps: { each: 100, growth: 1.05, gap: 100 }, epochs: { each: 20, growth: 1.1, gap: 5 } },
} as const satisfies Record<string, { readonly steps: Thinning; readonly epochs: Thinning }>;

export type LookSchedule = keyof typeof schedules;

const lists = new WeakMap<Thinning, number[]>();

/** Whether something of this number, from 1, is looked at. */
export function isDue(at: number, thinning: Thinning): boolean {
  const { each, growth, gap } = thinning;
  if (at <= each) return true;
  let list = lists.get(thinning);
  if (!list) lists.set(thinning, (list = [each]));
  while (list.at(-1)! < at) {
    const last = list.at(-1)!;
    list.push(Math.min(last + gap, Math.max(last + 1, Math.ceil(last * growth))));
  }
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return list[low] === at;
}

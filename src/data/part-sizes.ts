/** How many rows each part gets. */
import { GradusError } from "../util/errors.ts";

/** Rows per part; they sum to the rows asked about. */
export interface PartSizes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** The policy in words, e.g. `"60/20/20"`. */
  readonly policy: string;
}

/**
 * The sizes of the parts of m rows: of a policy `train/validation/test` in percent, else validation = test = min(round(0.2 m), limit).
 * Golden: 1 000 000 rows → 98/1/1; 100, 10 000 and 50 000 rows → 60/20/20; 70/15/15 by name.
 * @throws GradusError on a policy that is not two or three shares that sum to 100
 */
export function partSizes(
  m: number,
  options: { readonly policy?: string | undefined; readonly limit?: number | undefined; readonly test?: boolean | undefined } = {},
): PartSizes {
  if (options.policy !== undefined) {
    const [, validationShare, testShare] = parsePolicy(options.policy);
    // A part that is asked for has a row, where there is one for each.
    const part = (share: number): number => Math.max(share > 0 && m >= 3 ? 1 : 0, Math.round((share * m) / 100));
    const validation = part(validationShare);
    const test = part(testShare);
    return { train: m - validation - test, validation, test, policy: options.policy };
  }
  const part = Math.min(Math.round(0.2 * m), options.limit ?? 10_000);
  const test = options.test === false ? 0 : part;
  const train = m - part - test;
  // A fifth is called a fifth, however it was rounded to whole rows.
  const share = (n: number): string => (part === Math.round(0.2 * m) ? "20" : String(Number(((100 * n) / m).toPrecision(3))));
  const trainShare = Number((100 - Number(share(part)) - (test > 0 ? Number(share(part)) : 0)).toPrecision(4));
  return { train, validation: part, test, policy: `${trainShare}/${share(part)}/${test > 0 ? share(part) : 0}` };
}

function parsePolicy(policy: string): [train: number, validation: number, test: number] {
  const shares = policy.split("/").map((text) => (/^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : NaN));
  if (shares.length === 2) shares.push(0);
  const [train = NaN, validation = NaN, test = NaN] = shares;
  const sum = train + validation + test;
  if (shares.length !== 3 || !(Math.abs(sum - 100) < 1e-9) || train === 0 || validation === 0)
    throw new GradusError(
      `a split is the percentages train/validation/test, which sum to 100, train and validation above 0; found "${policy}"${Number.isNaN(sum) ? "" : ` (sum ${Number(sum.toFixed(6))})`}.`,
      { hint: "e.g. 60/20/20, 70/15/15, 98/1/1, or 80/20/0 for no test set." },
    );
  return [train, validation, test];
}

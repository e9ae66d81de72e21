/** How many rows each part gets. */
import { GradusError } from "../util/errors.ts";
import { counted, grouped } from "../util/format.ts";
import { standardNormalQuantile } from "../util/normal.ts";
import { wilsonInterval } from "../util/statistics.ts";

/** Rows per part; they sum to the rows asked about, unless a policy in rows asks for fewer. */
export interface PartSizes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** The policy in words, e.g. `"60/20/20"`. */
  readonly policy: string;
  /** What should be said of it. */
  readonly note?: string;
}

/** How the sizes of the parts are chosen. */
export interface Sizing {
  /** `train/validation/test`, see {@link partSizes}; left out: by the number of rows. */
  readonly policy?: string | undefined;
  /** By the number of rows, validation and test are a fifth each, and at most this many rows; default 10 000. */
  readonly limit?: number | undefined;
  /** In place of `limit`: as many rows as resolve this many percentage points, see {@link rowsToResolve}. */
  readonly resolve?: number | undefined;
  /** False or 0 leaves the test set out of the default policy, and its rows in training. */
  readonly test?: boolean | 0 | undefined;
}

/**
 * The sizes of the parts of m rows. Without a policy validation = test = min(round(0.2 m), limit).
 *
 * A policy is `train/validation/test` (or `train/validation`: no test set), and its numbers say what they are: a sum of 100 means
 * percentages (`70/15/15`), a sum of 1 fractions (`0.7/0.15/0.15`); rows where one of them is above 100 (`40000/10000/10000`), where
 * training is `rest` (`rest/5000/5000`), or where it ends in `rows` (`60/20/20 rows`). Rows beyond those asked for are in no part.
 * Golden: 1 000 000 rows → 98/1/1; 100, 10 000 and 50 000 rows → 60/20/20; 70/15/15 by name.
 * @throws GradusError on another policy, on more rows than there are, on a policy beside `resolve` or against `test`
 */
export function partSizes(m: number, options: Sizing = {}): PartSizes {
  const { policy, resolve, test } = options;
  if (policy !== undefined) {
    if (resolve !== undefined)
      throw new GradusError(`--resolve ${resolve} chooses the sizes, and so does --split ${policy}.`, { hint: "name one of the two." });
    const sizes = sizesOf(m, policy);
    if ((test === 0 || test === false) && sizes.test > 0)
      throw new GradusError(`the split ${policy} has a test set, and none is wanted (test: 0).`, {
        hint: "leave out one of the two, or name a split such as 80/20/0.",
      });
    return sizes;
  }
  const limit = resolve === undefined ? (options.limit ?? 10_000) : rowsToResolve(resolve);
  const part = Math.min(Math.round(0.2 * m), limit);
  const testRows = test === false || test === 0 ? 0 : part;
  const train = m - part - testRows;
  // A fifth is called a fifth, however it was rounded to whole rows.
  const share = (n: number): string => (part === Math.round(0.2 * m) ? "20" : String(Number(((100 * n) / m).toPrecision(3))));
  const trainShare = Number((100 - Number(share(part)) - (testRows > 0 ? Number(share(part)) : 0)).toPrecision(4));
  const short = resolve !== undefined && part < limit;
  return {
    train,
    validation: part,
    test: testRows,
    policy: `${trainShare}/${share(part)}/${testRows > 0 ? share(part) : 0}`,
    ...(short
      ? {
          note: `to resolve ${resolve} points validation needs ${counted(limit, "row")}; a fifth of ${grouped(m)} is ${grouped(part)}, which resolve ${detectablePoints(part).toPrecision(2)}`,
        }
      : {}),
  };
}

/** @throws GradusError */
function sizesOf(m: number, policy: string): PartSizes {
  const { unit, shares } = parsePolicy(policy);
  const [trainShare, validationShare, testShare] = shares;
  if (unit === "rows") {
    const asked = (trainShare ?? 1) + validationShare + testShare;
    if (asked > m)
      throw new GradusError(
        `the split ${policy} asks for ${counted(asked, "row")}${trainShare === undefined ? " at least" : ""}, the data has ${grouped(m)}.`,
        {
          hint: `ask for fewer, or name shares: 60/20/20${validationShare + testShare < m ? ` (or rest/${validationShare}/${testShare})` : ""}.`,
        },
      );
    const train = trainShare ?? m - validationShare - testShare;
    const left = m - train - validationShare - testShare;
    const words = `${trainShare === undefined ? "rest" : grouped(train)}/${grouped(validationShare)}/${grouped(testShare)} rows`;
    return {
      train,
      validation: validationShare,
      test: testShare,
      policy: words,
      ...(left > 0
        ? { note: `${counted(left, "row")} beyond those are in no part; rest/${validationShare}/${testShare} would train on them` }
        : {}),
    };
  }
  // A part that is asked for has a row, where there is one for each.
  const part = (share: number): number =>
    Math.max(share > 0 && m >= 3 ? 1 : 0, Math.round(unit === "fractions" ? share * m : (share * m) / 100));
  const validation = part(validationShare);
  const test = part(testShare);
  return { train: m - validation - test, validation, test, policy };
}

interface Policy {
  readonly unit: "percent" | "fractions" | "rows";
  /** Of training undefined where it is the rest. */
  readonly shares: readonly [train: number | undefined, validation: number, test: number];
}

function parsePolicy(policy: string): Policy {
  const [, body, named] = /^(.*?)(\s*rows)?$/s.exec(policy)!;
  const texts = body!.split("/").map((text) => text.trim());
  const rest = texts[0] === "rest";
  const shares = texts.map((text, i) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : rest && i === 0 ? 0 : NaN));
  if (shares.length === 2) shares.push(0);
  const [train = NaN, validation = NaN, test = NaN] = shares;
  const sum = train + validation + test;
  const rows = rest || named !== undefined || shares.some((share) => share > 100);
  const whole = shares.length === 3 && shares.every(Number.isSafeInteger);
  if (rows && whole && validation > 0 && (rest || train > 0)) return { unit: "rows", shares: [rest ? undefined : train, validation, test] };
  const unit = Math.abs(sum - 1) < 1e-9 ? "fractions" : "percent";
  if (rows || shares.length !== 3 || !(unit === "fractions" || Math.abs(sum - 100) < 1e-9) || train === 0 || validation === 0)
    throw new GradusError(
      `--split: a split is the percentages train/validation/test, which sum to 100, train and validation above 0 (or fractions that sum to 1, or rows: a number above 100, or the word rows); found "${policy}"${Number.isNaN(sum) ? "" : ` (sum ${Number(sum.toFixed(6))})`}.`,
      { hint: "e.g. 60/20/20, 70/15/15, 98/1/1, 80/20/0 for no test set, or 40000/10000/10000." },
    );
  return { unit, shares: [train, validation, test] };
}

/** Both errors of the paired comparison: 5 % two-sided of seeing a difference where there is none, 20 % of missing one. */
const POWER = standardNormalQuantile(0.975) + standardNormalQuantile(0.8);
/** Share of examples on which two networks of a comparison disagree. */
const DISCORDANCE = 0.05;

/**
 * The smallest difference, in percentage points, between the errors of two networks that n examples tell apart: 100·2.8·√(ψ/n) for a
 * paired comparison with discordance ψ, at 5 % and a power of 80 %.
 * Golden: 1 000 examples resolve 2.0 points, 5 000 0.9, 10 000 0.6.
 */
export function detectablePoints(n: number, discordance = DISCORDANCE): number {
  return 100 * POWER * Math.sqrt(discordance / n);
}

/**
 * So many examples resolve a difference of the given percentage points, see {@link detectablePoints}.
 * @throws GradusError where the points are not within 0.001 and 100
 */
export function rowsToResolve(points: number, discordance = DISCORDANCE): number {
  if (!(points >= 0.001 && points <= 100))
    throw new GradusError(`--resolve is a difference in percentage points, from 0.001 to 100; found ${points}.`, {
      hint: "e.g. --resolve 0.5",
    });
  return Math.ceil(discordance * ((100 * POWER) / points) ** 2);
}

/**
 * What a set of n examples tells of one network: the half-width, in percentage points, of the 95 % interval (Wilson) of a share of
 * errors. Golden: 10 000 examples at 1 % error resolve 0.2 points.
 * @param errorShare the share of errors expected, 0 … 1; default 0.1
 */
export function resolvablePoints(n: number, errorShare = 0.1): number {
  const { low, high } = wilsonInterval(errorShare * n, n);
  return 50 * (high - low);
}

/**
 * The rows of a train-dev set.
 * @param amount `"5%"`, or rows (`2000`, `"2000"`)
 * @throws GradusError where it is neither, or leaves nothing to train on
 */
export function trainDevRows(amount: string | number, trainRows: number): number {
  const text = String(amount).trim();
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? [];
  const value = Number(number);
  const rows = percent ? Math.round((value / 100) * trainRows) : value;
  if (number === undefined || !(value > 0) || (percent ? value >= 100 : !Number.isSafeInteger(value)))
    throw new GradusError(`a train-dev set is a share of the training rows or a number of rows, found "${text}".`, {
      hint: "e.g. 5% or 2000",
    });
  if (rows < trainRows && rows > trainRows / 2)
    throw new GradusError(
      `a train-dev set of ${text} would be ${grouped(rows)} of ${grouped(trainRows)} training rows, more than are left to train on (${grouped(trainRows - rows)}).`,
      { hint: "it only measures, and needs as many rows as validation, e.g. 5%; half of the training rows at most." },
    );
  if (rows >= trainRows)
    throw new GradusError(`a train-dev set of ${counted(rows, "row")} leaves none of ${grouped(trainRows)} to train on.`, {
      hint: "e.g. 5%",
    });
  return Math.max(1, rows);
}

"""Writes fixtures/statistics/scipy.jsonl: tests of hypotheses as SciPy computes them.

Run it with a Python that has scipy (Debian: python3-scipy): statistics.py FOLDER. A line a case: {"test", "given", "found"}. Samples are
recipes {"n", "a", "b", "m", "shift", "levels"}: value i is ((a·i + b) mod m)/m, rounded down to a multiple of 1/levels where there are
levels, plus shift.
"""
import json
import math
import pathlib
import sys
import warnings
from fractions import Fraction

import numpy as np
import scipy.stats as stats
from scipy.stats.contingency import association


def sample(n, a=7919, b=13, m=10007, shift=0.0, levels=0):
    given = {"n": n, "a": a, "b": b, "m": m, "shift": shift, "levels": levels}
    x = np.array([((a * i + b) % m) / m for i in range(n)], dtype=np.float64)
    if levels:
        x = np.floor(x * levels) / levels
    return given, x + shift


def ks():
    pairs = [
        (sample(5), sample(7, 3571, 5)),
        (sample(12), sample(12, 3571, 5, shift=0.4)),
        (sample(40), sample(25, 104729, 1, shift=0.25)),
        (sample(100), sample(100, 104729, 1)),
        (sample(100), sample(137, 104729, 1, shift=0.3)),
        (sample(200, levels=7), sample(150, 104729, 1, levels=7, shift=0.0)),
        (sample(64), sample(64, 3571, 5, shift=0.75)),
        (sample(1000), sample(1000, 104729, 1, shift=0.05)),
        (sample(1000), sample(800, 104729, 1, shift=0.1)),
        (sample(3000), sample(1000, 104729, 1, shift=0.02)),
        (sample(9000), sample(1001, 104729, 1, shift=0.04)),
        (sample(12000, m=100003), sample(300, 104729, 1, shift=0.04)),
        (sample(12000, m=100003), sample(30, 104729, 1, shift=0.2)),
        (sample(40000, m=100003), sample(15000, 104729, 1, m=100003, shift=0.004)),
        (sample(40000, m=100003), sample(15000, 104729, 1, m=100003, shift=0.03)),
        (sample(20000, m=100003), sample(20000, 104729, 1, m=100003, shift=0.008)),
        (sample(20000, m=100003, levels=11), sample(20000, 104729, 1, m=100003, levels=11, shift=0.0)),
    ]
    for (left, x), (right, y) in pairs:
        for method in ("auto", "exact", "asymp"):
            # SciPy takes the exact p as 1 minus a sum of larger terms: below about 1e-9 its digits are rounding.
            found = stats.ks_2samp(x, y, method=method)
            if method != "asymp" and (found.pvalue < 1e-9 or len(x) * len(y) > 1e8):
                continue
            yield "ks", {"first": left, "second": right, "method": method}, {"statistic": found.statistic, "p": found.pvalue}


def inside(m, n, limit):
    """How many paths from (0, 0) to (m, n) keep |i·n - j·m| below the limit."""
    row = [0] * (n + 1)
    for i in range(m + 1):
        for j in range(n + 1):
            before = (row[j] if i else 0) + (row[j - 1] if j else 0)
            row[j] = 0 if abs(i * n - j * m) >= limit else before if i or j else 1
    return row[n]


def far_tails():
    """In whole numbers: the tails that SciPy and R lose to rounding."""
    for (left, x), (right, y) in (
        (sample(60), sample(60, 104729, 1, shift=0.9)),
        (sample(300), sample(200, 104729, 1, shift=0.35)),
        (sample(200), sample(150, 104729, 1, shift=0.8)),
    ):
        d = stats.ks_2samp(x, y, method="asymp").statistic
        m, n = len(x), len(y)
        whole = math.comb(m + n, m)
        p = Fraction(whole - inside(m, n, round(d * m * n)), whole)
        yield "ks", {"first": left, "second": right, "method": "exact"}, {"statistic": d, "p": float(p)}


def kolmogorov():
    for n in (1, 2, 3, 5, 10, 37, 140, 141, 500, 5000, 100000, 1000000):
        for z in (0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.49, 1.7, 2.2, 3.5, 6.0):
            d = z / np.sqrt(n)
            if d < 1:
                yield "kolmogorov", {"n": n, "d": d}, {"p": stats.kstwo.sf(d, n)}


def tables():
    for table in (
        [[10, 20], [20, 15]],
        [[1021, 979], [950, 1050]],
        [[5, 9, 31, 2], [8, 12, 20, 4]],
        [[500, 300, 0, 200], [480, 330, 0, 190], [100, 100, 0, 5]],
        [[12000, 400], [8000, 700]],
        [[i * i % 37 + 5 for i in range(30)], [i * 7 % 31 + 5 for i in range(30)]],
    ):
        used = np.array(table)
        used = used[:, used.sum(axis=0) > 0]
        statistic, p, degrees, _ = stats.chi2_contingency(used, correction=False)
        v = association(used, method="cramer")
        yield "contingency", {"table": table}, {"statistic": statistic, "degrees": degrees, "p": p, "cramersV": v}


def ranks():
    for (left, x), (right, y) in (
        (sample(30), sample(25, 104729, 1, shift=0.2)),
        (sample(500), sample(400, 104729, 1, shift=0.03)),
        (sample(500, levels=5), sample(400, 104729, 1, levels=5, shift=0.0)),
        (sample(2000, levels=9, shift=0.25), sample(900, 104729, 1, levels=4)),
        (sample(50), sample(60, 104729, 1, shift=-0.7)),
    ):
        above = stats.mannwhitneyu(x, y, alternative="greater", method="asymptotic")
        both = stats.mannwhitneyu(x, y, alternative="two-sided", method="asymptotic")
        auc = above.statistic / (len(x) * len(y))
        yield "ranks", {"first": left, "second": right}, {"auc": auc, "p": above.pvalue, "twoSided": both.pvalue}


def counts():
    for k, n, p in ((0, 10, 0.3), (3, 10, 0.3), (60, 100, 0.5), (5100, 10000, 0.5), (1040, 2000, 0.5), (900, 1000, 0.5), (12, 100000, 0.0001)):
        yield "binomial", {"k": k, "n": n, "p": p}, {"p": stats.binom.sf(k - 1, n, p), "probability": stats.binom.pmf(k, n, p)}
    for a, m, b, n in ((3, 10, 1, 12), (40, 1000, 12, 1000), (380, 4000, 300, 4000), (9, 2000, 0, 2000), (0, 50, 3, 60)):
        p = stats.fisher_exact([[a, m - a], [b, n - b]], alternative="greater")[1]
        yield "fisher", {"first": {"count": a, "n": m}, "second": {"count": b, "n": n}}, {"p": p}


def powers():
    """Values are sinh(stretch·(x − 1/2 + shift)) of a sample's x, to six digits."""
    for (given, x), stretch in (
        (sample(50), 3),
        (sample(400, 3571, 5, shift=0.5), 6),
        (sample(300, shift=0.3), 8),
        (sample(300, shift=-0.3), 8),
        (sample(1000, 104729, 1, shift=-0.5), 4),
        (sample(200, levels=5), 5),
    ):
        values = np.round(np.sinh(stretch * (x - 0.5)), 6)
        fitted = stats.yeojohnson_normmax(values, brack=(-2, 2))
        for lam in (-1.5, 0, 0.7, 2, 2.4):
            total = stats.yeojohnson(values, lmbda=lam).sum()
            yield "powers", {"sample": given, "stretch": stretch, "lambda": lam}, {"fitted": fitted, "statistic": total}


def main(folder):
    warnings.simplefilter("ignore")
    cases = [*ks(), *far_tails(), *kolmogorov(), *tables(), *ranks(), *counts(), *powers()]
    lines = [json.dumps({"test": test, "given": given, "found": found}, default=float) for test, given, found in cases]
    (folder / "scipy.jsonl").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

"""Writes fixtures/metrics/sklearn.jsonl: metrics as scikit-learn, SciPy and NumPy compute them.

Run it with a Python that has scikit-learn (Debian: python3-sklearn): metrics.py FOLDER. A line a case: {"kind", "given", "found"}; what has
no value is null. Samples are lists, so that both sides see the same numbers.
"""
import json
import math
import pathlib
import sys
import warnings

import numpy as np
import scipy.optimize as optimize
import scipy.stats as stats
import sklearn.metrics as sk

warnings.simplefilter("ignore")


def clean(value):
    if isinstance(value, dict):
        return {key: clean(v) for key, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [clean(v) for v in value]
    value = float(value)
    return None if math.isnan(value) else value


def or_nan(compute, *args, **kwargs):
    try:
        return compute(*args, **kwargs)
    except ValueError:
        return math.nan


def calibration_error(claimed, came, w, bins=15):
    edges = np.arange(1, bins) / bins
    at = np.searchsorted(edges, claimed)
    return sum(abs(np.sum(w[at == b] * (came[at == b] - claimed[at == b]))) for b in range(bins)) / np.sum(w)


def calibration_line(p, y, w):
    x = np.log(p / (1 - p))

    def score(ab):
        return [np.sum(w * (y - 1 / (1 + np.exp(-(ab[0] + ab[1] * x))))), np.sum(w * x * (y - 1 / (1 + np.exp(-(ab[0] + ab[1] * x)))))]

    slope = optimize.root(score, [0, 1], tol=1e-15).x[1]
    shift = optimize.brentq(lambda a: np.sum(w * (y - 1 / (1 + np.exp(-(a + x))))), -50, 50, xtol=1e-15, rtol=1e-15)
    return slope, shift


def classes(y, p, w, line=True):
    k = p.shape[1]
    labels = list(range(k))
    hat = np.argmax(p, axis=1)
    found = {
        "error": sk.zero_one_loss(y, hat, sample_weight=w),
        "accuracy": sk.accuracy_score(y, hat, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, hat, sample_weight=w),
    }
    for average in ("macro", "weighted", "micro"):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(y, hat, average=average, sample_weight=w, zero_division=0)
        found |= {f"precision_{average}": precision, f"recall_{average}": recall, f"f1_{average}": f1}
    table = sk.confusion_matrix(y, hat, labels=labels, sample_weight=w)
    answered, there = table.sum(axis=0), table.sum(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, hat, labels=labels, sample_weight=w, zero_division=0)
    # Without a value in ours where scikit-learn warns and gives 0.
    per = {
        "precision": np.where(answered > 0, precision, np.nan),
        "recall": np.where(there > 0, recall, np.nan),
        "f1": np.where(answered + there > 0, f1, np.nan),
    }
    onehot = np.eye(k)[y]
    weights = np.ones(len(y)) if w is None else w
    if k == 2:
        found["roc_auc"] = or_nan(sk.roc_auc_score, y, p[:, 1], sample_weight=w)
        found["pr_auc"] = sk.average_precision_score(y, p[:, 1], sample_weight=w) if y.any() else math.nan
        found["brier"] = sk.brier_score_loss(y, p[:, 1], sample_weight=w, pos_label=1)
        found["calibration_error"] = calibration_error(p[:, 1], y, weights)
        if line:
            found["calibration_slope"], found["calibration_intercept"] = calibration_line(p[:, 1], y, weights)
    else:
        per["roc_auc"] = [or_nan(sk.roc_auc_score, onehot[:, c], p[:, c], sample_weight=w) for c in labels]
        per["pr_auc"] = [sk.average_precision_score(onehot[:, c], p[:, c], sample_weight=w) if (y == c).any() else math.nan for c in labels]
        found["roc_auc_macro"] = np.nanmean(per["roc_auc"]) if (there > 0).sum() > 1 else math.nan
        if (there > 0).all():
            # All classes are there: scikit-learn's own averages.
            found["roc_auc_macro"] = sk.roc_auc_score(y, p, multi_class="ovr", average="macro", sample_weight=w)
            if w is None:
                found["roc_auc_weighted"] = sk.roc_auc_score(y, p, multi_class="ovr", average="weighted")
        found["pr_auc_macro"] = np.nanmean(per["pr_auc"])
        found["brier"] = np.average(np.sum((p - onehot) ** 2, axis=1), weights=w)
        found["calibration_error"] = calibration_error(p[np.arange(len(y)), hat], (hat == y).astype(float), weights)
        for top in (3, 5):
            if 2 * top < k:
                found[f"top_{top}_accuracy"] = sk.top_k_accuracy_score(y, p, k=top, labels=labels, sample_weight=w)
    found["log_loss"] = sk.log_loss(y, p, labels=labels, sample_weight=w)
    return {"metrics": found, "classes": per, "confusion": table}


def draw(rng, n, k, levels=0, sharp=1.5):
    z = sharp * rng.standard_normal((n, k))
    if levels:
        z = np.round(z * levels) / levels
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(k, p=q) for q in 0.7 * p + 0.3 / k])
    return y, p


def class_cases():
    rng = np.random.default_rng(1)
    for n, k, levels in [(30, 2, 0), (120, 2, 0), (120, 2, 2), (50, 3, 0), (80, 4, 1), (60, 7, 0), (70, 12, 0)]:
        y, p = draw(rng, n, k, levels)
        yield y, p, None, True
        yield y, p, np.round(rng.uniform(0.1, 3, n), 3), True
    # One class alone in the truth; answers without a class; constant probabilities; a class that is nowhere; certain and right, certain and wrong.
    y, p = draw(rng, 30, 2)
    yield np.zeros(30, int), p, None, False
    yield np.ones(30, int), p, None, False
    yield y, np.full((30, 2), 0.5), None, False
    yield y, np.tile([0.8, 0.2], (30, 1)), None, False
    yield y, np.eye(2)[y], None, False
    y, p = draw(rng, 50, 3)
    yield np.minimum(y, 1), p, None, True
    yield np.minimum(y, 1), np.column_stack([p[:, :2] / p[:, :2].sum(axis=1, keepdims=True), np.zeros(50)]), None, True
    yield np.full(50, 2), p, None, True
    yield y, np.full((50, 3), 1 / 3), None, True
    yield np.array([1]), np.array([[0.3, 0.7]]), None, False


def amounts(y, q, w):
    size = np.abs(y - q)
    found = {
        "r2": math.nan if np.ptp(y) == 0 else sk.r2_score(y, q, sample_weight=w),
        "rmse": math.sqrt(sk.mean_squared_error(y, q, sample_weight=w)),
        "mae": sk.mean_absolute_error(y, q, sample_weight=w),
    }
    if w is None:
        found |= {"median_absolute_error": sk.median_absolute_error(y, q)}
        found |= {"absolute_error_q90": np.quantile(size, 0.9), "absolute_error_q99": np.quantile(size, 0.99)}
    return found


def amount_cases():
    rng = np.random.default_rng(2)
    for n, levels, shift in [(1, 0, 0), (2, 0, 0), (25, 0, 0), (60, 1, 0), (101, 0, 0), (80, 0, 1e6)]:
        y = rng.standard_normal(n)
        q = y + rng.standard_normal(n) ** 3
        if levels:
            y, q = np.round(y), np.round(q)
        yield y + shift, q + shift, None
        yield y + shift, q + shift, np.round(rng.uniform(0.1, 3, n), 3)
    y = rng.standard_normal(40)
    yield np.full(40, 3.0), y, None
    yield y, np.full(40, 0.5), None
    yield y, y, None


def delong(y, p):
    """The variance as DeLong, DeLong and Clarke-Pearson (1988) write it: every pair."""
    a, b = p[y == 1], p[y == 0]
    psi = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return {"area": psi.mean(), "deviation": math.sqrt(v10.var(ddof=1) / len(a) + v01.var(ddof=1) / len(b))}


def clustered(y, p, groups):
    """Obuchowski (1997): the components summed by group, positives and negatives with their covariance; one common factor G/(G - 1)."""
    a, b = p[y == 1], p[y == 0]
    psi = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    area = psi.mean()
    moves = np.zeros(len(y))
    moves[y == 1] = (psi.mean(axis=1) - area) / len(a)
    moves[y == 0] = (psi.mean(axis=0) - area) / len(b)
    ids = np.unique(groups)
    sums = np.array([moves[groups == g].sum() for g in ids])
    return {"area": area, "deviation": math.sqrt(np.sum(sums**2) * len(ids) / (len(ids) - 1))}


def intervals():
    rng = np.random.default_rng(3)
    for n, levels in [(20, 0), (80, 0), (120, 2)]:
        y, p = draw(rng, n, 2, levels)
        yield "delong", {"truth": y.tolist(), "scores": p[:, 1].tolist()}, delong(y, p[:, 1])
        groups = rng.integers(0, n // 4, n)
        yield "clustered", {"truth": y.tolist(), "scores": p[:, 1].tolist(), "groups": groups.tolist()}, clustered(y, p[:, 1], groups)
    for area, m, n in [(0.5, 10, 10), (0.8, 25, 40), (0.97, 8, 200), (1.0, 10, 30), (0.0, 5, 5)]:
        z = stats.norm.ppf(0.975)
        half = (m + n) / 2
        sd = lambda t: math.sqrt(t * (1 - t) * (1 + (half - 1) * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n))
        low = 0.0 if area == 0 else optimize.brentq(lambda t: area - t - z * sd(t), 0, area - 1e-9, xtol=1e-15)
        high = 1.0 if area == 1 else optimize.brentq(lambda t: t - area - z * sd(t), area + 1e-9, 1, xtol=1e-15)
        yield "newcombe", {"area": area, "positives": m, "negatives": n}, {"low": low, "high": high}
    for n, p in [(5, 0.5), (6, 0.5), (30, 0.5), (100, 0.9), (300, 0.99), (1000, 0.99)]:
        low, high = stats.binom.ppf(0.025, n, p), stats.binom.ppf(0.975, n, p) + 1
        yield "ranks", {"n": n, "p": p}, {"low": low, "high": high}
    for size, folds in [(5, 5), (10, 10), (30, 10), (2, 2)]:
        values = np.round(rng.uniform(0.1, 0.3, size), 4)
        ratio = 1 / (folds - 1)
        half = stats.t.ppf(0.975, size - 1) * math.sqrt((1 / size + ratio) * values.var(ddof=1))
        yield "corrected", {"values": values.tolist(), "ratio": ratio}, {"value": values.mean(), "low": values.mean() - half, "high": values.mean() + half}
    for hits, groups, weighted in [(0.3, 0, True), (0.3, 9, False), (0.1, 14, True)]:
        y = (rng.uniform(size=60) < hits).astype(float)
        w = np.round(rng.uniform(0.2, 2, 60), 3) if weighted else np.ones(60)
        g = rng.integers(0, groups, 60) if groups else np.arange(60)
        share = np.average(y, weights=w)
        ids = np.unique(g)
        sums = np.array([np.sum(w[g == i] * (y[g == i] - share)) for i in ids])
        variance = len(ids) / (len(ids) - 1) * np.sum(sums**2) / w.sum() ** 2
        n = min(60, share * (1 - share) / variance)
        z = stats.norm.ppf(0.975)
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        given = {"hits": y.tolist(), "weights": w.tolist() if weighted else None, "groups": g.tolist() if groups else None}
        yield "share", given, {"low": centre - half, "high": centre + half}


def main(folder):
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with open(target / "sklearn.jsonl", "w", encoding="utf-8") as out:

        def write(kind, given, found):
            out.write(json.dumps({"kind": kind, "given": given, "found": clean(found)}) + "\n")

        for y, p, w, line in class_cases():
            given = {"truth": y.tolist(), "probabilities": p.tolist(), "weights": None if w is None else w.tolist()}
            write("classes", given, classes(y, p, w, line))
        for y, q, w in amount_cases():
            write("amounts", {"truth": y.tolist(), "prediction": q.tolist(), "weights": None if w is None else w.tolist()}, amounts(y, q, w))
        for kind, given, found in intervals():
            write(kind, given, found)


main(sys.argv[1])

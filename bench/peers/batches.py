"""pandas and scikit-learn from a file of flights to training-ready batches: one process a measurement, one line of JSON.

python batches.py FILE BATCH FORM
FORM: whole (all training rows transformed at once) or chunks (65 536 rows at a time), and text or category (how pandas holds
the airports), e.g. chunks-category. Each row is read, a hundred and fiftieth of them set aside (stratified), numbers standardised,
airports one-hot (sparse, made dense batch by batch), the date as Gradus has it: seconds and three circles. float32 batches of the
shuffled training rows are consumed one after the other.
"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

AIRPORTS = ["origin", "destination"]
CHUNK = 65_536
CYCLES = [("year", 31_556_952, 86_400), ("week", 604_800, 86_400), ("day", 86_400, 1)]


def read(path, form):
    kinds = {name: "category" for name in AIRPORTS} if form.endswith("category") else {}
    return pd.read_csv(path, parse_dates=["date"], infer_datetime_format=True, dtype=kinds)


def with_date_parts(table):
    seconds = table.pop("date").to_numpy().astype("datetime64[s]").astype(np.int64)
    table["seconds"] = seconds.astype(np.float64)
    for name, period, step in CYCLES:
        turn = (seconds // step * step % period) * (2 * np.pi / period)
        table[f"{name} sine"] = np.sin(turn).astype(np.float32)
        table[f"{name} cosine"] = np.cos(turn).astype(np.float32)
    return table


def main():
    path, batch, form = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    start = time.perf_counter()
    table = read(path, form)
    late = (table.pop("delay") > 15).to_numpy()
    table = with_date_parts(table)
    rows = np.arange(len(table))
    aside = min(20_000, 2 * len(rows) // 5)
    train, _ = train_test_split(rows, test_size=aside, stratify=late, random_state=1)
    transform = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["seconds", "distance"]),
            ("airports", OneHotEncoder(handle_unknown="ignore", dtype=np.float32), AIRPORTS),
        ],
        remainder="passthrough",
        sparse_threshold=1.0,
    )
    transform.fit(table.iloc[train])
    order = np.random.default_rng(1).permutation(train)
    size = len(order) if form.startswith("whole") else CHUNK
    seen, width, total = 0, 0, 0.0
    for at in range(0, len(order), size):
        chosen = order[at : at + size]
        inputs, labels = transform.transform(table.iloc[chosen]), late[chosen].astype(np.float32)
        for i in range(0, len(chosen), batch):
            x, y = inputs[i : i + batch].toarray().astype(np.float32, copy=False), labels[i : i + batch]
            seen, width, total = seen + len(y), x.shape[1], total + float(x[0, 0]) + float(y[0])
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                "rows": seen,
                "width": width,
                "versions": {"pandas": pd.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
            }
        )
    )


main()

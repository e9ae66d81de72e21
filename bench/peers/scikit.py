"""scikit-learn's multilayer perceptron: the accuracy benchmark's peer process. One JSON object a line in, one out.

fit {folder, task, seed, layers, maxIterations}
  -> {"test": t, "testOfAll": t, "validation": v, "seconds": s, "epochs": n, "curve": [[seconds, score], ...]}
train {folder, case, epochs}
  -> {"seconds": s, "accuracy": a, "parameters": n}
The folder holds x.f32 [rows, width], y.i32 (classes) or y.f32 (amounts), and parts.json {rows, width, train, validation, test}
with the row numbers of each part in that matrix. It is fitted on the training rows, of which it takes a tenth to stop by. Scores after
each epoch (curve) and of the weights kept (validation) are of the validation part, taken while the clock stands still. A second fit,
not timed, has the validation rows as well: testOfAll.
"""

import json
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor


def timed(base):
    """`base` that calls `after_epoch` once an epoch's own work is done."""

    class Timed(base):
        def _update_no_improvement_count(self, *arguments):
            super()._update_no_improvement_count(*arguments)
            self.after_epoch()

    # The parameters are read from the signature, which a subclass without a constructor of its own inherits.
    return Timed


TimedClassifier, TimedRegressor = timed(MLPClassifier), timed(MLPRegressor)


def load(folder, task):
    with open(f"{folder}/parts.json") as file:
        parts = json.load(file)
    x = np.fromfile(f"{folder}/x.f32", dtype=np.float32).reshape(parts["rows"], parts["width"])
    classes = task == "classification"
    y = np.fromfile(f"{folder}/y.{'i32' if classes else 'f32'}", dtype=np.int32 if classes else np.float32)
    return x, y, parts


def fit(request):
    x, y, parts = load(request["folder"], request["task"])
    base = TimedClassifier if request["task"] == "classification" else TimedRegressor
    settings = {
        "hidden_layer_sizes": tuple(request["layers"]),
        "early_stopping": True,
        "max_iter": request["maxIterations"],
        "random_state": request["seed"],
    }
    model = base(**settings)
    rows = {name: (np.ascontiguousarray(x[parts[name]]), np.ascontiguousarray(y[parts[name]])) for name in ("train", "validation", "test")}
    curve = []
    paused = 0.0

    def after_epoch():
        nonlocal paused
        before = time.perf_counter()
        # Accuracy of classes, R² of amounts.
        curve.append([before - start - paused, float(model.score(*rows["validation"]))])
        paused += time.perf_counter() - before

    model.after_epoch = after_epoch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(*rows["train"])
        seconds = time.perf_counter() - start - paused
        of_all = base(**settings)
        of_all.after_epoch = lambda: None
        of_all.fit(*(np.concatenate([rows["train"][i], rows["validation"][i]]) for i in (0, 1)))
    return {
        "test": float(model.score(*rows["test"])),
        "testOfAll": float(of_all.score(*rows["test"])),
        "validation": float(model.score(*rows["validation"])),
        "seconds": seconds,
        "epochs": model.n_iter_,
        "curve": curve,
    }


def training(request):
    """A training of fixed length, the accuracy on other rows after each epoch within its time."""
    case, folder = request["case"], request["folder"]
    with open(f"{folder}/parts.json") as file:
        n = json.load(file)["train"]
    y = np.fromfile(f"{folder}/y.i32", dtype=np.int32)
    x = np.fromfile(f"{folder}/x.f32", dtype=np.float32).reshape(len(y), -1)
    model = TimedClassifier(
        hidden_layer_sizes=tuple(case["layers"][1:-1]),
        solver=case["optimizer"],
        learning_rate_init=1e-3,
        alpha=0,
        batch_size=case["batch"],
        max_iter=request["epochs"],
        n_iter_no_change=request["epochs"] + 1,
        tol=0,
    )
    scores = []
    model.after_epoch = lambda: scores.append(float(model.score(x[n:], y[n:])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(x[:n], y[:n])
        seconds = time.perf_counter() - start
    size = sum(part.size for part in [*model.coefs_, *model.intercepts_])
    return {"seconds": seconds, "accuracy": scores[-1], "parameters": size}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "versions":
            reply = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}}
        elif request["cmd"] in ("fit", "train"):
            try:
                reply = fit(request) if request["cmd"] == "fit" else training(request)
            except Exception as error:  # The driver shows it as this row's failure.
                reply = {"error": f"{type(error).__name__}: {error}"}
        else:
            break
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

"""scikit-learn's multilayer perceptron: the accuracy benchmark's peer process. One JSON object a line in, one out.

fit {folder, task, seed, layers, maxIterations, includeValidation} -> {"test": t, "seconds": s, "epochs": n, "curve": [[seconds, score], ...]}
The folder holds x.f32 [rows, width], y.i32 (classes) or y.f32 (amounts), and parts.json {rows, width, train, validation, test}
with the row numbers of each part in that matrix. scikit-learn takes its own validation part (a tenth) from the rows it is fitted on.
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
    """`base` that notes the time after every epoch's validation score."""

    class Timed(base):
        def _update_no_improvement_count(self, *arguments):
            super()._update_no_improvement_count(*arguments)
            self.epoch_times.append(time.perf_counter())

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
    rows = parts["train"] + (parts["validation"] if request.get("includeValidation", True) else [])
    model = (TimedClassifier if request["task"] == "classification" else TimedRegressor)(
        hidden_layer_sizes=tuple(request["layers"]),
        early_stopping=True,
        max_iter=request["maxIterations"],
        random_state=request["seed"],
    )
    model.epoch_times = []
    x_fit, y_fit = np.ascontiguousarray(x[rows]), np.ascontiguousarray(y[rows])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(x_fit, y_fit)
        seconds = time.perf_counter() - start
    # Accuracy of classes, R² of amounts.
    test = model.score(x[parts["test"]], y[parts["test"]].astype(np.float64 if request["task"] == "regression" else y.dtype))
    curve = [[at - start, float(score)] for at, score in zip(model.epoch_times, model.validation_scores_)]
    return {"test": float(test), "seconds": seconds, "epochs": model.n_iter_, "curve": curve}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "versions":
            reply = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}}
        elif request["cmd"] == "fit":
            try:
                reply = fit(request)
            except Exception as error:  # The driver shows it as this row's failure.
                reply = {"error": f"{type(error).__name__}: {error}"}
        else:
            break
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

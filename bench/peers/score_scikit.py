"""scikit-learn until a network reaches a score: a benchmark's peer process. One JSON object a line in, one out.

trial {folder, layers, batch, rows}  -> {"seconds": s}, one epoch over the first rows
final {folder, layers, seed}         -> {"score": accuracy}, of a fit as scikit-learn ends it by itself
score {folder, layers, batch, seed, score, limit, epochs}
  -> {"seconds": s, "reached": bool, "epochs": n, "best": accuracy}
`MLPClassifier` with its defaults but for the batch, where it is not "auto"; in `score` it goes on while its loss stands still. The
accuracy on the rows to score after each epoch is within the time.
"""

import json
import sys
import time
import warnings

import numpy as np
import sklearn
from scikit import TimedClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier


class Enough(Exception):
    """The score is reached, or the time is over."""


def load(folder):
    """Rows to train on, rows to score."""
    with open(f"{folder}/parts.json") as file:
        n = json.load(file)["train"]
    y = np.fromfile(f"{folder}/y.i32", dtype=np.int32)
    x = np.fromfile(f"{folder}/x.f32", dtype=np.float32).reshape(len(y), -1)
    return (x[:n], y[:n]), (x[n:], y[n:])


def settings(request, **more):
    return {"hidden_layer_sizes": tuple(request["layers"][1:-1]), "batch_size": request.get("batch", "auto"), **more}


def trial(request, rows, _):
    few = tuple(part[: request["rows"]] for part in rows)
    start = time.perf_counter()
    MLPClassifier(**settings(request, max_iter=1)).fit(*few)
    return {"seconds": time.perf_counter() - start}


def final(request, rows, scored):
    return {"score": float(MLPClassifier(**settings(request, random_state=request["seed"])).fit(*rows).score(*scored))}


def score(request, rows, scored):
    epochs = request["epochs"]
    scores = []
    start = time.perf_counter()

    def after_epoch():
        scores.append(float(model.score(*scored)))
        if scores[-1] >= request["score"] or time.perf_counter() - start >= request["limit"]:
            raise Enough

    model = TimedClassifier(**settings(request, random_state=request["seed"], max_iter=epochs, n_iter_no_change=epochs + 1))
    model.after_epoch = after_epoch
    try:
        model.fit(*rows)
    except Enough:
        pass
    seconds = time.perf_counter() - start
    reached = scores[-1] >= request["score"] and seconds <= request["limit"]
    return {"seconds": seconds if reached else request["limit"], "reached": reached, "epochs": len(scores), "best": max(scores)}


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    answers = {"trial": trial, "final": final, "score": score}
    stored = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "quit":
            break
        try:
            if request["cmd"] == "versions":
                reply = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "python": sys.version.split()[0]}}
            else:
                stored = stored or load(request["folder"])
                reply = answers[request["cmd"]](request, *stored)
        except Exception as error:  # The driver shows it.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

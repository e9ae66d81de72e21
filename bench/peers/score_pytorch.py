"""PyTorch until a network reaches a score: a benchmark's peer process. One JSON object a line in, one out.

trial {folder, layers, batch, form, loading, rows}  -> {"seconds": s}, one epoch over the first rows, another before it uncounted
score {folder, layers, batch, form, loading, seed, score, limit, epochs}
  -> {"seconds": s, "reached": bool, "epochs": n, "best": accuracy}
From rows in memory: network, optimizer (Adam, 0.001) and loader are made within the time, and so is the accuracy on the rows to
score after each epoch. `loading` is "indexing" (a permutation, rows picked by index_select) or a DataLoader of a TensorDataset
with so many workers, "DataLoader 0".
"""

import json
import os
import re
import sys
import time

import torch
from pytorch import network, stored_rows, update_rule
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


def indexed(x, y, batch):
    """Epochs of shuffled batches."""
    while True:
        order = torch.randperm(len(y))
        yield ((x.index_select(0, index), y.index_select(0, index)) for index in order.split(batch))


def loaded(x, y, batch, workers):
    loader = DataLoader(TensorDataset(x, y), batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    while True:
        yield loader


def train(request, rows, scored, epochs):
    """Yields None after each step, the accuracy after each epoch."""
    model = network(request["layers"], 0)
    optimizer = update_rule("adam", model, request["form"], 0)
    loading = request["loading"]
    batches = indexed(*rows, request["batch"]) if loading == "indexing" else loaded(*rows, request["batch"], int(loading.split()[1]))
    for _ in range(epochs):
        for x, y in next(batches):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            yield None
        with torch.no_grad():
            yield (model(scored[0]).argmax(1) == scored[1]).sum().item() / len(scored[1])


def trial(request, rows, scored):
    few = tuple(part[: request["rows"]] for part in rows)
    ends = [time.perf_counter() for result in train(request, few, scored, 2) if result is not None]
    return {"seconds": ends[1] - ends[0]}


def score(request, rows, scored):
    torch.manual_seed(request["seed"])
    start = time.perf_counter()
    epochs, best = 0, 0.0
    for accuracy in train(request, rows, scored, request["epochs"]):
        seconds = time.perf_counter() - start
        if accuracy is not None:
            epochs, best = epochs + 1, max(best, accuracy)
            if accuracy >= request["score"]:
                return {"seconds": seconds, "reached": True, "epochs": epochs, "best": best}
        if seconds >= request["limit"]:
            break
    return {"seconds": request["limit"], "reached": False, "epochs": epochs, "best": best}


def main():
    stored = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "quit":
            break
        try:
            if request["cmd"] == "versions":
                capability = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
                version = f"{torch.__version__} ({capability[1]})" if capability else torch.__version__
                reply = {"versions": {"torch": version, "python": sys.version.split()[0]}}
            else:
                stored = stored or stored_rows(request["folder"])
                reply = (trial if request["cmd"] == "trial" else score)(request, *stored)
        except Exception as error:  # The driver shows it.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    main()

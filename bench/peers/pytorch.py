"""PyTorch, eager: the benchmark's peer process. One JSON object a line in, one out.

prepare {case, optimizerForm}   builds rows and model      -> {"ready": true, "parameters": n}
block   {steps, warm}           runs steps, timed here      -> {"seconds": s, "loss": x}
quit
A step: gather a fresh shuffled mini-batch, forward, backward, update, the loss back to the host.
"""

import json
import os
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1)


def network(layers):
    parts = []
    for index, (inputs, outputs) in enumerate(zip(layers[:-1], layers[1:])):
        if index > 0:
            parts.append(nn.ReLU())
        parts.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*parts)


def update_rule(name, parameters, form):
    """`form` is PyTorch's implementation of the update: 'foreach', 'loop' or, where it has one for the CPU, 'fused'."""
    options = {"fused": True} if form == "fused" else {"foreach": form == "foreach"}
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=0.01, **options)
    return torch.optim.Adam(parameters, lr=1e-3, **options)


class Trainer:
    def __init__(self, case, form):
        self.rows, self.batch = case["rows"], case["batch"]
        layers = case["layers"]
        self.x = torch.randn(self.rows, layers[0])
        self.y = torch.randint(0, layers[-1], (self.rows,))
        self.model = network(layers)
        self.optimizer = update_rule(case["optimizer"], self.model.parameters(), form)
        self.order, self.at = torch.randperm(self.rows), 0

    def step(self):
        if self.at + self.batch > self.rows:
            self.order, self.at = torch.randperm(self.rows), 0
        index = self.order[self.at : self.at + self.batch]
        self.at += self.batch
        x, y = self.x.index_select(0, index), self.y.index_select(0, index)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def main():
    trainer = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "versions":
            capability = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
            torch_version = f"{torch.__version__} ({capability[1]})" if capability else torch.__version__
            reply = {"versions": {"torch": torch_version, "python": sys.version.split()[0]}}
        elif request["cmd"] == "prepare":
            try:
                trainer = Trainer(request["case"], request.get("form", "foreach"))
                reply = {"ready": True, "parameters": sum(p.numel() for p in trainer.model.parameters())}
            except (TypeError, RuntimeError) as error:
                reply = {"error": str(error)}
        elif request["cmd"] == "block":
            for _ in range(request.get("warm", 0)):
                trainer.step()
            loss, start = 0.0, time.perf_counter()
            for _ in range(request["steps"]):
                loss = trainer.step()
            reply = {"seconds": time.perf_counter() - start, "loss": loss}
        else:
            break
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    if os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    main()

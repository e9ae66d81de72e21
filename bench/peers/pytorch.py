"""PyTorch, eager: the benchmark's peer process. One JSON object a line in, one out.

prepare {case, form, memory}   builds rows and model      -> {"ready": true, "parameters": n}
block   {steps, warm}           runs steps, timed here      -> {"seconds": s, "loss": x}
train   {case, form, folder, epochs}  a whole training      -> {"seconds": s, "accuracy": a, "parameters": n}
quit
A step: gather a fresh shuffled mini-batch, forward, backward, update, the loss back to the host.
A training: from rows in memory to trained weights, with the accuracy on other rows after each epoch.
"""

import json
import os
import re
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1)


def drops(p):
    return [nn.Dropout(p)] if p > 0 else []


def network(layers, drop):
    parts = []
    for index, (inputs, outputs) in enumerate(zip(layers[:-1], layers[1:])):
        if index > 0:
            parts += [nn.ReLU(), *drops(drop)]
        parts.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*parts)


class Convolutional(nn.Sequential):
    """The ready `cnn`: convolution, pooling and ReLU twice, then dense."""

    def __init__(self, shape, layers, classes, drop):
        channels, height, width = shape
        *filters, units = layers
        parts = []
        for count in filters:
            parts += [nn.Conv2d(channels, count, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
            channels, height, width = count, height // 2, width // 2
        super().__init__(*parts, nn.Flatten(), nn.Linear(channels * height * width, units), nn.ReLU(), *drops(drop), nn.Linear(units, classes))


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False),
            nn.BatchNorm2d(filters),
        )
        same = channels == filters and stride == 1
        self.around = nn.Identity() if same else nn.Conv2d(channels, filters, 1, stride, bias=False)

    def forward(self, x):
        return F.relu(self.around(x) + self.inner(x))


def residual_network(shape, layers, classes, drop):
    """The ready `resnet`."""
    channels = layers[0]
    parts = [nn.Conv2d(shape[0], channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
    for stage, filters in enumerate(layers):
        parts.append(Block(channels, filters, 1 if stage == 0 else 2))
        channels = filters
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *drops(drop), nn.Linear(channels, classes))


class Recurrent(nn.Module):
    def __init__(self, shape, layers, classes, drop):
        super().__init__()
        self.lstm = nn.LSTM(shape[1], layers[0], batch_first=True)
        self.out = nn.Sequential(*drops(drop), nn.Linear(layers[0], classes))

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


class Transformer(nn.Module):
    """The ready `transformer`: dense, positions, encoder blocks normalised before each part, the mean over time; dropout behind each part."""

    def __init__(self, shape, layers, classes, drop):
        super().__init__()
        time, features = shape
        width = layers[0]
        heads = next(count for count in (8, 4, 2, 1) if width % count == 0 and width // count >= 8)
        self.enter = nn.Linear(features, width)
        self.positions = nn.Parameter(torch.zeros(time, width))
        self.blocks = nn.Sequential(
            *[nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, F.gelu, batch_first=True, norm_first=True) for _ in layers]
        )
        for block in self.blocks:
            block.dropout1.p = block.dropout2.p = drop
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, classes)

    def forward(self, x):
        return self.out(self.norm(self.blocks(self.enter(x) + self.positions)).mean(1))


architectures = {"cnn": Convolutional, "resnet": residual_network, "lstm": Recurrent, "transformer": Transformer}


def update_rule(name, model, form, decay):
    """`form` is PyTorch's implementation of the update: 'foreach', 'loop' or, where it has one for the CPU, 'fused'.

    An L2 penalty is its `weight_decay`, of the weights alone.
    """
    parameters = model.parameters()
    if decay > 0:
        weights, others = [p for p in parameters if p.dim() > 1], [p for p in model.parameters() if p.dim() <= 1]
        parameters = [{"params": weights, "weight_decay": decay}, {"params": others}]
    options = {"fused": True} if form == "fused" else {"foreach": form == "foreach"}
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=0.01, **options)
    return torch.optim.Adam(parameters, lr=1e-3, **options)


class Trainer:
    def __init__(self, case, form, x, y, memory=""):
        self.x, self.y = x, y
        self.rows, self.batch = len(y), case["batch"]
        layers, architecture, regularized = case["layers"], case.get("architecture"), case.get("regularized")
        drop = 1 - regularized["keepProbability"] if regularized else 0
        if architecture:
            self.model = architectures[architecture["name"]](architecture["inputShape"], architecture["layers"], layers[-1], drop)
            self.x = self.x.reshape(-1, *architecture["inputShape"])
        else:
            self.model = network(layers, drop)
        if memory == "channels last":
            self.model = self.model.to(memory_format=torch.channels_last)
            self.x = self.x.contiguous(memory_format=torch.channels_last)
        decay = regularized["l2"] / self.rows if regularized else 0
        self.optimizer = update_rule(case["optimizer"], self.model, form, decay)
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


def random_rows(case):
    return torch.randn(case["rows"], case["layers"][0]), torch.randint(0, case["layers"][-1], (case["rows"],))


def stored_rows(folder):
    """x.f32, y.i32, and parts.json {train, validation}: the count of each, one after the other."""
    with open(f"{folder}/parts.json") as file:
        parts = json.load(file)
    y = torch.from_numpy(np.fromfile(f"{folder}/y.i32", dtype=np.int32).astype(np.int64))
    x = torch.from_numpy(np.fromfile(f"{folder}/x.f32", dtype=np.float32)).reshape(len(y), -1)
    n = parts["train"]
    return (x[:n], y[:n]), (x[n:], y[n:])


def training(request, train, validation):
    start = time.perf_counter()
    trainer = Trainer(request["case"], request.get("form", "foreach"), *train)
    right = 0
    for _ in range(request["epochs"]):
        for _ in range(trainer.rows // trainer.batch):
            trainer.step()
        with torch.no_grad():
            right = (trainer.model(validation[0]).argmax(1) == validation[1]).sum().item()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": right / len(validation[1]), "parameters": count(trainer.model)}


def count(model):
    return sum(p.numel() for p in model.parameters())


def main():
    trainer, stored = None, None
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] == "versions":
            capability = re.search(r"CPU capability usage: (\S+)", torch.__config__.show())
            torch_version = f"{torch.__version__} ({capability[1]})" if capability else torch.__version__
            reply = {"versions": {"torch": torch_version, "python": sys.version.split()[0]}}
        elif request["cmd"] == "prepare":
            try:
                trainer = Trainer(request["case"], request.get("form", "foreach"), *random_rows(request["case"]), request.get("memory"))
                reply = {"ready": True, "parameters": count(trainer.model)}
            except (TypeError, RuntimeError) as error:
                reply = {"error": str(error)}
        elif request["cmd"] == "train":
            try:
                stored = stored or stored_rows(request["folder"])
                reply = training(request, *stored)
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

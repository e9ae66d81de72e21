"""Trainings in PyTorch, float64, one step after the other: writes test/oracle/fixtures/training.json.

A network 4-6-4 with tanh and softmax cross-entropy on twelve rows, four a step. Every number comes from Lehmer's generator, which
is the same in any language. Each case has θ and the loss after 1, 10 and 100 steps; each schedule its learning rates.

    /usr/bin/python3 test/oracle/training.py
"""

import json
import math
import os

import torch
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

torch.set_default_dtype(torch.float64)

ROWS, INPUTS, HIDDEN, CLASSES, BATCH, STEPS = 12, 4, 6, 4, 4, 100


def stream(seed):
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647 - 0.5


def numbers(seed, *shape):
    draw = stream(seed)
    return torch.tensor([next(draw) for _ in range(math.prod(shape))]).reshape(shape)


FEATURES = 4 * numbers(11, ROWS, INPUTS)
LABELS = torch.tensor([(5 * row + row // 3) % CLASSES for row in range(ROWS)])
WEIGHTS = torch.tensor([0.5, 1.75, 1.0, 0.75] * 3)


class Net(torch.nn.Module):
    """Weights are [inputs, units], as in θ."""

    def __init__(self):
        super().__init__()
        theta = numbers(7, INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES)
        sizes = {"w1": (INPUTS, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, CLASSES), "b2": (CLASSES,)}
        at = 0
        for name, shape in sizes.items():
            size = math.prod(shape)
            self.register_parameter(name, torch.nn.Parameter(theta[at : at + size].reshape(shape).clone()))
            at += size

    def forward(self, x, mask=None):
        hidden = torch.tanh(x @ self.w1 + self.b1)
        return (hidden if mask is None else hidden * mask) @ self.w2 + self.b2

    def theta(self):
        return torch.cat([p.detach().reshape(-1) for p in (self.w1, self.b1, self.w2, self.b2)]).tolist()


def optimizer_of(kind, net, rate, decay):
    """`decay` is the optimizer's own weight decay of weights, never of biases."""
    groups = [{"params": [net.w1, net.w2], "weight_decay": decay}, {"params": [net.b1, net.b2], "weight_decay": 0}]
    optim = torch.optim
    make = {
        "sgd": lambda: optim.SGD(groups, lr=rate),
        "momentum": lambda: optim.SGD(groups, lr=rate, momentum=0.9),
        "nesterov": lambda: optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True),
        "rmsprop": lambda: optim.RMSprop(groups, lr=rate, alpha=0.99, eps=1e-8),
        "adam": lambda: optim.Adam(groups, lr=rate, eps=1e-8),
        "adamw": lambda: optim.AdamW(groups, lr=rate, eps=1e-8),
    }
    return make[kind]()


RATES = {"sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "rmsprop": 0.01, "adam": 0.01, "adamw": 0.01}
DECAY = 0.25


def train(case):
    """λ's of `regularizer` are over m = 12 rows. L2 is the optimizer's weight_decay λ/m where it has one (not AdamW)."""
    kind, regularizer, clip = case["optimizer"], case.get("regularizer", {}), case.get("clip", {})
    l2, l1 = regularizer.get("l2", 0) / ROWS, regularizer.get("l1", 0) / (2 * ROWS)
    net = Net()
    coupled = kind != "adamw" and not regularizer.get("biases")
    optimizer = optimizer_of(kind, net, RATES[kind], DECAY if kind == "adamw" else l2 if coupled else 0)
    average = case.get("average")
    averaged = average and AveragedModel(
        net, avg_fn=(lambda a, p, n: average["decay"] * a + (1 - average["decay"]) * p) if average["kind"] == "ema" else None
    )
    penalised = [net.w1, net.w2] + ([net.b1, net.b2] if regularizer.get("biases") else [])
    pieces = case.get("accumulate", 1)
    size = BATCH // pieces
    masks = numbers(23, STEPS, BATCH, HIDDEN)
    recorded = {}
    for step in range(STEPS):
        optimizer.zero_grad()
        total = 0.0
        for piece in range(pieces):
            at = [(step * BATCH + piece * size + k) % ROWS for k in range(size)]
            mask = None
            if "keep" in case:
                drawn = masks[step, piece * size : (piece + 1) * size] + 0.5
                mask = (drawn < case["keep"]).double() / case["keep"]
            output = net(FEATURES[at], mask)
            smoothing = case.get("labelSmoothing", 0.0)
            losses = F.cross_entropy(output, LABELS[at], reduction="none", label_smoothing=smoothing)
            if case.get("weighted"):
                losses = losses * WEIGHTS[at]
            loss = losses.sum() / BATCH
            loss.backward()
            total += loss.item()
        parameters = [net.w1, net.b1, net.w2, net.b2]
        if "value" in clip:
            torch.nn.utils.clip_grad_value_(parameters, clip["value"])
        if "norm" in clip:
            torch.nn.utils.clip_grad_norm_(parameters, clip["norm"])
        with torch.enable_grad():
            # What the optimizer's own weight decay does not do is differentiated from the loss.
            penalty = sum(l1 * p.abs().sum() for p in penalised) if l1 and not regularizer.get("proximal") else 0
            if l2 and not coupled:
                penalty = penalty + sum(l2 / 2 * (p * p).sum() for p in penalised)
        if torch.is_tensor(penalty):
            penalty.backward()
        optimizer.step()
        with torch.no_grad():
            if regularizer.get("proximal"):
                for p in penalised:
                    p.copy_(F.softshrink(p, RATES[kind] * l1))
            if "maxNorm" in regularizer:
                for p in (net.w1, net.w2):
                    p.mul_((regularizer["maxNorm"] / p.norm(dim=0)).clamp(max=1))
        if averaged and (average["kind"] == "ema" or step >= average["from"] * STEPS):
            averaged.update_parameters(net)
        if step + 1 in (1, 10, STEPS):
            kept = {"average": averaged.module.theta()} if averaged and averaged.n_averaged > 0 else {}
            recorded[str(step + 1)] = {"loss": total, "theta": net.theta(), **kept}
    return {**case, "learningRate": RATES[kind], "steps": recorded}


def cases():
    for kind in RATES:
        for name, more in {
            "plain": {},
            "L2": {"regularizer": {"l2": 3}},
            "L1": {"regularizer": {"l1": 3}},
            "elastic net": {"regularizer": {"l2": 1.5, "l1": 0.75}},
            "L2, clipped by norm": {"regularizer": {"l2": 3}, "clip": {"norm": 0.125}},
            "clipped by value": {"clip": {"value": 0.03125}},
        }.items():
            yield {"name": f"{kind}, {name}", "optimizer": kind, **more}
    for name, more in {
        "label smoothing": {"labelSmoothing": 0.125},
        "weighted examples": {"weighted": True},
        "L2 of biases too": {"regularizer": {"l2": 3, "biases": True}},
        "L1 by soft threshold": {"regularizer": {"l1": 6, "proximal": True}},
        "max-norm": {"regularizer": {"maxNorm": 0.5}},
        "dropout": {"keep": 0.75},
        "two batches to an update": {"accumulate": 2},
        "running average": {"average": {"kind": "ema", "decay": 0.9}},
        "average from the middle on": {"average": {"kind": "swa", "from": 0.5}},
        "all of it": {
            "regularizer": {"l2": 1.5, "l1": 0.75, "maxNorm": 1},
            "clip": {"norm": 0.25, "value": 0.0625},
            "labelSmoothing": 0.125,
            "weighted": True,
            "keep": 0.5,
            "average": {"kind": "ema", "decay": 0.5},
        },
    }.items():
        for kind in ("sgd", "adamw"):
            yield {"name": f"{kind}, {name}", "optimizer": kind, **more}


def schedule(settings, make, steps, per_epoch=1, figures=None):
    """Learning rates at every step, of a rate of 1; epoch schedules step after every epoch, a plateau by its figures."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if figures is not None:
            if (step + 1) % per_epoch == 0:
                scheduler.step(figures[(step + 1) // per_epoch - 1])
        elif per_epoch == 1 or (step + 1) % per_epoch == 0:
            scheduler.step()
    return {"settings": settings, "perEpoch": per_epoch, "rates": rates, **({"figures": figures} if figures else {})}


def schedules():
    s = torch.optim.lr_scheduler
    yield schedule({"kind": "step", "every": 3, "factor": 0.5}, lambda o: s.StepLR(o, 3, 0.5), 100, 4)
    yield schedule({"kind": "exponential", "factor": 0.9}, lambda o: s.ExponentialLR(o, 0.9), 100, 5)
    yield schedule({"kind": "cosine"}, lambda o: s.CosineAnnealingLR(o, 100), 100)
    yield schedule({"kind": "cosine", "floor": 0.1}, lambda o: s.CosineAnnealingLR(o, 100, 0.1), 100)
    yield schedule({"kind": "linear", "floor": 0.2}, lambda o: s.LinearLR(o, 1.0, 0.2, 100), 100)
    yield schedule({"kind": "oneCycle"}, lambda o: s.OneCycleLR(o, 1.0, 100, cycle_momentum=False), 100)
    yield schedule(
        {"kind": "oneCycle", "peak": 0.25, "start": 0.1, "floor": 0.001},
        lambda o: s.OneCycleLR(o, 1.0, 80, pct_start=0.25, div_factor=10, final_div_factor=100, cycle_momentum=False),
        80,
    )
    rise = lambda o: s.LinearLR(o, 1 / 20, 1.0, 19)
    yield schedule(
        {"kind": "cosine", "warmup": 20}, lambda o: s.SequentialLR(o, [rise(o), s.CosineAnnealingLR(o, 80)], [20]), 100
    )
    draw = stream(31)
    falling = [2.0 * 0.8**epoch + 0.2 * next(draw) + 1 for epoch in range(50)]
    for mode, threshold in (("relative", 0.05), ("absolute", 0.05)):
        yield schedule(
            {"kind": "reduceOnPlateau", "factor": 0.5, "patience": 2, "threshold": threshold, "mode": mode, "floor": 0.01},
            lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=threshold, threshold_mode=mode[:3], min_lr=0.01, eps=0),
            100,
            2,
            falling,
        )


if __name__ == "__main__":
    path = os.path.join(os.path.dirname(__file__), "fixtures", "training.json")
    with open(path, "w") as file:
        lines = [f' "torch": {json.dumps(torch.__version__)}']
        lines.append(' "cases": [\n  ' + ",\n  ".join(json.dumps(train(case)) for case in cases()) + "\n ]")
        lines.append(' "schedules": [\n  ' + ",\n  ".join(json.dumps(found) for found in schedules()) + "\n ]")
        file.write("{\n" + ",\n".join(lines) + "\n}\n")

"""Random recurrent layers with PyTorch's gradients in float64, as JSON, gates in ONNX's order."""

import json
import random
import sys

import torch

torch.manual_seed(7)
random.seed(7)

# PyTorch has the gates i f g o and r z n, ONNX i o f c and z r h.
ORDER = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}


def flat(tensor):
    return {"shape": list(tensor.shape), "data": tensor.detach().reshape(-1).tolist()}


def case(kind):
    steps, batch, features, hidden = (random.randint(1, 6) for _ in range(4))
    directions = random.choice([1, 2])
    lengths = sorted((random.randint(1, steps) for _ in range(batch)), reverse=True) if random.random() < 0.6 else None
    layer = getattr(torch.nn, kind)(features, hidden, bidirectional=directions == 2).double()
    x = torch.randn(steps, batch, features, dtype=torch.double, requires_grad=True)
    h = torch.randn(directions, batch, hidden, dtype=torch.double, requires_grad=True)
    c = torch.randn(directions, batch, hidden, dtype=torch.double, requires_grad=True)
    first = (h, c) if kind == "LSTM" else h
    if lengths:
        y, last = layer(torch.nn.utils.rnn.pack_padded_sequence(x, lengths), first)
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=steps)
    else:
        y, last = layer(x, first)
    y = y.view(steps, batch, directions, hidden).permute(0, 2, 1, 3)
    outputs = [y, *(last if kind == "LSTM" else [last])]
    weights = [torch.randn_like(output) for output in outputs]
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()

    def weight(name, grad):
        found = []
        for end in ["", "_reverse"][:directions]:
            value = getattr(layer, name + end)
            blocks = (value.grad if grad else value).split(hidden, 0)
            found.append(torch.cat([blocks[i] for i in ORDER[kind]], 0))
        return torch.stack(found)

    def parameters(grad):
        bias = torch.cat([weight("bias_ih_l0", grad), weight("bias_hh_l0", grad)], 1)
        return {"w": weight("weight_ih_l0", grad), "r": weight("weight_hh_l0", grad), "b": bias}

    states = {"h": h, "c": c} if kind == "LSTM" else {"h": h}
    inputs = {"x": x, **parameters(False), **states}
    gradients = {"x": x.grad, **parameters(True), **{name: state.grad for name, state in states.items()}}
    return {
        "kind": kind,
        "directions": directions,
        "lengths": lengths,
        "inputs": {name: flat(value) for name, value in inputs.items()},
        "weights": [flat(value) for value in weights],
        "y": flat(y),
        "gradients": {name: flat(value) for name, value in gradients.items()},
    }


json.dump([case(kind) for kind in ["RNN", "LSTM", "GRU"] * 4], sys.stdout)

"""Layers in PyTorch, float64: reads cases from standard input, writes each case's largest relative difference.

[{kind, options, x, lengths?, parameters: {name: tensor}, y}], a tensor being {shape, data}; the layer's own y is compared.
"""

import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def tensor(given):
    return torch.tensor(given["data"]).reshape(given["shape"])


def gates(kind, rows):
    """ONNX's order of gates (LSTM: input, output, forget, cell; GRU: update, reset, new) in PyTorch's."""
    parts = rows.chunk({"rnn": 1, "lstm": 4, "gru": 3}[kind], 0)
    order = {"rnn": [0], "lstm": [0, 2, 3, 1], "gru": [1, 0, 2]}[kind]
    return torch.cat([parts[i] for i in order], 0)


def recurrent(kind, options, x, lengths, p):
    units, both = options["units"], options.get("bidirectional", False)
    layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](x.shape[2], units, batch_first=True, bidirectional=both)
    with torch.no_grad():
        for direction in range(2 if both else 1):
            suffix = "_reverse" if direction else ""
            first, second = p["b"][direction].chunk(2, 0)
            for name, value in (("weight_ih", p["W"][direction]), ("weight_hh", p["R"][direction]), ("bias_ih", first), ("bias_hh", second)):
                getattr(layer, f"{name}_l0{suffix}").copy_(gates(kind, value))
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    every, last = layer(packed)
    if options.get("sequences"):
        return nn.utils.rnn.pad_packed_sequence(every, batch_first=True, total_length=x.shape[1])[0]
    last = last[0] if kind == "lstm" else last
    return last.transpose(0, 1).reshape(len(x), -1)


def attention(options, x, lengths, p):
    width = x.shape[2]
    layer = nn.MultiheadAttention(width, options["heads"], batch_first=True)
    with torch.no_grad():
        layer.in_proj_weight.copy_(p["Wqkv"].T)
        layer.in_proj_bias.copy_(p["bqkv"])
        layer.out_proj.weight.copy_(p["Wo"].T)
        layer.out_proj.bias.copy_(p["bo"])
    beyond = torch.arange(x.shape[1])[None, :] >= lengths[:, None]
    return layer(x, x, x, key_padding_mask=beyond, need_weights=False)[0]


def result(case):
    kind, options, x = case["kind"], case["options"], tensor(case["x"])
    p = {name: tensor(value) for name, value in case["parameters"].items()}
    lengths = torch.tensor(case.get("lengths") or [x.shape[1]] * len(x)).long()
    if kind in ("rnn", "lstm", "gru"):
        return recurrent(kind, options, x, lengths, p)
    if kind == "attention":
        return attention(options, x, lengths, p)
    if kind == "meanOverTime":
        valid = (torch.arange(x.shape[1])[None, :] < lengths[:, None]).double()[:, :, None]
        return (x * valid).sum(1) / lengths[:, None]
    if kind == "groupNorm":
        return F.group_norm(x, options["groups"], p["scale"], p["bias"])
    if kind == "layerNorm":
        return F.layer_norm(x, x.shape[-1:], p["scale"], p["bias"])
    if kind == "batchNorm":
        return F.batch_norm(x, None, None, p["scale"], p["bias"], training=True)
    if kind == "conv":
        if options.get("stride", 1) == 1:
            return F.conv2d(x, p["W"], p["b"], padding="same", dilation=options.get("dilation", 1), groups=options.get("groups", 1))
        # SAME_UPPER: one column of zeros behind, none before, for an even size, a stride of 2 and a kernel of 3.
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), p["W"], p["b"], stride=2)
    if kind == "maxPool":
        return F.max_pool2d(x, 2)
    if kind == "embedding":
        return F.embedding(x.long(), p["W"])
    raise ValueError(f"no layer {kind}")


def main():
    errors = []
    for case in json.load(sys.stdin):
        wanted, found = result(case).detach(), tensor(case["y"])
        assert wanted.shape == found.shape, (case["kind"], wanted.shape, found.shape)
        errors.append(((wanted - found).abs().max() / wanted.abs().max()).item())
    print(json.dumps(errors))


main()

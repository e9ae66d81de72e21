"""Writes test/onnx/fixtures: small networks as PyTorch's exporter writes them, at several opsets.

Run it with a Python that has torch 1.13 (Debian: python3-torch): export-torch.py FOLDER. The files are committed; ONNX Runtime, which
reads them as they came, says what they mean.
"""
import io
import pathlib
import sys

import torch
from torch import nn

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(1)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        hidden = torch.clamp(nn.functional.gelu(self.norm(self.first(x))), -1, 2)
        best, _ = torch.topk(hidden, 4, dim=1)
        return torch.softmax(self.second(hidden), dim=1), best.sum(dim=1, keepdim=True)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.deep = nn.Conv2d(4, 6, 3, stride=2, groups=2)
        self.head = nn.Linear(6 * 4 * 4, 3)

    def forward(self, x):
        y = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        y = nn.functional.interpolate(nn.functional.pad(y, (1, 1, 1, 1)), scale_factor=2)
        y = nn.functional.avg_pool2d(nn.functional.leaky_relu(self.deep(y)), 2)
        return nn.functional.log_softmax(self.head(nn.functional.dropout(y.flatten(1), training=False)), dim=1)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.lstm = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
        self.norm = nn.LayerNorm(10)
        self.head = nn.Linear(10, 2)

    def forward(self, tokens):
        steps, _ = self.lstm(self.embedding(tokens))
        return self.head(self.norm(steps).mean(dim=1))


def export(name, network, example, dynamic, opsets):
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    for opset in opsets:
        buffer = io.BytesIO()
        torch.onnx.export(
            network,
            example,
            buffer,
            opset_version=opset,
            input_names=["x"],
            dynamic_axes={"x": dynamic},
            training=torch.onnx.TrainingMode.EVAL,
        )
        (folder / f"{name}-{opset}.onnx").write_bytes(buffer.getvalue())


opsets = [9, 11, 13, 16, 17]
export("mlp", Mlp(), torch.randn(2, 6), {0: "batch"}, opsets)
export("cnn", Cnn(), torch.randn(2, 1, 14, 14), {0: "batch"}, opsets)
export("lstm", Lstm(), torch.randint(0, 9, (2, 5)), {0: "batch"}, opsets)

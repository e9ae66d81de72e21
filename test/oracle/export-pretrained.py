"""Writes test/nn/fixtures: networks as PyTorch exports them for further training, with batch normalisation and dropout in place.

Run it with a Python that has torch 1.13 and onnx (Debian: python3-torch, python3-onnx): export-pretrained.py FOLDER. The files are
committed. The networks have learnt a little: the dense one which of three sums of inputs is largest, the convolutional one where a
bright bar stands.
"""
import io
import pathlib
import sys

import onnx
import torch
from torch import nn

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(1)


def train(network, make, steps):
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    network.train()
    for _ in range(steps):
        x, y = make(64)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network.logits(x), y).backward()
        optimizer.step()


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.25), nn.Linear(16, 8), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def logits(self, x):
        return self.head(self.features(x))

    def forward(self, x):
        return torch.softmax(self.logits(x), dim=1)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 12, 3, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(48, 4)

    def logits(self, x):
        y = self.features(x)
        return self.head(self.dropout(y.reshape(y.shape[0], 48)))

    def forward(self, x):
        return self.logits(x)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.join = nn.Linear(4, 2)

    def forward(self, a, b):
        return self.join(torch.cat([a, b], dim=1))


def sums(rows):
    x = torch.randn(rows, 6)
    return x, x.reshape(rows, 3, 2).sum(dim=2).argmax(dim=1)


def bars(rows):
    """8 × 8 with one bright bar, upright or flat, in the first or the second half."""
    x = torch.rand(rows, 1, 8, 8) * 0.3
    y = torch.randint(0, 4, (rows,))
    for image, label in zip(x, y):
        at = int(torch.randint(0, 4, ())) + 4 * int(label % 2)
        if label < 2:
            image[0, :, at] += 1
        else:
            image[0, at, :] += 1
    return x, y


def export(name, network, examples, names, dynamic):
    """Batch normalisation as in evaluation, Dropout as an operator that passes its input on."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    buffer = io.BytesIO()
    torch.onnx.export(
        network,
        examples,
        buffer,
        opset_version=13,
        input_names=names,
        output_names=["y"],
        dynamic_axes={key: {0: "batch"} for key in names} if dynamic else None,
        training=torch.onnx.TrainingMode.PRESERVE,
    )
    model = onnx.load_model_from_string(buffer.getvalue())
    for node in model.graph.node:
        if node.op_type == "Dropout":
            del node.input[2:]
    onnx.checker.check_model(model)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


mlp = Mlp()
train(mlp, sums, 300)
export("mlp", mlp, torch.randn(2, 6), ["x"], True)
cnn = Cnn()
train(cnn, bars, 300)
# As many files come: made for one image at a time.
export("cnn", cnn, bars(1)[0], ["image"], False)
export("two-inputs", Two(), (torch.randn(2, 2), torch.randn(2, 2)), ["a", "b"], True)

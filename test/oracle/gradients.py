"""Writes test/oracle/fixtures: outputs and gradients of every operator as PyTorch computes them in float64.

Run it with a Python that has torch 1.13 (Debian: python3-torch): gradients.py FOLDER. The table of operators is in operators/, a file a
family; each family makes one file of JSON lines, a case a line:

    {"op", "attributes", "inputs": [{"dtype", "shape", "data", "constant"?} or null],
     "outputs": [{"dtype", "shape", "data"} or null], "gradients": [numbers or null], "tolerance"?}

Gradients are those of Σ w·y over all floats among the outputs given; element i of output k has weight
(31·i² + 57·i + 101·k + 17 mod 257 - 128)/64. Where a gradient is null none was asked for.
"""
import importlib
import json
import pathlib
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
families = ["elementwise", "linear", "movement", "windows", "normalization", "sampling", "recurrent"]


def weights(k, like):
    i = torch.arange(like.numel())
    w = ((31 * i * i + 57 * i + 101 * k + 17) % 257 - 128) / 64.0
    return w.to(torch.float64).reshape(like.shape)


def tensor_of(given):
    if given is None:
        return None
    made = torch.tensor(given.data, dtype=getattr(torch, given.dtype))
    return made.requires_grad_(given.dtype == "float64" and given.gradient)


def numbers(tensor):
    """Floats as the shortest text that gives them back; -0 as 0."""
    flat = tensor.detach().reshape(-1)
    return [x + 0.0 for x in flat.tolist()] if flat.is_floating_point() else [int(x) for x in flat.tolist()]


def described(tensor):
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "data": numbers(tensor)}


def record(name, made):
    inputs = [tensor_of(each) for each in made.inputs]
    outputs = made.function(*inputs)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    floats = [(k, y) for k, y in enumerate(outputs) if y.is_floating_point()]
    total = sum((weights(k, y) * y).sum() for k, y in floats)
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    found = iter(torch.autograd.grad(total, wanted) if wanted else [])
    gradients = []
    for x in inputs:
        if x is None or not x.requires_grad:
            gradients.append(None)
            continue
        gradients.append(numbers(next(found)))
        assert np.isfinite(gradients[-1]).all(), (name, made.attributes, gradients[-1])
    line = {"op": name}
    if made.attributes:
        line["attributes"] = made.attributes
    line["inputs"] = [
        None if x is None else {**described(x), **({"constant": True} if each.constant else {})} for each, x in zip(made.inputs, inputs)
    ]
    line["outputs"] = [described(y) for y in outputs]
    line["gradients"] = gradients
    if made.tolerance:
        line["tolerance"] = made.tolerance
    return json.dumps(line, separators=(",", ":"))


def main(folder):
    from operators.table import Random, table

    torch.set_num_threads(1)
    torch.manual_seed(1)
    for family in families:
        before = set(table)
        importlib.import_module(f"operators.{family}")
        lines = [record(name, made) for name in table if name not in before for made in table[name](Random(name))]
        (folder / f"{family}.jsonl").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

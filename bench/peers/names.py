"""A GRU over letters in PyTorch: the peer of the names benchmark. One JSON object a line in, one out.

fit {file, seed, units, epochs, batch, learningRate} -> {"error_rate": e}
The file holds tokens, time, x [rows·time], lengths, y, and the row numbers of train, validation and test. Kept are the weights of the
epoch with the lowest validation loss; the error is of the test rows.
"""

import copy
import json
import sys

import torch
from torch import nn
from torch.nn import functional as F


class Names(nn.Module):
    def __init__(self, tokens, units):
        super().__init__()
        self.embedding = nn.Embedding(tokens, units)
        self.gru = nn.GRU(units, units, batch_first=True)
        self.out = nn.Linear(units, 1)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        return self.out(self.gru(packed)[1][0])[:, 0]


def fit(request):
    with open(request["file"]) as file:
        data = json.load(file)
    torch.manual_seed(request["seed"])
    x = torch.tensor(data["x"]).long().reshape(-1, data["time"])
    lengths, y = torch.tensor(data["lengths"]), torch.tensor(data["y"]).float()
    rows = {name: torch.tensor(data[name]) for name in ("train", "validation", "test")}
    model = Names(data["tokens"], request["units"])
    optimizer = torch.optim.Adam(model.parameters(), lr=request["learningRate"])
    best, kept = float("inf"), None
    for _ in range(request["epochs"]):
        for batch in rows["train"][torch.randperm(len(rows["train"]))].split(request["batch"]):
            optimizer.zero_grad(set_to_none=True)
            F.binary_cross_entropy_with_logits(model(x[batch], lengths[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            part = rows["validation"]
            loss = F.binary_cross_entropy_with_logits(model(x[part], lengths[part]), y[part]).item()
        if loss < best:
            best, kept = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    with torch.no_grad():
        part = rows["test"]
        wrong = ((model(x[part], lengths[part]) > 0) != (y[part] > 0.5)).sum().item()
    return {"error_rate": wrong / len(part)}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["cmd"] != "fit":
            break
        try:
            reply = fit(request)
        except Exception as error:  # The driver shows it.
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

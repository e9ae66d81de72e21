"""PyTorch's gradient check of a dense network in float64: one JSON line in, one out. {"mode": "slow" | "fast", "threads": n, …}"""

import json
import sys
import time

import torch


def network(request):
    torch.manual_seed(1)
    sizes = request["sizes"]
    parameters = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        parameters.append((torch.randn(outputs, inputs, dtype=torch.float64) / inputs**0.5).requires_grad_())
        parameters.append(torch.zeros(outputs, dtype=torch.float64).requires_grad_())
    x = torch.rand(request["examples"], sizes[0], dtype=torch.float64)
    y = torch.arange(request["examples"]) % sizes[-1]

    def loss(*values):
        h = x
        for layer in range(0, len(values), 2):
            h = torch.nn.functional.linear(h, values[layer], values[layer + 1])
            if layer + 2 < len(values):
                h = torch.tanh(h)
        return torch.nn.functional.cross_entropy(h, y)

    return loss, parameters


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("cmd") == "quit":
            break
        try:
            torch.set_num_threads(request["threads"])
            loss, parameters = network(request)
            start = time.perf_counter()
            passed = torch.autograd.gradcheck(loss, parameters, eps=1e-5, fast_mode=request["mode"] == "fast")
            reply = {
                "seconds": time.perf_counter() - start,
                "passed": passed,
                "parameters": sum(p.numel() for p in parameters),
                "version": torch.__version__,
            }
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

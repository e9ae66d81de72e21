"""PyTorch's gradient check in float64: one JSON line in, one out. {"network": "dense" | "cnn", "mode": "full" | "fast", "examples": n, "threads": n}"""

import json
import sys
import time

import torch


def dense(count):
    sizes = [784, 120, 40, 10]
    parameters = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        parameters += [torch.randn(outputs, inputs) / inputs**0.5, torch.zeros(outputs)]

    def logits(x, *values):
        for layer in range(0, len(values), 2):
            x = torch.nn.functional.linear(x, values[layer], values[layer + 1])
            if layer + 2 < len(values):
                x = torch.tanh(x)
        return x

    return logits, parameters, torch.rand(count, sizes[0])


def cnn(count):
    def weights(*shape):
        inputs = torch.Size(shape[1:]).numel()
        return [torch.randn(*shape) * (2 / inputs) ** 0.5, torch.zeros(shape[0])]

    def logits(x, w1, b1, w2, b2, w3, b3, w4, b4):
        for w, b in ((w1, b1), (w2, b2)):
            x = torch.nn.functional.max_pool2d(torch.relu(torch.nn.functional.conv2d(x, w, b, padding=1)), 2)
        x = torch.relu(torch.nn.functional.linear(x.flatten(1), w3, b3))
        return torch.nn.functional.linear(x, w4, b4)

    parameters = [*weights(8, 1, 3, 3), *weights(16, 8, 3, 3), *weights(24, 784), *weights(10, 24)]
    return logits, parameters, torch.rand(count, 1, 28, 28)


def network(request):
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    logits, parameters, x = {"dense": dense, "cnn": cnn}[request["network"]](request["examples"])
    y = torch.arange(request["examples"]) % 10
    return lambda *values: torch.nn.functional.cross_entropy(logits(x, *values), y), [p.requires_grad_() for p in parameters]


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("cmd") == "quit":
            break
        try:
            if "threads" in request:
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

"""Normalizations, losses, dropout."""
import torch
import torch.nn.functional as F

from .table import case, given, operator


def statistics(x, axes, eps):
    mean = x.mean(axes, keepdim=True)
    return mean, (x.var(axes, unbiased=False, keepdim=True) + eps).rsqrt()


@operator("BatchNormalization")
def batch_norm(random):
    for rank in (2, 3, 4, 5):
        shape = random.shape(rank, 2, 3)
        vectors = lambda: [random.floats([shape[1]]) for _ in range(2)]
        mean, variance = random.floats([shape[1]]), random.floats([shape[1]], 0.5, 2)
        eps = random.choice([1e-5, 0.01])
        fixed = [each._replace(gradient=False) for each in (mean, variance)]
        f = lambda x, s, b, m, v, eps=eps: F.batch_norm(x, m, v, s, b, eps=eps)
        yield case([random.floats(shape), *vectors(), *fixed], f, epsilon=eps)

        # PyTorch has no gradient to given statistics: the same, written out.
        def written(x, s, b, m, v, eps=eps):
            s, b, m, v = [vector.reshape([1, -1] + [1] * (x.dim() - 2)) for vector in (s, b, m, v)]
            return s * (x - m) / (v + eps).sqrt() + b

        yield case([random.floats(shape), *vectors(), mean, variance], written, epsilon=eps)

        # In training: the running statistics are no part of PyTorch's graph, and its variance is of n - 1.
        for momentum in (0.9, 0.25, 0):

            def training(x, s, b, m, v, eps=eps, momentum=momentum):
                axes = [axis for axis in range(x.dim()) if axis != 1]
                y = F.batch_norm(x, None, None, s, b, training=True, eps=eps)
                running = lambda old, new: momentum * old + (1 - momentum) * new
                return y, running(m, x.mean(axes)), running(v, x.var(axes, unbiased=False))

            inputs = [random.floats(shape), *vectors(), mean, variance]
            yield case(inputs, training, epsilon=eps, momentum=momentum, training_mode=1)


@operator("LayerNormalization")
def layer_norm(random):
    for rank in (2, 3, 4):
        for axis in (-1, 1, 0):
            shape = random.shape(rank, 2, 3)
            inner = shape[axis:]
            eps = random.choice([1e-5, 0.01])
            f = lambda x, s, b=None, n=inner, eps=eps: F.layer_norm(x, n, s, b, eps)
            parameters = [random.floats(inner) for _ in range(random.integer(1, 2))]
            yield case([random.floats(shape), *parameters], f, axis=axis, epsilon=eps)
            if rank < 4:

                def outputs(x, s, b, n=inner, eps=eps):
                    mean, inverse = statistics(x, list(range(x.dim() - len(n), x.dim())), eps)
                    return F.layer_norm(x, n, s, b, eps), mean, inverse

                inputs = [random.floats(shape), random.floats(inner), random.floats(inner)]
                yield case(inputs, outputs, axis=axis, epsilon=eps, stash_type="float64")
    inputs = [random.floats([2, 3, 4]), random.floats([3, 1]), random.floats([])]
    yield case(inputs, lambda x, s, b: F.layer_norm(x, [3, 4]) * s + b, axis=1)


@operator("InstanceNormalization")
def instance_norm(random):
    for rank in (3, 4, 5):
        for eps in (1e-5, 0.02):
            shape = random.shape(rank, 2, 3)
            inputs = [random.floats(shape), random.floats([shape[1]]), random.floats([shape[1]])]
            yield case(inputs, lambda x, s, b, eps=eps: F.instance_norm(x, None, None, s, b, eps=eps), epsilon=eps)


@operator("MeanVarianceNormalization")
def mean_variance(random):
    def f(x, axes=(0, 2, 3)):
        mean = x.mean(axes, keepdim=True)
        return (x - mean) / (x.var(axes, unbiased=False, keepdim=True).sqrt() + 1e-9)

    yield case([random.floats(random.shape(4, 2, 3))], f)
    for rank in (2, 3):
        axes = random.axes(rank)
        yield case([random.floats(random.shape(rank, 2))], lambda x, axes=axes: f(x, axes), axes=axes)


@operator("LpNormalization")
def normalize(random):
    for p in (1, 2):
        for rank in (1, 2, 3):
            axis = random.axes(rank, 1)[0]
            f = lambda x, p=p, axis=axis: F.normalize(x, p, axis, eps=0)
            yield case([random.signed(random.shape(rank, 2))], f, p=p, axis=axis)


@operator("LRN")
def local_response(random):
    for size in (1, 2, 3, 4, 5):
        for rank in (3, 4):
            shape = [random.integer(1, 2), random.integer(3, 6), *random.shape(rank - 2, 1, 2)]
            alpha, beta, k = random.choice([0.5, 1.5]), random.choice([0.5, 0.75]), random.choice([1, 2])

            # Of an even number PyTorch takes the odd one before the channel, ONNX after it.
            def f(x, size=size, alpha=alpha, beta=beta, k=k):
                return F.local_response_norm(x.flip(1), size, alpha, beta, k).flip(1)

            yield case([random.floats(shape)], f, size=size, alpha=alpha, beta=beta, bias=k)


def written_loss(log_probabilities, labels, weights, ignore, reduction):
    """The loss with a gradient to the weights, which PyTorch's does not have."""
    safe = labels.long().clone()
    counts = torch.ones_like(safe, dtype=torch.bool) if ignore is None else safe != ignore
    safe[~counts] = 0
    weight = torch.where(counts, weights[safe], torch.zeros((), dtype=weights.dtype))
    each = -weight * log_probabilities.gather(1, safe.unsqueeze(1)).squeeze(1)
    return each if reduction == "none" else each.sum() if reduction == "sum" else each.sum() / weight.sum()


def losses(name, logs, function):
    @operator(name)
    def _(random):
        for i, reduction in enumerate(["none", "sum", "mean", "mean"]):
            for rank in (0, 1, 2):
                for weighted in (False, True):
                    batch, classes, *rest = random.integer(1, 3), random.integer(2, 4), *random.shape(rank, 1, 3)
                    labels = random.integers([batch, *rest], 0, classes - 1, random.choice(["int64", "int32"]))
                    ignore = [None, 1, -1, 0][i]
                    if ignore is not None:
                        labels.data[random.integer(0, batch - 1)] = ignore
                        # One counts at least: a mean over none is NaN.
                        labels.data.reshape(-1)[-1] = classes - 1 if ignore != classes - 1 else 0
                    inputs = [random.floats([batch, classes, *rest]), labels]
                    if weighted:
                        inputs.append(random.floats([classes], 0.5, 2))

                    def f(x, labels, weights=None, reduction=reduction, ignore=ignore):
                        kept = None if weights is None else weights.detach()
                        how = {"ignore_index": -100 if ignore is None else ignore, "reduction": reduction}
                        loss = function(x, labels.long(), kept, **how)
                        if weights is not None:
                            own = written_loss(logs(x), labels, weights, ignore, reduction)
                            assert torch.allclose(loss, own, 1e-12, 1e-12)
                            loss = own
                        return loss if name == "NegativeLogLikelihoodLoss" else (loss, logs(x))

                    yield case(inputs, f, reduction=reduction, **({} if ignore is None else {"ignore_index": ignore}))


losses("NegativeLogLikelihoodLoss", lambda x: x, F.nll_loss)
losses("SoftmaxCrossEntropyLoss", lambda x: F.log_softmax(x, 1), F.cross_entropy)


@operator("Dropout")
def dropout(random):
    """Two generators never draw the same: what is left is to keep everything."""
    kept = lambda p, training: lambda x, *_: F.dropout(x, p, training)
    yield case([random.floats([2, 3])], kept(0.5, False))
    inputs = [random.floats([4]), given(0.3, constant=True, gradient=False), given(False, "bool")]
    yield case(inputs, kept(0.3, False))
    inputs = [random.floats([2, 2]), given(0, constant=True, gradient=False), given(True, "bool")]
    yield case(inputs, kept(0, True), seed=1)

"""Operators on [batch, channels, spatial…]: convolutions, pools, and their geometry."""
import math

import torch
import torch.nn.functional as F

from .table import case, given, ints, operator

conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
conv_transpose = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
max_pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
avg_pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
max_unpool = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
adaptive_avg = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
adaptive_max = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


def around(x, pads, value=0.0):
    """Pads as ONNX counts them, all starts and then all ends; negative ones crop."""
    rank = len(pads) // 2
    return F.pad(x, [pad for axis in reversed(range(rank)) for pad in (pads[axis], pads[axis + rank])], value=value)


def same_pads(sizes, kernel, strides, dilations, upper):
    """What auto_pad SAME means: as many windows as sizes / strides, rounded up; the odd pad at the end for SAME_UPPER."""
    totals = [
        max((math.ceil(size / stride) - 1) * stride + dilation * (k - 1) + 1 - size, 0)
        for size, k, stride, dilation in zip(sizes, kernel, strides, dilations)
    ]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return small + large if upper else large + small


def windows(random, rank):
    kernel, strides, dilations = random.shape(rank, 1, 3), random.shape(rank, 1, 3), random.shape(rank, 1, 2)
    pads = [random.integer(0, k - 1) for k in kernel * 2]
    return kernel, strides, dilations, pads


def room(random, kernel, dilations, more=3):
    """Sizes that a window fits into."""
    return [d * (k - 1) + 1 + random.integer(0, more) for k, d in zip(kernel, dilations)]


@operator("Conv")
def convolution(random):
    for rank, times in ((1, 5), (2, 7), (3, 3)):
        for i in range(times):
            kernel, strides, dilations, pads = windows(random, rank)
            group, width, features, batch = random.integer(1, 3), random.integer(1, 3), random.integer(1, 2), random.integer(1, 2)
            group = group if i % 2 else 1
            sizes = room(random, kernel, dilations, 3 if rank < 3 else 2)
            inputs = [random.floats([batch, group * width, *sizes]), random.floats([group * features, width, *kernel])]
            if i % 3:
                inputs.append(random.floats([group * features]))
            auto = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"][i % 4] if i > 2 else "NOTSET"
            if auto.startswith("SAME"):
                pads = same_pads(sizes, kernel, strides, dilations, auto == "SAME_UPPER")
            elif auto == "VALID":
                pads = [0] * 2 * rank
            f = lambda x, w, b=None, p=pads, s=strides, d=dilations, g=group, r=rank: conv[r](around(x, p), w, b, s, 0, d, g)
            how = {"auto_pad": auto} if auto != "NOTSET" else {"pads": pads}
            yield case(inputs, f, strides=strides, dilations=dilations, group=group, **how)
    # More channels and features than elsewhere; PyTorch's own padding.
    inputs = [random.floats([2, 9, 4]), random.floats([5, 9, 2])]
    yield case(inputs, lambda x, w: F.conv1d(x, w, padding=1), pads=[1, 1])
    inputs = [random.floats([2, 2, 5, 4]), random.floats([3, 2, 3, 3]), random.floats([3])]
    yield case(inputs, lambda x, w, b: F.conv2d(x, w, b, padding="same", dilation=(1, 2)), auto_pad="SAME_UPPER", dilations=[1, 2])


@operator("ConvTranspose")
def transposed(random):
    for rank, times in ((1, 6), (2, 8), (3, 3)):
        for i in range(times):
            kernel, strides, dilations, pads = windows(random, rank)
            group, width, features, batch = random.integer(1, 3), random.integer(1, 2), random.integer(1, 2), random.integer(1, 2)
            group = group if i % 2 else 1
            sizes = random.shape(rank, 2, 4 if rank < 3 else 3)
            extra = [random.integer(0, max(s, d) - 1) for s, d in zip(strides, dilations)]
            inputs = [random.floats([batch, group * width, *sizes]), random.floats([group * width, features, *kernel])]
            if i % 3:
                inputs.append(random.floats([group * features]))
            how = {"strides": strides, "dilations": dilations, "group": group}
            if i % 4 == 3:
                # output_shape decides the pads: what is too much, the odd one at the start.
                extra = [0] * rank
                full = [s * (n - 1) + d * (k - 1) + 1 for s, n, d, k in zip(strides, sizes, dilations, kernel)]
                named = [random.integer(max(1, n - 2), n) for n in full]
                totals = [n - m for n, m in zip(full, named)]
                pads = [total - total // 2 for total in totals] + [total // 2 for total in totals]
                how["output_shape"] = named
            else:
                how.update(pads=pads, output_padding=extra)

            def f(x, w, b=None, p=pads, s=strides, d=dilations, g=group, e=extra, r=rank):
                return around(conv_transpose[r](x, w, b, s, 0, e, g, d), [-pad for pad in p])

            full = [s * (n - 1) + d * (k - 1) + 1 + e for s, n, d, k, e in zip(strides, sizes, dilations, kernel, extra)]
            if all(n - p - q > 0 for n, p, q in zip(full, pads, pads[rank:])):
                yield case(inputs, f, **how)
    inputs = [random.floats([2, 2, 3, 4]), random.floats([2, 2, 3, 3]), random.floats([2])]
    f = lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(2, 1), padding=1, output_padding=(1, 0))
    yield case(inputs, f, strides=[2, 1], pads=[1, 1, 1, 1], output_padding=[1, 0])


def symmetrical(random, kernel):
    """Pads as PyTorch's pools take them: half a window at most, the same on both sides."""
    return [random.integer(0, k // 2) for k in kernel]


@operator("MaxPool")
def maximum(random):
    for rank, times in ((1, 3), (2, 5), (3, 2)):
        for i in range(times):
            kernel, strides, dilations, pads = windows(random, rank)
            sizes = room(random, kernel, dilations)
            # Integers have ties: the first of a window gets the gradient.
            shape = [random.integer(1, 2), random.integer(1, 2), *sizes]
            x = random.floats(shape, -2, 2, decimals=0) if i == 1 else random.distinct(shape)
            both, ceil = symmetrical(random, kernel), i % 2

            def own(x, k=kernel, s=strides, p=both, d=dilations, c=bool(ceil), r=rank):
                y, at = max_pool[r](x, k, s, p, d, c, True)
                planes = torch.arange(x.shape[0] * x.shape[1]).reshape([*x.shape[:2], *[1] * r])
                return y, at + planes * math.prod(x.shape[2:])

            how = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
            yield case([x], own, pads=both * 2, ceil_mode=ceil, **how)
            f = lambda x, k=kernel, s=strides, p=pads, d=dilations, r=rank: max_pool[r](around(x, p, -math.inf), k, s, 0, d)
            yield case([x], f, pads=pads, **how)
    for upper in (False, True):
        pads = same_pads([5, 6], [3, 4], [2, 3], [1, 1], upper)
        f = lambda x, p=pads: F.max_pool2d(around(x, p, -math.inf), (3, 4), (2, 3))
        auto = "SAME_UPPER" if upper else "SAME_LOWER"
        yield case([random.distinct([1, 2, 5, 6])], f, kernel_shape=[3, 4], strides=[2, 3], auto_pad=auto)


@operator("AveragePool")
def average(random):
    for rank, times in ((1, 3), (2, 4), (3, 2)):
        for i in range(times):
            kernel, strides, _, pads = windows(random, rank)
            sizes = room(random, kernel, [1] * rank)
            shape = [random.integer(1, 2), random.integer(1, 2), *sizes]
            both, ceil, include = symmetrical(random, kernel), i % 2, random.integer(0, 1)
            f = lambda x, k=kernel, s=strides, p=both, c=bool(ceil), n=bool(include), r=rank: avg_pool[r](x, k, s, p, c, n)
            how = {"kernel_shape": kernel, "strides": strides}
            yield case([random.floats(shape)], f, pads=both * 2, ceil_mode=ceil, count_include_pad=include, **how)

            def shares(x, k=kernel, s=strides, p=pads, n=bool(include), r=rank):
                mean = avg_pool[r](around(x, p), k, s)
                return mean if n else mean / avg_pool[r](around(torch.ones_like(x), p), k, s)

            yield case([random.floats(shape)], shares, pads=pads, count_include_pad=include, **how)


@operator("LpPool")
def norms(random):
    """Zeros around add nothing to a norm. PyTorch leaves out the absolute value, which odd powers need."""
    for p in (1, 2, 3, 4):
        for rank in (1, 2):
            kernel, strides, _, pads = windows(random, rank)
            shape = [random.integer(1, 2), random.integer(1, 2), *room(random, kernel, [1] * rank)]
            pool = F.lp_pool1d if rank == 1 else F.lp_pool2d

            def f(x, k=kernel, s=strides, pads=pads, p=p, pool=pool, rank=rank):
                k, s = (k[0], s[0]) if rank == 1 else (tuple(k), tuple(s))
                return pool(around(x.abs() if p % 2 else x, pads), p, k, s)

            yield case([random.signed(shape)], f, p=p, kernel_shape=kernel, strides=strides, pads=pads)


def global_pool(name, function, distinct=False):
    @operator(name)
    def _(random):
        for rank in (1, 2, 3):
            shape = random.shape(rank + 2, 1, 3)
            x = random.distinct(shape) if distinct else random.floats(shape)
            yield case([x], lambda x, rank=rank: function(x, rank))
        yield case([random.floats([2, 2, 3, 3], -1, 1, decimals=0)], lambda x: function(x, 2))


global_pool("GlobalAveragePool", lambda x, rank: adaptive_avg[rank](x, 1))
global_pool("GlobalMaxPool", lambda x, rank: adaptive_max[rank](x, 1), distinct=True)


@operator("GlobalLpPool")
def global_norm(random):
    for p in (1, 2, 3):
        for rank in (1, 2):
            axes = tuple(range(2, rank + 2))
            f = lambda x, p=p, axes=axes: torch.linalg.vector_norm(x, p, axes, keepdim=True)
            yield case([random.signed(random.shape(rank + 2, 1, 3))], f, p=p)


@operator("MaxUnpool")
def unpool(random):
    for rank in (1, 2, 3):
        kernel = random.shape(rank, 2, 3)
        batch, channels = random.integer(1, 2), random.integer(1, 2)
        sizes = [k * random.integer(1, 2 if rank == 3 else 3) for k in kernel]
        x = torch.tensor(random.distinct([batch, channels, *sizes]).data)
        y, at = max_pool[rank](x, kernel, kernel, return_indices=True)
        plane = math.prod(sizes)
        first = (torch.arange(batch * channels) * plane).reshape([batch, channels, *[1] * rank])

        def f(x, at, *_, k=kernel, r=rank, plane=plane):
            return max_unpool[r](x, at % plane, k, k)

        inputs = [random.floats(y.shape), given((at + first).numpy(), "int64")]
        yield case(inputs, f, kernel_shape=kernel, strides=kernel)
        # A larger shape: the rest is 0.
        larger = [batch, channels, *[size + 1 for size in sizes]]
        more = lambda x, at, _, f=f, r=rank: F.pad(f(x, at), [0, 1] * r)
        yield case([*inputs, ints(*larger)], more, kernel_shape=kernel, strides=kernel)

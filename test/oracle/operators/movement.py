"""Operators that rearrange, cut, join, repeat, read and write elements."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from .table import Input, case, given, ints, operator, scalar


@operator("Reshape")
def reshape(random):
    yield case([random.floats([2, 6]), ints(3, -1)], lambda x, _: x.reshape(3, -1))
    yield case([random.floats([2, 3, 4]), ints(0, -1, 2)], lambda x, _: x.reshape(2, -1, 2))
    yield case([random.floats([1, 1]), ints()], lambda x, _: x.reshape(()))


@operator("Transpose")
def transpose(random):
    for rank in (1, 2, 3, 4, 5):
        perm = random.permutation(rank)
        yield case([random.floats(random.shape(rank, 1, 3))], lambda x, perm=perm: x.permute(perm), perm=perm)
    yield case([random.floats([2, 3, 4])], lambda x: x.permute(2, 1, 0))


@operator("Squeeze")
def squeeze(random):
    yield case([random.floats([2, 1, 3, 1]), ints(-1)], lambda x, _: x.squeeze(-1))
    yield case([random.floats([1, 2, 1]), ints(0, 2)], lambda x, _: x.squeeze())
    yield case([random.floats([1, 3, 1, 2])], torch.squeeze)


@operator("Unsqueeze")
def unsqueeze(random):
    for axis in (0, 1, -1, -3):
        yield case([random.floats(random.shape(2, 2)), ints(axis)], lambda x, _, axis=axis: x.unsqueeze(axis))


@operator("Expand")
def expand(random):
    for rank in (1, 2, 3):
        shape = random.shape(rank + 1)
        from_shape = random.broadcastable(shape)
        yield case([random.floats(from_shape), ints(*shape)], lambda x, _, shape=shape: x.expand(shape))
    yield case([random.floats([3, 1]), ints(4)], lambda x, _: x.expand(3, 4))


@operator("Flatten")
def flatten(random):
    for axis in (0, 1, 2, -1):
        x = random.floats(random.shape(3, 2))
        rows = math.prod(x.data.shape[: axis if axis >= 0 else axis + 3])
        yield case([x], lambda x, rows=rows: x.reshape(rows, -1), axis=axis)


@operator("Concat")
def concat(random):
    for count in (1, 2, 3, 4):
        rank = random.integer(1, 4)
        shape, axis = random.shape(rank), random.axes(rank, 1)[0]
        shapes = [[random.integer(1, 3) if i == axis % rank else size for i, size in enumerate(shape)] for _ in range(count)]
        yield case([random.floats(each) for each in shapes], lambda *xs, axis=axis: torch.cat(xs, axis), axis=axis)


@operator("Split")
def split(random):
    for count in (1, 2, 3, 4):
        rank = random.integer(1, 4)
        shape, axis = random.shape(rank), random.axes(rank, 1)[0]
        sizes = [random.integer(0 if i == 1 else 1, 3) for i in range(count)]
        shape[axis] = sum(sizes)
        f = lambda x, _, sizes=sizes, axis=axis: tuple(part.clone() for part in x.split(sizes, axis))
        yield case([random.floats(shape), ints(*sizes)], f, axis=axis)


@operator("Slice")
def cut(random):
    for steps in ([1], [1, 1], [2], [-1], [-2, 1], [3, -3, 2]):
        rank = random.integer(len(steps), 4)
        shape, axes = random.shape(rank, 3, 6), random.axes(rank, len(steps))
        starts, ends = [], []
        for step in steps:
            starts.append(random.integer(0, 2) if step > 0 else random.choice([-1, -2, 100]))
            ends.append(random.choice([100, -1, 3]) if step > 0 else -100)

        def f(x, *_, starts=starts, ends=ends, axes=axes, steps=steps):
            for start, end, axis, step in zip(starts, ends, axes, steps):
                kept = range(x.shape[axis])[start:end:step]
                x = x.index_select(axis, torch.tensor(list(kept), dtype=torch.int64))
            return x

        yield case([random.floats(shape), *(ints(*v) for v in (starts, ends, axes, steps))], f)


def pad_function(pads, mode, rank):
    # PyTorch counts from the last axis on.
    pairs = [pad for axis in reversed(range(rank)) for pad in (pads[axis], pads[axis + rank])]
    if mode == "constant":

        def constant(x, _, fill=None):
            inside = F.pad(x, pairs)
            return inside if fill is None else inside + (1 - F.pad(torch.ones_like(x), pairs)) * fill

        return constant
    # These take axes behind a batch and channels.
    return lambda x, _: F.pad(x[None, None], pairs, "replicate" if mode == "edge" else "reflect")[0, 0]


@operator("Pad")
def pad(random):
    for rank in (1, 2, 3, 4):
        shape = random.shape(rank, 3, 4)
        for fill in (False, True):
            pads = [random.integer(-1, 3) for _ in range(2 * rank)]
            inputs = [random.floats(shape), ints(*pads), *([random.floats([])] if fill else [])]
            yield case(inputs, pad_function(pads, "constant", rank))
    for mode in ("edge", "reflect"):
        for rank in (1, 2, 3):
            shape = random.shape(rank, 3, 4)
            pads = [random.integer(0, 2) for _ in range(2 * rank)]
            yield case([random.floats(shape), ints(*pads)], pad_function(pads, mode, rank), mode=mode)


@operator("Tile")
def tile(random):
    for rank in (1, 2, 3, 4):
        repeats = [random.integer(1, 3) for _ in range(rank)]
        shape = random.shape(rank, 1, 3)
        yield case([random.floats(shape), ints(*repeats)], lambda x, _, repeats=repeats: x.repeat(repeats))


def swapped(x, blocks):
    """Channels (a, b) as (b, a), for `blocks` of a."""
    n, c, h, w = x.shape
    return x.reshape(n, blocks, c // blocks, h, w).transpose(1, 2).reshape(n, c, h, w)


@operator("DepthToSpace")
def depth_to_space(random):
    for size in (1, 2, 3):
        n, c, h, w = random.shape(4, 1, 2)
        shape = [n, c * size * size, h, w]
        yield case([random.floats(shape)], lambda x, s=size: F.pixel_shuffle(x, s), blocksize=size, mode="CRD")
        yield case([random.floats(shape)], lambda x, s=size: F.pixel_shuffle(swapped(x, s * s), s), blocksize=size, mode="DCR")


@operator("SpaceToDepth")
def space_to_depth(random):
    for size in (1, 2, 3):
        n, c, h, w = random.shape(4, 1, 2)
        shape = [n, c, h * size, w * size]
        yield case([random.floats(shape)], lambda x, s=size: swapped(F.pixel_unshuffle(x, s), x.shape[1]), blocksize=size)


@operator("Gather")
def gather(random):
    for rank in (1, 2, 3, 4):
        shape, axis = random.shape(rank), random.axes(rank, 1)[0]
        size = shape[axis]
        at = random.integers(random.shape(random.integer(0, 2)), -size, size - 1)

        def f(x, at, axis=axis % rank, size=size):
            flat = x.index_select(axis, (at % size).reshape(-1))
            return flat.reshape([*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]])

        yield case([random.floats(shape), at], f, axis=axis)


def positions(random, shape, axis, unique=False, dtype="int64"):
    """Indices along an axis, no more than the data has along the others."""
    sizes = [random.integer(1, size) for size in shape]
    size = shape[axis]
    if not unique:
        sizes[axis] = random.integer(1, 5)
        return random.integers(sizes, -size, size - 1, dtype)
    lanes = np.argsort(random.floats([*sizes[:axis], size, *sizes[axis + 1 :]], 0, 1, decimals=12).data, axis)
    data = np.take(lanes, range(sizes[axis]), axis)
    return Input(data - size * random.integers(data.shape, 0, 1).data, "int64")


@operator("GatherElements")
def gather_elements(random):
    for rank in (1, 2, 3, 4):
        shape, axis = random.shape(rank, 2), random.integer(0, rank - 1)
        at = positions(random, shape, axis, dtype=random.choice(["int32", "int64"]))
        f = lambda x, at, axis=axis, size=shape[axis]: torch.gather(x, axis, at.long() % size)
        yield case([random.floats(shape), at], f, axis=random.choice([axis, axis - rank]))


@operator("ScatterElements")
def scatter_elements(random):
    for reduction in ("none", "add"):
        for rank in (1, 2, 3, 4):
            shape, axis = random.shape(rank, 2), random.integer(0, rank - 1)
            at = positions(random, shape, axis, unique=reduction == "none")

            def f(x, at, updates, axis=axis, size=shape[axis], add=reduction == "add"):
                return (x.scatter_add if add else x.scatter)(axis, at % size, updates)

            inputs = [random.floats(shape), at, random.floats(at.data.shape)]
            yield case(inputs, f, axis=random.choice([axis, axis - rank]), reduction=reduction)


def coordinates(random, shape, sizes, depth):
    """Rows of `depth` coordinates into the first axes."""
    columns = [random.integers(sizes, -shape[i], shape[i] - 1).data for i in range(depth)]
    return Input(np.stack(columns, -1), "int64")


@operator("GatherND")
def gather_nd(random):
    for depth in (1, 2, 3):
        shape = random.shape(3, 2)
        at = coordinates(random, shape, random.shape(random.integer(1, 2)), depth)
        yield case([random.floats(shape), at], lambda x, at: x[tuple(at.unbind(-1))])
    for depth in (1, 2):
        shape = random.shape(4, 2, 3)
        at = coordinates(random, shape[1:], [shape[0], 2], depth)
        f = lambda x, at: torch.stack([row[tuple(place.unbind(-1))] for row, place in zip(x, at)])
        yield case([random.floats(shape), at], f, batch_dims=1)


@operator("ScatterND")
def scatter_nd(random):
    for depth in (1, 2, 3):
        shape = random.shape(3, 2)
        at = coordinates(random, shape, [3], depth)
        updates = random.floats([3, *shape[depth:]])
        f = lambda x, at, updates: x.index_put(tuple(at.unbind(-1)), updates, accumulate=True)
        yield case([random.floats(shape), at, updates], f, reduction="add")
        # Written once at most: of equal coordinates the last would stay.
        places = random.permutation(math.prod(shape[:depth]))[:2]
        at = given([list(map(int, np.unravel_index(place, shape[:depth]))) for place in places], "int64")
        f = lambda x, at, updates: x.index_put(tuple(at.unbind(-1)), updates)
        yield case([random.floats(shape), at, random.floats([2, *shape[depth:]])], f)


@operator("OneHot")
def one_hot(random):
    for rank in (0, 1, 2):
        depth, axis = random.integer(2, 4), random.integer(0, rank)

        def f(at, _, values, depth=depth, axis=axis):
            hot = F.one_hot(at % depth, depth).movedim(-1, axis)
            return values[0] + hot * (values[1] - values[0])

        at = random.integers(random.shape(rank), -depth, depth - 1)
        yield case([at, scalar(depth), random.floats([2])], f, axis=random.choice([axis, axis - rank - 1]))


@operator("TopK")
def topk(random):
    for largest in (0, 1):
        for rank in (1, 2, 3):
            shape, axis = random.shape(rank, 2, 5), random.axes(rank, 1)[0]
            k = random.integer(1, shape[axis])
            f = lambda x, _, k=k, axis=axis, largest=largest: tuple(torch.topk(x, k, axis, bool(largest)))
            yield case([random.distinct(shape), ints(k)], f, axis=axis, largest=largest)


@operator("Compress")
def compress(random):
    for rank in (1, 2, 3):
        shape, axis = random.shape(rank, 2), random.axes(rank, 1)[0]
        f = lambda x, kept, axis=axis: x.index_select(axis, kept.nonzero().reshape(-1))
        kept = random.booleans([shape[axis]])
        kept.data[0] = True
        yield case([random.floats(shape), kept], f, axis=axis)
    yield case([random.floats([2, 3]), given([1, 0, 1, 1], "bool")], lambda x, kept: x.reshape(-1)[:4][kept])


@operator("ReverseSequence")
def reverse_sequence(random):
    for time in (0, 1):
        for rank in (2, 3):
            shape = random.shape(rank, 2)
            lengths = random.integers([shape[1 - time]], 1, shape[time])

            def f(x, lengths, time=time):
                rows = x.unbind(1 - time)
                reversed_ = [torch.cat([row[:n].flip(0), row[n:]]) for row, n in zip(rows, lengths.tolist())]
                return torch.stack(reversed_, 1 - time)

            yield case([random.floats(shape), lengths], f, time_axis=time, batch_axis=1 - time)


@operator("EyeLike")
def eye_like(random):
    for k in (0, 1, -2):
        f = lambda x, k=k: torch.ones_like(x).triu(k).tril(k) + 0 * x
        yield case([random.floats(random.shape(2, 2))], f, k=k)


@operator("Range")
def arange(random):
    # torch.arange takes numbers; start + delta·(0, 1, …) is what it means.
    for start, limit, delta in ((0.5, 3.2, 0.75), (2, -1.5, -0.5), (1, 1.25, 3)):
        f = lambda start, _, delta, n=(start, limit, delta): start + delta * torch.arange(len(torch.arange(*n)))
        yield case([given(start), given(limit, gradient=False), given(delta)], f)

"""Reductions, running sums, softmax, matrix products."""
import torch

from .table import case, given, ints, operator, scalar


def over(x, axes):
    return tuple(range(x.dim())) if not axes else tuple(axes)


def product(x, axes, keep):
    """Over several axes at once: PyTorch's takes one."""
    gone = sorted(axis % x.dim() for axis in over(x, axes))
    kept = [axis for axis in range(x.dim()) if axis not in gone]
    flat = x.permute(*kept, *gone).reshape([x.shape[axis] for axis in kept] + [-1]).prod(-1)
    return flat.reshape([1 if axis in gone else size for axis, size in enumerate(x.shape)]) if keep else flat


def norm(order):
    return lambda x, axes, keep: torch.linalg.vector_norm(x, order, over(x, axes), keepdim=keep)


reductions = {
    "ReduceSum": lambda x, axes, keep: x.sum(over(x, axes), keepdim=keep),
    "ReduceMean": lambda x, axes, keep: x.mean(over(x, axes), keepdim=keep),
    "ReduceMax": lambda x, axes, keep: x.amax(over(x, axes), keepdim=keep),
    "ReduceMin": lambda x, axes, keep: x.amin(over(x, axes), keepdim=keep),
    "ReduceProd": product,
    "ReduceL1": norm(1),
    "ReduceL2": norm(2),
    "ReduceLogSum": lambda x, axes, keep: x.sum(over(x, axes), keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: torch.logsumexp(x, over(x, axes), keepdim=keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(over(x, axes), keepdim=keep),
}


def register_reduction(name, function):
    as_input = name == "ReduceSum"
    low = 0.3 if name == "ReduceLogSum" else -2

    def made(x, axes, keep):
        f = lambda x, *_: function(x, axes, bool(keep))
        if as_input:
            return case([x, ints(*axes)] if axes else [x], f, keepdims=keep)
        return case([x], f, keepdims=keep, **({"axes": axes} if axes else {}))

    @operator(name)
    def _(random):
        for rank in (1, 2, 3, 4):
            for keep in (0, 1):
                yield made(random.floats(random.shape(rank), low), random.axes(rank), keep)
        yield made(random.floats(random.shape(3), low), [], random.integer(0, 1))
        # Equal ones, and zeros: one in a row, several, none.
        if low < 0:
            yield made(given([[0, 1, 2, 1], [0, 0, -1, -1], [2, 2, -1, 2], [0, 0, 0, 0]]), [1], 0)
            yield made(given([[0, 1, 2], [0, 1, -2], [2, 1, -1]]), [0], 1)


for name, function in reductions.items():
    register_reduction(name, function)


@operator("CumSum")
def cumsum(random):
    def function(axis, exclusive, reverse):
        def f(x, _):
            x = x.flip(axis) if reverse else x
            sums = x.cumsum(axis)
            sums = sums - x if exclusive else sums
            return sums.flip(axis) if reverse else sums

        return f

    for exclusive in (0, 1):
        for reverse in (0, 1):
            rank = random.integer(1, 4)
            axis = random.axes(rank, 1)[0]
            x = random.floats(random.shape(rank))
            yield case([x, scalar(axis)], function(axis, exclusive, reverse), exclusive=exclusive, reverse=reverse)


def along_axis(name, function):
    @operator(name)
    def _(random):
        yield case([random.floats([3, 4], -4, 4)], lambda x: function(x, -1))
        for rank in (1, 2, 3, 4):
            axis = random.axes(rank, 1)[0]
            yield case([random.distinct(random.shape(rank), -6, 6)], lambda x, axis=axis: function(x, axis), axis=axis)
        yield case([random.distinct([2, 3], -600, 700)], lambda x: function(x, 1), axis=1)


def hardmax(x, axis):
    return torch.zeros_like(x).scatter(axis, x.argmax(axis, keepdim=True), 1) + 0 * x


along_axis("Softmax", torch.softmax)
along_axis("LogSoftmax", torch.log_softmax)
along_axis("Hardmax", hardmax)


@operator("MatMul")
def matmul(random):
    for _ in range(3):
        m, k, n, p, q = random.shape(5)
        for a, b in [
            ([m, k], [k, n]),
            ([p, m, k], [k, n]),
            ([m, k], [p, k, n]),
            ([p, 1, m, k], [q, k, n]),
            ([k], [k, n]),
            ([p, m, k], [k]),
            ([k], [k]),
            ([k], [p, k, n]),
        ]:
            yield case([random.floats(a), random.floats(b)], torch.matmul)


@operator("Gemm")
def gemm(random):
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            m, k, n = random.shape(3, 2)
            a, b = [k, m] if trans_a else [m, k], [n, k] if trans_b else [k, n]
            alpha, beta = [random.choice([0.5, 1, 2.5, -1.5]) for _ in range(2)]
            c = random.choice([[n], [m, 1], [m, n], [1, n], [], None])
            if c is not None:
                f = lambda a, b, c, t=(trans_a, trans_b, alpha, beta): torch.addmm(
                    c, a.T if t[0] else a, b.T if t[1] else b, beta=t[3], alpha=t[2]
                )
                inputs = [random.floats(each) for each in (a, b, c)]
            else:
                f = lambda a, b, t=(trans_a, trans_b, alpha): t[2] * torch.mm(a.T if t[0] else a, b.T if t[1] else b)
                inputs = [random.floats(each) for each in (a, b)]
            yield case(inputs, f, transA=trans_a, transB=trans_b, alpha=alpha, beta=beta)


@operator("Einsum")
def einsum(random):
    equations = [
        "ij,jk->ik",
        "bij,bjk->bik",
        "ij->ji",
        "ij->i",
        "ij->",
        "i,i",
        "i,j->ij",
        "ii->i",
        "ii",
        "bii->b",
        "ij,jk,kl->il",
        "bhqd,bhkd->bhqk",
        "ba,cab",
        "iij,j->ji",
        "ia,ib->",
        "aB,Bc",
        "abc,cd,bd->ad",
    ]
    for equation in equations:
        sizes = {letter: random.integer(1, 4) for letter in equation if letter.isalpha()}
        shapes = [[sizes[letter] for letter in term] for term in equation.split("->")[0].split(",")]
        f = lambda *xs, equation=equation: torch.einsum(equation, *xs)
        yield case([random.floats(shape) for shape in shapes], f, equation=equation)
    for equation, shapes in [
        ("...ij,...jk->...ik", [[2, 1, 3, 2], [3, 2, 4]]),
        ("...ii->...i", [[2, 3, 3]]),
        ("...ij,jk", [[2, 3, 2], [2, 4]]),
        ("i...,...j->...ij", [[2, 3], [3, 4]]),
    ]:
        f = lambda *xs, equation=equation: torch.einsum(equation, *xs)
        yield case([random.floats(shape) for shape in shapes], f, equation=equation)


@operator("Det")
def det(random):
    for size in (1, 2, 3, 4):
        yield case([random.floats([*random.shape(random.integer(0, 2), 1, 3), size, size])], torch.linalg.det)


@operator("Trilu")
def trilu(random):
    for upper in (0, 1):
        f = torch.triu if upper else torch.tril
        yield case([random.floats(random.shape(2, 2))], f, upper=upper)
        for k in (-2, -1, 1, 3):
            shape = random.shape(random.integer(2, 4), 1, 4)
            yield case([random.floats(shape), scalar(k)], lambda x, _, f=f, k=k: f(x, k), upper=upper)

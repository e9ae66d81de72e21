"""Elementwise operators, with broadcasting where there are several inputs; activations."""
import torch
import torch.nn.functional as F

from .table import case, given, operator, table

# The constants of ONNX's Selu, which are float32's nearest to PyTorch's.
SELU = (1.67326319217681884765625, 1.05070102214813232421875)

unary = {
    "Abs": (torch.abs, -3, 3),
    "Acos": (torch.acos, -0.9, 0.9),
    "Acosh": (torch.acosh, 1.2, 5),
    "Asin": (torch.asin, -0.9, 0.9),
    "Asinh": (torch.asinh, -3, 3),
    "Atan": (torch.atan, -3, 3),
    "Atanh": (torch.atanh, -0.9, 0.9),
    "Ceil": (torch.ceil, -3, 3),
    "Cos": (torch.cos, -4, 4),
    "Cosh": (torch.cosh, -3, 3),
    "Erf": (torch.erf, -4, 4),
    "Exp": (torch.exp, -4, 4),
    "Floor": (torch.floor, -3, 3),
    "HardSwish": (F.hardswish, -5, 5),
    "Identity": (torch.clone, -3, 3),
    "Log": (torch.log, 0.1, 5),
    "Neg": (torch.neg, -3, 3),
    "Reciprocal": (torch.reciprocal, 0.2, 3),
    "Relu": (torch.relu, -3, 3),
    "Round": (torch.round, -3, 3),
    "Sigmoid": (torch.sigmoid, -30, 30),
    "Sign": (torch.sign, -3, 3),
    "Sin": (torch.sin, -4, 4),
    "Sinh": (torch.sinh, -3, 3),
    # From the threshold on PyTorch gives x itself.
    "Softplus": (lambda x: F.softplus(x, threshold=500), -30, 30),
    "Softsign": (F.softsign, -5, 5),
    "Sqrt": (torch.sqrt, 0.1, 5),
    "Tan": (torch.tan, -1.3, 1.3),
    "Tanh": (torch.tanh, -8, 8),
}
# Where a derivative jumps (or is 0 by convention), and where a function may be inexact.
special = {
    "Abs": [0, -0.0, 1],
    "HardSwish": [-4, 4, 0],
    "Relu": [0, -0.0, 2],
    "Round": [0.5, 1.5, 2.5, -0.5, -1.5, -2.5],
    "Sigmoid": [-40, 0, 40],
    "Sign": [0, -0.0, 2],
    "Softplus": [-40, 0, 40],
    "Softsign": [0, 1e6],
    "Tanh": [1e-8, -1e-8, 0],
    "Erf": [0, 0.46875, 1e-9, 5.5, -2.5],
    "Sinh": [1e-9],
    "Asinh": [1e-9, -1e-9, 100, -100],
    "Atanh": [1e-9, 0.999],
}


def register_unary(name, function, low, high):
    @operator(name)
    def _(random):
        for rank in (0, 1, 3):
            yield case([random.floats(random.shape(rank), low, high)], function)
        if name in special:
            yield case([given(special[name])], function)


for name, (function, low, high) in unary.items():
    register_unary(name, function, low, high)


def parametric(name, function, defaults, alphas):
    """An activation with numbers as attributes: a function of x and all of them."""

    @operator(name)
    def _(random):
        yield case([random.signed(random.shape(2))], lambda x: function(x, *defaults.values()))
        for values in alphas:
            shape = random.shape(random.integer(1, 4))
            # PyTorch's sixth in the gradient of hardsigmoid is float32's.
            tolerance = 1e-7 if name == "HardSigmoid" and values[0] == 1 / 6 else None
            yield case([random.signed(shape)], lambda x, values=values: function(x, *values), tolerance, **dict(zip(defaults, values)))


def shrink(x, bias, lambd):
    if bias == lambd:
        return F.softshrink(x, lambd)
    return F.hardshrink(x, lambd) - bias * (torch.sign(x) * (x.abs() > lambd))


parametric("LeakyRelu", F.leaky_relu, {"alpha": 0.01}, [(0.2,), (1.5,)])
parametric("Elu", F.elu, {"alpha": 1}, [(0.5,), (2,)])
parametric("Celu", F.celu, {"alpha": 1}, [(0.5,), (2,)])
parametric("ThresholdedRelu", lambda x, alpha: F.threshold(x, alpha, 0), {"alpha": 1}, [(0.4,), (1.2,)])
parametric(
    "HardSigmoid",
    lambda x, alpha, beta: F.hardsigmoid(x) if alpha == 1 / 6 else torch.clamp(alpha * x + beta, 0, 1),
    {"alpha": 0.2, "beta": 0.5},
    [(1 / 6, 0.5), (0.7, 0.25)],
)
parametric(
    "Selu",
    lambda x, alpha, gamma: F.selu(x) if alpha == 1.6732632423543772 else gamma * F.elu(x, alpha),
    {"alpha": SELU[0], "gamma": SELU[1]},
    [(1.6732632423543772, 1.0507009873554805), (0.5, 2)],
)
parametric("Shrink", shrink, {"bias": 0, "lambd": 0.5}, [(0.6, 0.6), (0, 1.1), (0.25, 0.8)])


@operator("PRelu")
def prelu(random):
    for rank in (2, 3, 4):
        shape = random.shape(rank, 2)
        slope = [shape[1]] + [1] * (rank - 2)
        yield case([random.signed(shape), random.floats(slope)], lambda x, s: F.prelu(x, s.reshape(-1)))
    shape = random.shape(3, 2)
    yield case([random.signed(shape), random.floats(shape[1:])], lambda x, s: torch.where(x < 0, s * x, x))
    yield case([random.signed(shape), random.floats([])], lambda x, s: F.prelu(x, s.reshape(1)))


binary = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
}


def register_binary(name, function):
    @operator(name)
    def _(random):
        for rank in (0, 2, 3, 4):
            shape = random.shape(rank)
            yield case([random.signed(shape), random.signed(random.broadcastable(shape))], function)
        yield case([random.signed([3, 1]), random.signed([2, 1, 4])], function)


for name, function in binary.items():
    register_binary(name, function)


@operator("Pow")
def power(random):
    for rank in (1, 2, 3):
        shape = random.shape(rank, 2)
        yield case([random.floats(shape, 0.2, 3), random.floats(random.broadcastable(shape), -2, 3)], torch.pow)
    for exponent in (2, 3, -1, 1, 0):
        yield case([random.signed([3]), given(exponent, constant=True, gradient=False)], torch.pow)
    yield case([given([0, 0, 2, -1.5]), given([2, 0, 0, 3], gradient=False)], torch.pow)
    yield case([random.signed([2, 2]), random.integers([2], -2, 3)], torch.pow)


@operator("Mod")
def mod(random):
    for rank in (1, 2, 3):
        shape = random.shape(rank, 2)
        yield case([random.signed(shape, 1, 9), random.signed(random.broadcastable(shape), 0.7, 3)], torch.fmod, fmod=1)


def together(reduce):
    """Of all inputs broadcast together; equal extremes share the gradient."""
    return lambda *xs: reduce(torch.stack(torch.broadcast_tensors(*xs)))


variadic = {
    "Max": together(lambda x: x.amax(0)),
    "Min": together(lambda x: x.amin(0)),
    "Sum": together(lambda x: x.sum(0)),
    "Mean": together(lambda x: x.mean(0)),
}


def register_variadic(name, function):
    @operator(name)
    def _(random):
        for count in (1, 2, 3, 4):
            shape = random.shape(3)
            shapes = [random.broadcastable(shape) for _ in range(count - 1)]
            yield case([random.floats(each) for each in [shape, *shapes]], function)
        ties = [random.floats([3, 4], -1, 1, decimals=0) for _ in range(3)]
        yield case(ties, function)


for name, function in variadic.items():
    register_variadic(name, function)


@operator("Clip")
def clip(random):
    x = lambda: random.floats(random.shape(2, 2))
    low, high = random.floats([], -1.5, -0.5), random.floats([], 0.5, 1.5)
    yield case([x(), low, high], lambda x, low, high: torch.clamp(x, low, high))
    yield case([x(), None, high], lambda x, _, high: torch.clamp(x, max=high))
    yield case([x(), low], lambda x, low: torch.clamp(x, min=low))
    yield case([x()], torch.clone)
    # On a bound; bounds that have changed places.
    yield case([given([-1, -2, 0, 1, 3]), given(-1), given(1)], lambda x, low, high: torch.clamp(x, low, high))
    yield case([x(), given(1), given(-0.5)], lambda x, low, high: torch.clamp(x, low, high))


@operator("Where")
def where(random):
    for rank in (1, 2, 3):
        shape = random.shape(rank, 2)
        shapes = [random.broadcastable(shape) for _ in range(2)]
        yield case([random.booleans(shape), *[random.floats(each) for each in shapes]], torch.where)
    yield case([random.booleans([4]), random.floats([3, 4]), random.floats([3, 1])], torch.where)


@operator("Cast")
def cast(random):
    # Results are float32, and so are the gradients that come back.
    yield case([random.floats([2, 3])], lambda x: x.float(), tolerance=1e-7, to="float32")
    yield case([random.floats([2, 3])], torch.clone, to="float64")


@operator("CastLike")
def cast_like(random):
    like = given(0, "float32", gradient=False)
    yield case([random.floats([4]), like], lambda x, like: x.to(like.dtype), tolerance=1e-7)
    yield case([random.floats([2, 2]), random.floats([1], gradient=False)], lambda x, like: x.to(like.dtype))


assert set(special) <= set(table)

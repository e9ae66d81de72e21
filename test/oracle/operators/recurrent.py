"""RNN, GRU and LSTM: PyTorch's modules where they have the option, else the same steps written out."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .table import case, operator

# PyTorch's gate k is gate order[k] of ONNX: (r, z, n) of (z, r, h), (i, f, g, o) of (i, o, f, c).
order = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}
modules = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}


def reordered(name, rows):
    """Blocks of rows, a gate each, in PyTorch's order."""
    blocks = rows.chunk(len(order[name]))
    return torch.cat([blocks[gate] for gate in order[name]])


def by_module(name, direction, **options):
    """Y [steps, directions, batch, hidden] and the last states, as ONNX has them."""

    def f(x, w, r, b=None, lengths=None, h=None, c=None):
        directions, rows, features = w.shape
        hidden = r.shape[2]
        module = modules[name](features, hidden, bidirectional=directions == 2, dtype=torch.float64, **options)
        flat = []
        for d in range(directions):
            wb, rb = b[d].chunk(2) if b is not None else (torch.zeros(rows, dtype=x.dtype),) * 2
            flat += [reordered(name, rows_of) for rows_of in (w[d], r[d], wb, rb)]
        module._flat_weights = flat  # what forward reads; as parameters they would lose their graph
        zeros = torch.zeros(directions, x.shape[1], hidden, dtype=x.dtype)
        first = zeros if h is None else h
        if name == "LSTM":
            first = (first, zeros if c is None else c)
        x = x.flip(0) if direction == "reverse" else x
        steps = x.shape[0]
        if lengths is not None:
            x = pack_padded_sequence(x, lengths.long(), enforce_sorted=False)
        y, last = module(x, first)
        if lengths is not None:
            y, _ = pad_packed_sequence(y, total_length=steps)
        y = y.flip(0) if direction == "reverse" else y
        y = y.reshape(steps, -1, directions, hidden).transpose(1, 2)
        return (y, *last) if name == "LSTM" else (y, last)

    return f


def by_steps(cell):
    """One direction, forward: cell(inner, h, c) gives the next states; inner(gate, h) is W·x + Wb and R·h + Rb."""

    def f(x, w, r, b=None, lengths=None, h=None, c=None, p=None):
        hidden = r.shape[2]
        zeros = torch.zeros(x.shape[1], hidden, dtype=x.dtype)
        h, c = zeros if h is None else h[0], zeros if c is None else c[0]
        rows = w.shape[1]
        wb, rb = b[0].chunk(2) if b is not None else (torch.zeros(rows, dtype=x.dtype),) * 2
        peephole = p[0].chunk(3) if p is not None else (0, 0, 0)
        states = []
        for step in x:
            block = lambda gate: slice(gate * hidden, (gate + 1) * hidden)
            of_input = lambda gate: F.linear(step, w[0, block(gate)], wb[block(gate)])
            of_state = lambda gate, h: F.linear(h, r[0, block(gate)], rb[block(gate)])
            h, c = cell(of_input, of_state, h, c, peephole)
            states.append(h)
        return torch.stack(states)[:, None], h[None], c[None]

    return f


def rnn_cell(function):
    return lambda of_input, of_state, h, c, p: (function(of_input(0) + of_state(0, h)), c)


def gru_cell(f, g, limit):
    """With linear_before_reset = 0: the reset gate meets the state before the product."""

    def cell(of_input, of_state, h, c, _):
        z, r = [f(limit(of_input(gate) + of_state(gate, h))) for gate in (0, 1)]
        return (1 - z) * g(limit(of_input(2) + of_state(2, r * h))) + z * h, c

    return cell


def lstm_cell(limit, coupled):
    def cell(of_input, of_state, h, c, p):
        inner = lambda gate: of_input(gate) + of_state(gate, h)
        i = torch.sigmoid(limit(inner(0) + p[0] * c))
        forget = 1 - i if coupled else torch.sigmoid(limit(inner(2) + p[2] * c))
        after = forget * c + i * torch.tanh(limit(inner(3)))
        return torch.sigmoid(limit(inner(1) + p[1] * after)) * torch.tanh(after), after

    return cell


def inputs_of(random, name, directions, bias, lengths, first, peepholes=False):
    gates = len(order[name])
    steps, batch, features, hidden = random.integer(2, 4), random.integer(1, 3), random.integer(1, 3), random.integer(1, 3)
    weights = lambda *shape: random.floats(shape, -0.9, 0.9)
    inputs = [
        random.floats([steps, batch, features]),
        weights(directions, gates * hidden, features),
        weights(directions, gates * hidden, hidden),
        weights(directions, 2 * gates * hidden) if bias else None,
        random.integers([batch], 1, steps, "int32") if lengths else None,
        random.floats([directions, batch, hidden]) if first else None,
        random.floats([directions, batch, hidden]) if first and name == "LSTM" else None,
        weights(directions, 3 * hidden) if peepholes else None,
    ]
    while inputs[-1] is None:
        inputs.pop()
    return inputs, {"hidden_size": hidden}


def first_two(f):
    return lambda *inputs: f(*inputs)[:2]


def swapped_layout(f):
    """Batch before steps and directions."""

    def g(x, w, r, b=None, lengths=None, h=None, c=None):
        turned = [None if state is None else state.transpose(0, 1) for state in (h, c)]
        y, *last = f(x.transpose(0, 1), w, r, b, lengths, *turned)
        return (y.permute(2, 0, 1, 3), *[state.transpose(0, 1) for state in last])

    return g


def with_layout(inputs):
    turn = lambda each: None if each is None else each._replace(data=each.data.swapaxes(0, 1).copy())
    return [turn(each) if i in (0, 5, 6) else each for i, each in enumerate(inputs)]


def modules_of(random, name, **attributes):
    """Directions, biases, lengths, first states."""
    for direction, bias, lengths, first in (
        ("forward", False, False, False),
        ("forward", True, True, True),
        ("reverse", True, False, True),
        ("bidirectional", True, False, False),
        ("bidirectional", True, True, True),
    ):
        inputs, sizes = inputs_of(random, name, 2 if direction == "bidirectional" else 1, bias, lengths, first)
        yield case(inputs, by_module(name, direction), direction=direction, **sizes, **attributes)
    inputs, sizes = inputs_of(random, name, 2, True, False, True)
    f = swapped_layout(by_module(name, "bidirectional"))
    yield case(with_layout(inputs), f, direction="bidirectional", layout=1, **sizes, **attributes)


@operator("RNN")
def rnn(random):
    yield from modules_of(random, "RNN")
    inputs, sizes = inputs_of(random, "RNN", 2, True, True, True)
    f = by_module("RNN", "bidirectional", nonlinearity="relu")
    yield case(inputs, f, direction="bidirectional", activations=["Relu", "Relu"], **sizes)
    for activation, function, how in (
        ("Sigmoid", torch.sigmoid, {}),
        ("Softplus", F.softplus, {}),
        ("Softsign", F.softsign, {}),
        ("LeakyRelu", lambda x: F.leaky_relu(x, 0.3), {"activation_alpha": [0.3]}),
        ("Elu", lambda x: F.elu(x, 0.7), {"activation_alpha": [0.7]}),
        ("ScaledTanh", lambda x: 1.5 * torch.tanh(0.5 * x), {"activation_alpha": [1.5], "activation_beta": [0.5]}),
        ("Affine", lambda x: 0.5 * x + 0.25, {"activation_alpha": [0.5], "activation_beta": [0.25]}),
        ("HardSigmoid", lambda x: torch.clamp(0.3 * x + 0.4, 0, 1), {"activation_alpha": [0.3], "activation_beta": [0.4]}),
        ("ThresholdedRelu", lambda x: F.threshold(x, 0.2, 0), {"activation_alpha": [0.2]}),
    ):
        inputs, sizes = inputs_of(random, "RNN", 1, True, False, True)
        yield case(inputs, first_two(by_steps(rnn_cell(function))), activations=[activation], **how, **sizes)


@operator("GRU")
def gru(random):
    yield from modules_of(random, "GRU", linear_before_reset=1)
    for bias, first in ((False, False), (True, True)):
        inputs, sizes = inputs_of(random, "GRU", 1, bias, False, first)
        yield case(inputs, first_two(by_steps(gru_cell(torch.sigmoid, torch.tanh, lambda x: x))), **sizes)
    inputs, sizes = inputs_of(random, "GRU", 1, True, False, True)
    f = first_two(by_steps(gru_cell(torch.sigmoid, F.softsign, lambda x: torch.clamp(x, -0.6, 0.6))))
    yield case(inputs, f, clip=0.6, activations=["Sigmoid", "Softsign"], **sizes)


@operator("LSTM")
def lstm(random):
    yield from modules_of(random, "LSTM")
    for coupled in (0, 1):
        for clip in (None, 0.6):
            inputs, sizes = inputs_of(random, "LSTM", 1, True, False, True, peepholes=True)
            limit = (lambda x: x) if clip is None else (lambda x: torch.clamp(x, -0.6, 0.6))
            how = {} if clip is None else {"clip": clip}
            yield case(inputs, by_steps(lstm_cell(limit, coupled)), input_forget=coupled, **how, **sizes)

"""The table of operators: what a case is, and how its inputs are drawn."""
import math
import random
from typing import Any, Callable, NamedTuple, Optional

import numpy as np


class Input(NamedTuple):
    data: np.ndarray
    dtype: str
    constant: bool = False
    gradient: bool = True


class Case(NamedTuple):
    """An operator's inputs (None: left out), its ONNX attributes, and the same function in PyTorch, of all inputs in order."""

    inputs: list
    function: Callable
    attributes: dict
    tolerance: Optional[float]


def case(inputs, function, tolerance=None, **attributes) -> Case:
    return Case(inputs, function, attributes, tolerance)


# From a name to a function that yields cases, given a source of random numbers.
table: dict = {}


def operator(name: str):
    def register(cases):
        assert name not in table, name
        table[name] = cases
        return cases

    return register


class Random:
    """Draws of one operator, all from random(), which every Python repeats; floats have four decimals, which keeps the files short."""

    def __init__(self, name: str):
        self.random = random.Random(name).random

    def array(self, shape, draw: Callable) -> np.ndarray:
        return np.array([draw() for _ in range(math.prod(shape))]).reshape(tuple(shape))

    def integer(self, low: int, high: int) -> int:
        """low <= n <= high"""
        return low + int(self.random() * (high - low + 1))

    def choice(self, values) -> Any:
        return values[self.integer(0, len(values) - 1)]

    def permutation(self, count: int) -> list:
        return [i for _, i in sorted((self.random(), i) for i in range(count))]

    def shape(self, rank: int, low: int = 1, high: int = 4) -> list:
        return [self.integer(low, high) for _ in range(rank)]

    def floats(self, shape, low: float = -2, high: float = 2, decimals: int = 4, **how) -> Input:
        return Input(self.array(shape, lambda: round(low + (high - low) * self.random(), decimals)), "float64", **how)

    def distinct(self, shape, low: float = -2, high: float = 2) -> Input:
        """No two equal."""
        steps = iter(self.permutation(math.prod(shape)))
        part = (high - low) / max(math.prod(shape), 1)
        return Input(self.array(shape, lambda: round(low + part * (next(steps) + 0.5), 4)), "float64")

    def signed(self, shape, low: float = 0.3, high: float = 2) -> Input:
        """Of both signs, away from 0."""
        return Input(self.array(shape, lambda: self.choice([-1, 1]) * round(low + (high - low) * self.random(), 4)), "float64")

    def integers(self, shape, low: int, high: int, dtype: str = "int64") -> Input:
        """low <= n <= high"""
        return Input(self.array(shape, lambda: self.integer(low, high)), dtype)

    def booleans(self, shape) -> Input:
        return Input(self.array(shape, lambda: self.choice([False, True])), "bool")

    def axes(self, rank: int, count: Optional[int] = None) -> list:
        """Different axes in any order, some of them counted from the end."""
        count = self.integer(1, rank) if count is None else count
        return [axis - self.choice([0, rank]) for axis in self.permutation(rank)[:count]]

    def broadcastable(self, shape) -> list:
        """A shape that broadcasts to another: some axes of size 1, some leading ones left out."""
        kept = [1 if self.integer(0, 2) == 0 else size for size in shape]
        return kept[self.integer(0, len(shape)) :]


def ints(*values) -> Input:
    """A constant vector of axes, sizes or positions."""
    return Input(np.array(values, dtype=np.int64), "int64", constant=True)


def scalar(value: int, dtype: str = "int64") -> Input:
    return Input(np.array(value), dtype, constant=True)


def given(values, dtype: str = "float64", **how) -> Input:
    return Input(np.array(values, dtype=dtype), dtype, **how)

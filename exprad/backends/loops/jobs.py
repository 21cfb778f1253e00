"""Jobs: what a program of arrays does one after another, as loops over elements or as calls of a library.

All that a target needs to know is in them: the shapes and strides of what is read and written are numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from exprad.backends.loops.views import View
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape


class Nest(NamedTuple):
    """Elementwise steps over one shape, for each element after another, in any order.

    A step is a row and what it reads: k is the result of step k, and ~k the source k, which is a number, or a view of the
    shape, with strides of 0 where an array is stretched. `writes` are such readings too, and the views that
    they are written to. What is written is read by no source of the nest.
    """

    shape: Shape
    sources: list[Any]
    steps: list[tuple[Any, ...]]
    writes: list[tuple[int, View]]

    @property
    def last_reads(self) -> list[int]:
        """For each step, the last step that reads it; beyond the end for what is written."""
        last = [-1] * len(self.steps)
        for place, (_, *operands) in enumerate(self.steps):
            for operand in operands:
                if operand >= 0:
                    last[operand] = place
        for operand, _ in self.writes:
            if operand >= 0:
                last[operand] = len(self.steps)
        return last


class Fold(NamedTuple):
    """Each element read is taken into the element of `write` at its place by a row of two operands, the first of which it is.

    Both views have the shape; `write` has strides of 0 along axes that are reduced, and begins with what it holds. The axes
    are in the order in which NumPy goes through them, the last one fastest. Where the last one is reduced, a sum
    over it is taken by pairs, as NumPy does it, and then added.
    """

    row: Primitive
    shape: Shape
    read: View
    write: View


class Accumulate(NamedTuple):
    """Sums of the elements up to each place along an axis, one after another."""

    shape: Shape
    axis: int
    read: View
    write: View


class Fill(NamedTuple):
    """A number, or truth, in each element of a view that is contiguous."""

    value: Any
    write: View


class Gather(NamedTuple):
    """Elements at places: write[i] = read[places[i]], both contiguous."""

    places: Any
    read: View
    write: View


class Scatter(NamedTuple):
    """Elements added at places, one after another: write[places[i]] += read[i], both contiguous."""

    places: Any
    read: View
    write: View


class Call(NamedTuple):
    """A row that a library computes as a whole: views of its operands, of any strides, and of its result, which is contiguous.

    `function` is what computes matrices, or stacks of them, of these views: "matmul", "solve", "inv" or "det"; or "".
    """

    row: Primitive
    reads: list[View]
    write: View
    function: str = ""


Job = Nest | Fold | Accumulate | Fill | Gather | Scatter | Call


class Memory(NamedTuple):
    """Where numbers lie: an input or an output, by its place among them, a constant, or room for what lies between.

    `size` is how many elements; `kind` "input", "output", "constant" or "room"; `place` the number of the input or output, or
    where in the room it begins; `value` the constant.
    """

    kind: str
    size: int
    place: int = 0
    value: Any = None

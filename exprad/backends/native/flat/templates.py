"""What a call of a row becomes as steps, and what it passes to its operands, as codes for a `Derivation`.

Both are traced once a row, through the table, as lowering and the chain rule have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from exprad.backends.native.flat.constants import Leaves
from exprad.backends.native.flat.derivation import MINUS, NONE, OPERANDS, PLUS, REFUSED, RESULT
from exprad.backends.native.flat.walk import ABSENT, MOST_OPERANDS
from exprad.backends.native.linking import has_code
from exprad.errors import ExpradError
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.graph.program import Program, as_written
from exprad.ground.primitive import If, Primitive

Code = tuple[
    Primitive, tuple[Any, ...]
]  # a row, and what it reads: the number of an operand or of a code's result, or a constant


class Codes(NamedTuple):
    """Steps in order, and what is their result."""

    steps: tuple[Code, ...]
    result: Any


class Pull(NamedTuple):
    """What an operand gets of an adjoint: nothing, itself, its negative, or its product with what codes give and a factor."""

    kind: int
    partial: Codes | None = None
    factor: Const | None = None


class Template(NamedTuple):
    """What a call of a row becomes, and a pull for each operand."""

    lowering: Codes
    pulls: tuple[Pull, ...]


_formals = [Var(f"operand {place}") for place in range(OPERANDS)]
_result = Var("result")
_places: dict[str, int] = {each.name: place for place, each in enumerate([*_formals, _result])}


@lru_cache(maxsize=1024)
def template(row: Primitive, place: int, constant: Const | None) -> Template | None:
    """The template of a row's calls, whose operand at `place` is a constant; None where there is none.

    There is none for rows of arrays, or of more operands than a code has, for conditions, and for what has no machine code.
    """
    if row.partials is None or row.arity > MOST_OPERANDS or row.predicate:
        return None
    operands: list[Expr] = list(_formals[: row.arity])
    if constant is not None:
        operands[place] = constant
    try:
        lowering = _codes(as_written(row, *operands))
        pulls = [_pull(row, which, operands) for which in range(row.arity)]
    except (ExpradError, ArithmeticError):
        return None  # the ordinary way says why
    return None if lowering is None else Template(lowering, tuple(pulls))


def _codes(f: Expr) -> Codes | None:
    """An expression of operands and a result as codes; None where it has conditions, whose sums and products fold otherwise."""
    program = Program.lowered([f], has_code)
    if not all(map(has_code, program.rows)) or any(row.predicate or row.arity > MOST_OPERANDS for row in program.rows):
        return None
    found: list[Any] = []
    steps: list[Code] = []
    for head, *rest in program.steps:
        if head == "var":
            found.append(_places[rest[0]])
        elif head == "const":
            found.append(Const(rest[0]))
        else:
            found.append(RESULT + 1 + len(steps))
            steps.append((head, tuple([found[index] for index in rest])))
    return Codes(tuple(steps), found[program.outputs[0]])


def _pull(row: Primitive, place: int, operands: Sequence[Expr]) -> Pull:
    """What the chain rule does with a partial (see `exprad.chain.times`), which is known but for the adjoint."""
    partial: Any = row.partials[place]
    if callable(partial):
        partial = partial(_result, *operands)
    if partial is None or partial.__class__ is If:
        return Pull(REFUSED)
    if partial.__class__ is int and -1 <= partial <= 1:
        return Pull((NONE, PLUS, MINUS)[partial])
    factor = None
    if partial.__class__ is tuple:
        factor, partial = Const(partial[0]), partial[1]
    codes = _codes(expression(partial))
    return Pull(REFUSED) if codes is None else Pull(0, codes, factor)


class Book:
    """Codes as numbers, and the rows and constants that they name."""

    def __init__(self, rows: dict[Any, int], leaves: Leaves) -> None:
        self.rows, self.leaves = rows, leaves  # of which there come more
        self.numbers: list[int] = []
        self.lowerings: list[int] = []
        self.pulls: list[int] = []

    def enter(self, given: Template) -> int:
        """Enter a template: how many steps a call of it can bring, all pulls and their sums included."""
        self.lowerings.append(self._entered(given.lowering))
        most = len(given.lowering.steps)
        for pull in given.pulls:
            most += 1  # the sum with what else an operand gets
            if pull.partial is None:
                self.pulls.append(pull.kind)
                continue
            self.pulls.append(len(self.numbers))
            self.numbers.append(NONE if pull.factor is None else self.leaves.step(pull.factor))
            self._entered(pull.partial)
            most += len(pull.partial.steps) + 2
        self.pulls += [NONE] * (MOST_OPERANDS - len(given.pulls))
        return 2 * most  # a fold may put two steps in the place of one

    def _entered(self, codes: Codes) -> int:
        first = len(self.numbers)
        self.numbers += [len(codes.steps), self._read(codes.result)]
        for row, operands in codes.steps:
            read = [self._read(each) for each in operands]
            self.numbers += [self.rows.setdefault(row, len(self.rows)), *read, *[ABSENT] * (MOST_OPERANDS - len(read))]
        return first

    def _read(self, what: Any) -> int:
        return -1 - self.leaves.step(what) if isinstance(what, Const) else what

"""Expressions as text that `parse` reads back to the same node.

Where a graph's tree would be too long, the text is a straight-line program: `t1 = sin(x)/2`, ..., the result last.
A line before says what shapes variables have, `let v: (3,)`: in programs, and where a name alone could mean another one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from typing import Any

from exprad.errors import ArgumentError
from exprad.graph.expr import Const, Expr, Var, write
from exprad.ground.digits import digits, rounded
from exprad.ground.traverse import canonical_operands
from exprad.text.names import declaration, meant, name_of
from exprad.text.written import ATOM, COMPARISON, OR, POWER, PRECEDENCE, PRODUCT, SIGN, texts_of

LONGEST = 10_000
_PLAIN_KINDS = ("float64", "int64", "bool")  # what numbers in a list are, without a type

Piece = tuple[int, Any]  # precedence, a rope of texts
Texts = tuple[str, ...]


# where the text stands in a field, and how floats are written
_SPEC = re.compile(r"((?:.?[<>^])?\d*)((?:\.\d+)?[eEfFgG]?)", re.DOTALL)


def formatted(f: Expr, spec: str) -> str:
    """The text with its floats rounded as `spec` says, in a field of a width; a constant as Python formats a number.

    >>> format(Var("x") * 0.333333 + 2, ".3g"), format(Var("x"), ">4")
    ('0.333*x + 2', '   x')
    """
    if isinstance(f, Const) and not f.shape and spec:
        return rounded(f.value, spec)
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ArgumentError(
            f"an expression takes a width and how floats are written, such as '.3g' or '>40.3g', got {spec!r}"
        )
    return format(to_text(f, spec=match[2]), match[1])


def to_short_text(f: Expr) -> str:
    """The expression as text of about a thousand characters at most."""
    return to_text(f, limit=1000)


def to_text(f: Expr, *, shapes: bool = False, limit: int | None = None, spec: str = "") -> str:
    """The expression as text, as `str(f)`; with `shapes`, after a line that says what shape each variable has.

    Such text can be read in another process, too. Cut after about `limit` characters where a limit is given; floats are
    written as `spec` says, as by `format`.

    >>> v, a = Var("v", shape=(3,)), Var("a")
    >>> print(to_text(a * v[1:], shapes=True))
    let a: (), v: (3,)
    a*v[1:]
    """
    graph = _Graph(f, spec)
    declared = graph.declared(shapes, is_exact=limit is None)
    for variable in graph.variables if limit is None else ():
        if variable.shape and variable not in declared and variable not in graph.names:
            write(variable)
    lines = [declaration(declared)] if declared else []
    pieces: dict[Expr, Piece] = {}
    for node in graph.order:
        piece = graph.piece(node, pieces)
        name = graph.names.get(node)
        if name is not None:
            if isinstance(node, Var):
                lines.append(declaration([node]))
            lines.append(f"{name} = {_joined(piece[1])}")
            piece = ATOM, name
            if limit is not None and len(lines) * 4 > limit:
                return _cut("\n".join(lines), limit)
        pieces[node] = piece
    text = "\n".join([*lines, _joined(pieces[f][1])])
    return text if limit is None or len(text) <= limit else _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    return f"{text[:limit]}... ({len(text)} characters or more)"


class _Graph:
    """What is written: nodes, operands first, the texts of each, and the names of those that get a line of their own."""

    def __init__(self, f: Expr, spec: str) -> None:
        self.spec = spec
        self.order, self.operands = canonical_operands([f])
        self.texts = {node: self._texts(node) for node in self.order}
        self.variables = sorted([node for node in self.order if isinstance(node, Var)], key=lambda v: (v.name, v.shape))
        self.taken = {variable.name for variable in self.variables}
        self.names: dict[Expr, str] = {}
        self.free = (f"t{serial}" for serial in count(1))
        if len(self.taken) < len(self.variables):
            self._name_namesakes()
        if self._length() > LONGEST:
            self._name_parts()
        self.names.pop(f, None)

    def _texts(self, node: Expr) -> Texts:
        if isinstance(node, Const):
            return (number(node.value, self.spec),)
        if isinstance(node, Var):
            return (name_of(node),)
        operands = self.operands[node]
        row = node.primitive  # type: ignore[attr-defined]  # a call
        texts = texts_of(row, operands)
        if "" in texts and _is_literal(texts, operands):
            return (f"{row.name}(", *[", "] * (len(operands) - 1), ")")
        return texts

    def declared(self, is_asked: bool, is_exact: bool) -> list[Var]:
        """The variables whose shapes are said at the beginning."""
        is_program = bool(self.names)
        return [
            each
            for each in self.variables
            if each not in self.names
            and (is_asked or is_program and each.shape or is_exact and meant(each.name) is not each)
        ]

    def _name_namesakes(self) -> None:
        """Variables that share their names get others."""
        bearers = Counter([variable.name for variable in self.variables])
        for variable in self.variables:
            if bearers[variable.name] > 1:
                self._name(variable)

    def _name(self, node: Expr) -> None:
        self.names[node] = next(name for name in self.free if name not in self.taken)

    def _length(self) -> int:
        """About how long the text is as one expression; no more than that it is much too long."""
        length: dict[Any, int] = {}
        for node in self.order:
            own = sum(map(len, self.texts[node]))
            length[node] = min(own + sum([length[x] for x in self.operands.get(node, ())]), 10 * LONGEST)
        return length[self.order[-1]]

    def _name_parts(self) -> None:
        """Names for what is used more than once, and for some of what is deep."""
        uses: dict[Any, int] = {}
        depth: dict[Any, int] = {}
        for node in self.order:
            for operand in self.operands.get(node, ()):
                uses[operand] = uses.get(operand, 0) + 1
        for node in self.order:
            depth[node] = 1 + max((depth[x] for x in self.operands.get(node, ())), default=-1)
            if node.operands and (uses.get(node, 0) > 1 or depth[node] >= 20):
                self._name(node)
                depth[node] = 0

    def piece(self, node: Expr, pieces: dict[Expr, Piece]) -> Piece:
        """A node as text, of the texts of its operands."""
        texts, operands = self.texts[node], self.operands.get(node, ())
        if not operands:
            return _precedence(node, texts[0]), texts[0]
        parts = [pieces[operand] for operand in operands]
        if texts[0] == "":
            return _infix(texts[1], parts) if texts[-1] == "" else (ATOM, (_postfixed(parts[0], operands[0]), texts[1]))
        if len(parts) == 1 and texts[1] == "":
            return SIGN, (texts[0], _wrapped(parts[0], SIGN))
        rope = [texts[0]]
        for (_, part), text in zip(parts, texts[1:], strict=True):
            rope += part, text
        return ATOM, rope


def number(value: Any, spec: str = "") -> str:
    """A constant as text; a float, or an array of them, as `spec` says."""
    if isinstance(value, (int, Fraction)):
        return digits(value)
    if isinstance(value, float):
        return "nan" if value != value else format(value, spec) if spec else repr(value)
    if spec and value.dtype.kind == "f":
        numbers = ", ".join(rounded(value, spec).split())
        return f"array({numbers})" if value.dtype.name == "float64" else f"array({numbers}, dtype={value.dtype.name})"
    is_hidden = 0 in value.shape[:-1]  # a list of no lists does not tell how long they would be
    kind = value.dtype.name
    shown = f"zeros({value.shape}" if is_hidden else f"array({value.tolist()!r}"
    is_told = not is_hidden and kind in _PLAIN_KINDS and (value.size or kind == "float64")
    return f"{shown})" if is_told else f"{shown}, dtype={kind})"


def _precedence(node: Expr, text: str) -> int:
    if isinstance(node, Const) and not node.shape:
        if text.startswith("-"):
            return SIGN if "/" not in text else PRODUCT
        return PRODUCT if "/" in text else ATOM
    return ATOM


def _is_literal(texts: Texts, operands: Sequence[Expr]) -> bool:
    """Whether a spelling with an operator would be read as one constant."""
    if texts == ("", "/", ""):
        return all(isinstance(x, Const) and isinstance(x.value, int) for x in operands)
    return len(operands) == 1 and texts[-1] == "" and texts[0] != "" and isinstance(operands[0], Const)


def _infix(sign: str, parts: Sequence[Piece]) -> Piece:
    precedence = PRECEDENCE[sign.strip()]
    left, right = parts
    if precedence == POWER:
        first, second = _wrapped(left, ATOM), _wrapped(right, SIGN)
    elif precedence == COMPARISON:
        first, second = _wrapped(left, OR), _wrapped(right, OR)
    else:
        first = _wrapped(left, precedence, literal=precedence == PRODUCT)
        second = _wrapped(right, precedence + 1)
    return precedence, (first, sign, second)


def _postfixed(piece: Piece, operand: Expr) -> Any:
    """An operand before brackets or `.T`; numbers are in parentheses there."""
    is_number = isinstance(operand, Const) and not operand.shape
    return ("(", piece[1], ")") if is_number else _wrapped(piece, ATOM)


def _wrapped(piece: Piece, needed: int, literal: bool = False) -> Any:
    fraction = literal and isinstance(piece[1], str) and "/" in piece[1]
    return piece[1] if piece[0] >= needed and not fraction else ("(", piece[1], ")")


def _joined(rope: Any) -> str:
    texts: list[str] = []
    stack = [rope]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            texts.append(top)
        else:
            stack.extend(reversed(top))
    return "".join(texts)

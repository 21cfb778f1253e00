"""Expressions as text that `parse` reads back to the same node.

Where a graph's tree would be too long, the text is a straight-line program: `t1 = sin(x)/2`, ..., the result last.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from exprad.errors import ArgumentError
from exprad.graph.expr import Const, Expr, Var
from exprad.ground.digits import digits, rounded
from exprad.ground.primitive import table
from exprad.ground.traverse import canonical_operands

LONGEST = 10_000
CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
# precedence of what an operator yields, from loose to tight; a literal that starts with a sign binds like its sign
COMPARISON, OR, AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 9)
_PRECEDENCE = {"|": OR, "&": AND, "<": COMPARISON, "<=": COMPARISON, ">": COMPARISON, ">=": COMPARISON,
               "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "**": POWER}  # fmt: skip
INFIX = {row.name: (_PRECEDENCE[row.infix], row.infix if row.infix in ("*", "/", "**") else f" {row.infix} ")
         for row in table() if row.infix}  # fmt: skip
PREFIX = {row.name: (SIGN, row.prefix) for row in table() if row.prefix}

Piece = tuple[int, Any, int]  # precedence, a rope of texts, its length


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


def to_text(f: Expr, limit: int | None = None, spec: str = "") -> str:
    """The expression as text, with floats as `spec` says; cut after about `limit` characters where one is given."""
    order, arranged = canonical_operands([f])
    names = _temporaries(order, arranged, f)
    pieces: dict[Expr, Piece] = {}
    lines: list[str] = []
    for node in order:
        piece = _piece(node, [(pieces[operand], operand) for operand in arranged.get(node, ())], spec)
        if node in names and node is not f:
            lines.append(f"{names[node]} = {_joined(piece[1])}")
            piece = (ATOM, names[node], len(names[node]))
            if limit is not None and len(lines) * 4 > limit:
                return _cut("\n".join(lines), limit)
        pieces[node] = piece
    text = "\n".join([*lines, _joined(pieces[f][1])])
    return text if limit is None or len(text) <= limit else _cut(text, limit)


def to_short_text(f: Expr) -> str:
    """The expression as text of about a thousand characters at most."""
    return to_text(f, limit=1000)


def _cut(text: str, limit: int) -> str:
    return f"{text[:limit]}... ({len(text)} characters or more)"


def _temporaries(order: Sequence[Expr], arranged: dict[Any, Any], f: Expr) -> dict[Any, str]:
    """Names for the nodes that get a line of their own; none where the whole tree is short."""
    length: dict[Any, int] = {}
    for node in order:
        length[node] = min(_own_length(node) + sum(length[x] for x in arranged.get(node, ())), 10 * LONGEST)
    if length[f] <= LONGEST:
        return {}
    taken = {node.name for node in order if isinstance(node, Var)}
    uses: dict[Any, int] = {}
    for node in order:
        for operand in arranged.get(node, ()):
            uses[operand] = uses.get(operand, 0) + 1
    names: dict[Any, str] = {}
    depth: dict[Any, int] = {}
    serial = 0
    for node in order:
        depth[node] = 1 + max((depth[x] for x in arranged.get(node, ())), default=-1)
        if node.operands and (uses.get(node, 0) > 1 or depth[node] >= 20):
            serial += 1
            while f"t{serial}" in taken:
                serial += 1
            names[node] = f"t{serial}"
            depth[node] = 0
    return names


def _own_length(node: Expr) -> int:
    return len(_leaf(node)) if not node.operands else len(node.primitive.name) + 4  # type: ignore[attr-defined]  # calls


def _leaf(node: Expr, spec: str = "") -> str:
    return number(node.value, spec) if isinstance(node, Const) else quoted(node)  # type: ignore[arg-type]  # a Var


def quoted(variable: Var) -> str:
    """A variable as text: its name, quoted where it is no identifier; the shape where it has one."""
    name = variable.name
    usable = (
        re.fullmatch(r"[^\W\d]\w*", name)
        and name.isidentifier()
        and name not in CONSTANTS
        and not keyword.iskeyword(name)
    )
    text = name if usable else '"' + name.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    if not variable.shape:
        return text
    return f"{text}[{', '.join(map(str, variable.shape))}]"


def number(value: Any, spec: str = "") -> str:
    """A constant as text; a float, or an array of them, as `spec` says."""
    if isinstance(value, (int, Fraction)):
        return digits(value)
    if isinstance(value, float):
        return "nan" if value != value else format(value, spec) if spec else repr(value)
    if spec and value.dtype.kind == "f":
        return f"array({rounded(value, spec)},{value.dtype.name})".replace("\n", "").replace(" ", ",")
    return f"array({value.tolist()!r}, {value.dtype.name})".replace(" ", "")


def _piece(node: Expr, parts: Sequence[tuple[Piece, Expr]], spec: str) -> Piece:
    if not parts:
        text = _leaf(node, spec)
        return _precedence(node, text), text, len(text)
    row = node.primitive  # type: ignore[attr-defined]  # calls have one
    operands = [part for _, part in parts]
    infix = INFIX.get(row.name)
    if infix is not None and not _folds_as_literal(row.name, operands):
        return _infix(infix, row.name, [piece for piece, _ in parts])
    if row.name in PREFIX and not isinstance(operands[0], Const):
        precedence, sign = PREFIX[row.name]
        inner = _wrapped(parts[0][0], precedence)
        return precedence, (sign, inner), 0
    inside: list[Any] = []
    for index, (piece, _) in enumerate(parts):
        inside += [", " if index else "", piece[1]]
    extra = "".join(f", {name}={_parameter(value)}" for name, value in getattr(row, "shown", {}).items())
    return ATOM, (row.name, "(", *inside, extra, ")"), 0


def _parameter(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value).replace(" ", "")


def _precedence(node: Expr, text: str) -> int:
    if isinstance(node, Const) and not node.shape:
        if text.startswith("-"):
            return SIGN if "/" not in text else PRODUCT
        return PRODUCT if "/" in text else ATOM
    return ATOM


def _folds_as_literal(name: str, operands: Sequence[Expr]) -> bool:
    """Whether the infix spelling would be read as one Fraction."""
    return name == "div" and all(isinstance(x, Const) and isinstance(x.value, int) for x in operands)


def _infix(infix: tuple[int, str], name: str, parts: Sequence[Piece]) -> Piece:
    precedence, sign = infix
    left, right = parts
    if name == "pow":
        first, second = _wrapped(left, ATOM), _wrapped(right, SIGN)
    elif precedence == COMPARISON:
        first, second = _wrapped(left, OR), _wrapped(right, OR)
    else:
        first = _wrapped(left, precedence, literal=name in ("mul", "div", "mod"))
        second = _wrapped(right, precedence + 1)
    return precedence, (first, sign, second), 0


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

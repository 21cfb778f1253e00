"""The API reference: `{public}` shows public names with their docstrings, `{rows}` the table; and none is forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from docstrings import restructured
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

import exprad
from exprad import Expr, Primitive, Var, table

_OPERANDS = {1: "x", 2: "a b", 3: "a b c"}


class _Directive(SphinxDirective):
    def shown(self, lines: list[str], language: str = "") -> list[Any]:
        """What the lines give as Markdown, or in another language."""
        fenced = [f"```{{{language}}}", *lines, "```"] if language else lines
        return self.parse_text_to_nodes("\n".join(fenced))


class Public(_Directive):
    """The public names that its text lists, each with its signature and docstring."""

    has_content = True

    def run(self) -> list[Any]:
        names = " ".join(self.content).split()
        return self.shown([line for name in names for line in _entry(name)], "eval-rst")


def _entry(name: str) -> Iterator[str]:
    value = getattr(exprad, name)
    if isinstance(value, Primitive):
        yield from _row(name, value)
        return
    kind, *options = _shown(value)
    yield f".. {kind}:: exprad.{name}"
    yield from (f"   :{option}" for option in options)
    yield ""


def _shown(value: Any) -> list[str]:
    if not isinstance(value, type):
        return ["autofunction"] if isinstance(value, FunctionType) else ["autodata", "no-value:"]
    derived = issubclass(value, Expr) and value is not Expr
    return ["autoclass", "members:", "show-inheritance:" if derived else "inherited-members: object, BaseException"]


def _row(name: str, row: Primitive) -> Iterator[str]:
    yield f".. py:function:: exprad.{name}({', '.join(_operands(row))})"
    yield ""
    own = inspect.getdoc(row)
    if own != inspect.getdoc(Primitive):
        yield from (f"   {line}".rstrip() for line in restructured(own or "").split("\n"))
        yield ""


class Rows(_Directive):
    """All rows of the table of functions: first the derivatives, at a glance, then each with its docstring."""

    def run(self) -> list[Any]:
        rows = [row for row in table() if getattr(exprad, row.name, None) is row]
        lines = ["| row | function | derivative, by each operand | domain |", "|---|---|---|---|", *map(_line, rows)]
        return self.shown(lines) + self.shown([line for row in rows for line in _row(row.name, row)], "eval-rst")


def _line(row: Primitive) -> str:
    operands = [Var(name) for name in _operands(row)]
    call = row(*operands)
    slopes = [_slope(call, *pair) for pair in zip(operands, row.partials, strict=True)]
    domain = _code(*row.domain) if any(each != "(-inf, inf)" for each in row.domain) else ""
    return f"| {{py:obj}}`{row.name} <exprad.{row.name}>` | {_code(call)} | {'<br>'.join(slopes)} | {domain} |"


def _slope(call: Expr, operand: Var, partial: Any) -> str:
    return "none" if partial is None else _code(call.gradient(operand))


def _code(*parts: Any) -> str:
    return "<br>".join(f"`{part}`" for part in parts).replace("|", r"\|")


def _operands(row: Primitive) -> list[str]:
    """What the row's partials call its operands."""
    for partial in filter(callable, row.partials):
        if names := list(inspect.signature(partial).parameters)[1:]:
            return names
    return _OPERANDS[row.arity].split()


def _nothing_missing(app: Any, env: Any) -> None:
    for name in exprad.__all__:
        if f"exprad.{name}" not in env.domains.python_domain.objects:
            getLogger(__name__).warning("public name %r is on no page under docs/api", name)


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("public", Public)
    app.add_directive("rows", Rows)
    app.connect("env-check-consistency", _nothing_missing)
    return {"parallel_read_safe": True}

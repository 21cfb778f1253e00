"""What targets call a row: a column of the row, keyed by target, and what holds where a row states nothing for one.

A spelling is a text or a function; what a text means, its target says:

- `numpy`, `mpmath`, `sympy`, `array`, `jax`, `torch`: a name in that library, or `"module:name"`;
- `python`: a name in `math`, `"module:name"`, or a template, in which `{0}`, `{1}`, ... are the operands;
- `c`, `cupy`: a function of math.h, by its name for doubles; a template, in which `{f}` is what functions of the type end
  in; or the definition of a function `{name}`, in which `{t}` is the type and `{s}` stands for how it is stored;
- `llvm`: a function of the C library, an intrinsic (`llvm.sqrt`), a comparison (`fcmp olt`), or `"module:name"`.

Functions get the operands: of Python, floats; of the libraries, their arrays or expressions. Those for `mpmath` get its
context before them, those for `llvm` a `kernels.Module`, and vectors, which have operators; and a function for `sympy` whose
first parameter is called `sp` gets SymPy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from importlib import import_module

from exprad.errors import OperandError
from exprad.ground.hints import Any

Spelling = str | Callable[..., Any] | None

TARGETS = ("python", "numpy", "c", "cupy", "llvm", "array", "jax", "torch", "sympy", "mpmath")
LIKE = {"cupy": "c", "jax": "array", "torch": "array"}  # targets that take what is stated for another
ARRAYS = {"array", "jax", "torch"}  # targets that call what is NumPy's by NumPy's name
TEXTS = {"python", "c", "cupy"}  # targets whose operators are texts
OBJECTS = ARRAYS | {"llvm", "sympy"}  # targets whose values have operators, which mean the table's
OPERATORS = frozenset(getattr(operator, name) for name in operator.__all__)


def merged(spell: Mapping[str, Any] | None, columns: Mapping[str, Any]) -> dict[str, Any]:
    """What a row states, in `spell` and in those of its columns that are targets of their own."""
    found = {target: value for target, value in columns.items() if value is not None}
    if spell:
        found.update(spell)
    return found


def check(name: str, arity: int, spell: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
    """Raise for what can't be a spelling."""
    for target, value in spell.items():
        if target not in TARGETS:
            raise OperandError(f"{name!r} is spelled for {target!r}, which is no target; targets: {', '.join(TARGETS)}")
        if columns.get(target) is not None:
            raise OperandError(f"{name!r} is spelled for {target!r} twice, as {columns[target]!r} and {value!r}")
        if not (value is None or isinstance(value, str) or callable(value)):
            raise OperandError(
                f"{name!r} is spelled for {target!r} by a text or a function, got {type(value).__name__}: {value!r}"
            )
        if target in TEXTS and isinstance(value, str) and "{" in value:
            _check_braces(name, target, value, arity)


def _check_braces(name: str, target: str, text: str, arity: int) -> None:
    fields = {} if target == "python" else dict.fromkeys("fts", "") | {"name": name}
    try:
        text.format(*[""] * arity, **fields)
    except (IndexError, KeyError, ValueError) as error:
        raise OperandError(
            f"{name!r} is spelled for {target!r} by {text!r}, whose braces can't be filled ({error}); it has "
            f"{arity} operand(s), braces of its own are doubled"
        ) from None


def found_at(place: str) -> Any:
    """What `"module:name"` stands for."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def stated_for(spell: Mapping[str, Any], target: str) -> Any:
    """What is stated for a target, or for one like it."""
    return spell[target] if target in spell else spell.get(LIKE.get(target, target))


def of(row: Any, target: str) -> Spelling:
    """What `target` calls a row; None where the row's formula, or NumPy, has to do.

    That is what the row states for it. Where it states nothing, one of exprad's own rows is spelled by its operator; or, if
    it has no formula, by its name. A user's row is what NumPy calls it in libraries like NumPy; its own name says nothing.
    """
    if target in row.spell or LIKE.get(target) in row.spell:
        return stated_for(row.spell, target)
    if not row.is_own:
        is_numpys = target in ARRAYS and isinstance(row.numpy, str) and ":" not in row.numpy
        return row.numpy if is_numpys else None
    if target in TEXTS and row.infix:
        return f"{{0}} {row.infix} {{1}}"
    if target in TEXTS and row.prefix:
        return f"{row.prefix}{{0}}"
    if target in OBJECTS and row.exact in OPERATORS:
        return row.exact
    return row.name if row.formula is None else None

"""The names of `exprad` itself: rows, functions of arrays, and what is loaded when it is first used."""

from __future__ import annotations

import inspect

import exprad
from exprad.ground.primitive import Primitive
from tools.stubs import operators
from tools.stubs.functions import HOMES, public_functions
from tools.stubs.overloads import HEADER, summary
from tools.stubs.rows import class_of, public_rows


def _homes() -> dict[str, str]:
    """Where each public name that is no row lives."""
    typed = {
        **dict.fromkeys(public_functions(), "signatures.arrays"),
        **dict.fromkeys(operators.names(), "signatures.operators"),
    }
    names = sorted({*exprad.__all__, *HOMES} - set(public_rows()))
    return {name: typed.get(name) or _home(name) for name in names}


def _home(name: str) -> str:
    return HOMES.get(name) or str(getattr(exprad, name).__module__).removeprefix("exprad.")


def _imports() -> list[str]:
    homes = _homes()
    return [
        f"from exprad.{module} import " + ", ".join(f"{name} as {name}" for name in homes if homes[name] == module)
        for module in sorted(set(homes.values()))
    ]


def _rows() -> list[str]:
    return [f'{name}: {class_of(row)}\n"""{_told(row)}"""' for name, row in public_rows().items()]


def _told(row: Primitive) -> str:
    """What the help of a row says of it, less its values at edges and its examples: those are computed."""
    lines = (inspect.getdoc(row) or "").partition("\n>>>")[0].rstrip().splitlines()
    told = "\n".join(line for line in lines if not line.startswith("- at "))
    return f"{told}\n" if "\n" in told else told


def text() -> str:
    kinds = sorted({class_of(row) for row in public_rows().values()})
    lines = [
        *_imports(),
        f"from exprad.signatures.rows import {', '.join(kinds)}",
        "",
        "__version__: str",
        f"__all__ = {exprad.__all__!r}",
        "",
        *_rows(),
        "",
    ]
    return HEADER.format(doc=summary(exprad)) + "\n".join(lines)

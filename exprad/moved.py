"""Where modules were before they were sorted into rooms: what could be imported still imports, and is the same module.

A module that was parted has the names of all its parts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

from exprad.ground.hints import Any

MOVED = {
    "arithmetic": "carrier",
    "arrays.tracing": "graph.tracing",
    "backends.kernels": "backends.native",
    "backends.llvm": "backends.native.llvm",
    "backends.mathematics": "backends.native.mathematics",
    "backends.objects": "backends.native.cache",
    "blocks": "derivatives.blocks",
    "certificate": "insight.certificate",
    "checkpoint": "graph.checkpoint",
    "digits": "ground.digits",
    "elementary": "tables.elementary",
    "evaluation": "graph.evaluation",
    "expr": "graph.expr",
    "files": "ground.files",
    "fingerprint": "ground.fingerprint",
    "forks": "ground.forks",
    "intern": "ground.intern",
    "kink": "derivatives.kink",
    "one_sided": "derivatives.one_sided",
    "primitive": "ground.primitive",
    "program": "graph.program",
    "sides": "derivatives.sides",
    "simplify": "graph.simplify",
    "sparsity": "derivatives.sparsity",
    "special": "tables.special",
    "traverse": "ground.traverse",
    "value": "numbers",
}
_SLOPES = (
    "derivatives.gradient",
    "derivatives.jacobian",
    "derivatives.hessian",
    "derivatives.products",
    "graph.substitution",
)
PARTED = {"derivatives.matrices": _SLOPES, "matrices": _SLOPES}


class _Finder:
    """Finds a module under the name that it had."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        if package != "exprad" or old not in MOVED and old not in PARTED:
            return None
        return ModuleSpec(name, _Loader(MOVED[old]) if old in MOVED else _Gatherer(PARTED[old]))  # type: ignore[arg-type]  # they load


class _Loader:
    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        found = import_module(f"exprad.{self.new}")
        self.own = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own


class _Gatherer:
    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = parts

    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """A new one, as Python makes it."""

    def exec_module(self, module: ModuleType) -> None:
        for part in self.parts:
            names = vars(import_module(f"exprad.{part}"))
            vars(module).update({name: names[name] for name in names if name[0] != "_"})


def keep_old_names() -> None:
    """Let old names of modules be imported."""
    sys.meta_path.append(_Finder)
    # else importing it would replace the function
    sys.modules["exprad.simplify"] = sys.modules["exprad.graph.simplify"]

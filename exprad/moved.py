"""Where modules were before they were sorted into rooms: what could be imported still imports, and is the same module."""

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
    "matrices": "derivatives.matrices",
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


class _Finder:
    """Finds a module under the name that it had."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        return ModuleSpec(name, _Loader(MOVED[old])) if package == "exprad" and old in MOVED else None  # type: ignore[arg-type]  # it loads


class _Loader:
    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        found = import_module(f"exprad.{self.new}")
        self.own = found.__spec__
        return found

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own


def keep_old_names() -> None:
    """Let old names of modules be imported."""
    sys.meta_path.append(_Finder)
    # else importing it would replace the function
    sys.modules["exprad.simplify"] = sys.modules["exprad.graph.simplify"]

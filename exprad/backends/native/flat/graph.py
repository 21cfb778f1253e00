"""Large programs without nodes: graphs are read where they lie, lowered and differentiated as arrays, and run from these.

The expressions of a derivative that nobody looks at are never made. The passes are the classes of `walk`, `kinds`,
`derivation` and `allocation`; what they know of rows is in `templates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.backends.native import engine, layout
from exprad.backends.native.flat.derived import Calls, Derived
from exprad.backends.native.flat.program import FlatProgram
from exprad.backends.native.flat.subset import Run, has_sources, in_machine_code
from exprad.backends.native.flat.walk import ABSENT, WHOLE, objects, walked
from exprad.derivatives.unseen import Unseen
from exprad.graph.expr import Const, Expr, Var, variables_by_name


def is_read() -> bool:
    """Whether graphs can be read where they lie, by machine code."""
    return engine.is_installed() and layout.has_builtins() and has_sources()


def programmed(parts: Sequence[Expr | Unseen], run: Run = in_machine_code) -> FlatProgram | None:
    """The program of expressions and of derivatives that nobody has looked at; None where it can't be made so."""
    unseen = [part for part in parts if isinstance(part, Unseen)]
    roots = [part.f if isinstance(part, Unseen) else part for part in parts]
    directions = [each for part in unseen for each in part.direction]
    found = _read([*roots, *directions], max([len(part.wrt) for part in unseen], default=0), run)
    if found is None:
        return None
    calls, places = found
    derived = Derived(calls, len(unseen), run)
    if not derived.is_known:
        return None
    outputs = [
        derived.gradient(at, part.wrt) if isinstance(part, Unseen) else [derived.step(at)]
        for part, at in zip(parts, places, strict=False)
    ]
    along = [derived.step(at) for at in places[len(parts) :]]
    if not derived.is_known:
        return None
    first = derived.program(np.concatenate([*outputs, along]).astype(WHOLE))
    return _along(first, parts, [len(each) for each in outputs], run) if along else first


def _read(outputs: Sequence[Expr], leaves: int, run: Run) -> tuple[Calls, list[int]] | None:
    """The calls that outputs reach, which have about so many leaves, and where the outputs are; None where there are arrays."""
    walk = walked(outputs, leaves, run)
    if walk is None:
        return None
    found: list[Any] = objects(walk.leaves, walk.leaf_count)
    variables_by_name(found)  # refuses one name with two shapes
    classes = objects(walk.types, walk.type_count)
    if any(leaf.shape for leaf in found):
        return None
    rows = [getattr(each, "primitive", None) if each.shape == () else None for each in classes]
    return Calls(walk.nodes, walk.kinds, walk.operands, found, rows), walk.found.tolist()


def _along(first: FlatProgram, parts: Sequence[Expr | Unseen], counts: Sequence[int], run: Run) -> FlatProgram | None:
    """The program where gradients that have a direction become their tangents: the Hessian's products with it.

    The outputs of `first` are those of the parts, of each so many, and then the directions.
    """
    calls = _calls(first)
    derived = Derived(calls, sum(isinstance(part, Unseen) and bool(part.direction) for part in parts), run)
    if not derived.is_known:
        return None
    where = np.array(first.outputs)
    where = np.where(where < first.first, -1 - where, where - first.first).astype(WHOLE)
    along = iter(where[sum(counts) :].tolist())
    outputs, start = [], 0
    for part, count in zip(parts, counts, strict=True):
        own = where[start : start + count]
        if isinstance(part, Unseen) and part.direction:
            pairs = zip(part.wrt, part.direction, along, strict=False)
            directions: dict[Expr, int] = {x: derived.step(at) for x, each, at in pairs if each is not Const(0)}
            outputs.append(derived.tangents(own.copy(), directions))
        else:
            outputs.append(np.array([derived.step(at) for at in own.tolist()], WHOLE))
        start += count
    return derived.program(np.concatenate(outputs)) if derived.is_known else None


def _calls(program: FlatProgram) -> Calls:
    """The calls of a program, which may be derived again."""
    leaves = [*map(Var, program.names), *map(Const, program.values)]
    count = program.first
    read = program.operands
    operands = np.where(read == ABSENT, ABSENT, np.where(read < count, -1 - read, read - count)).astype(WHOLE)
    return Calls(np.ones(len(program.heads), np.int64), program.heads.copy(), operands, leaves, program.table)

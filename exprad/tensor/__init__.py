"""THE SECOND TABLE: rows that are not elementwise. They state a pushforward and a pullback instead of partials.

A family is a row with parameters (an axis, a shape, an index). Its rules take operands of any kind, numbers, arrays,
expressions, as the chain rule does, and the parameters by name. A family that is linear in its one operand states
its transpose alone: that is its pullback, and it is its own pushforward.
"""

from __future__ import annotations

from typing import Any

from exprad.errors import OperandError
from exprad.ground.primitive import check_unchanged
from exprad.tensor import batching as _batching
from exprad.tensor import carrying as _carrying
from exprad.tensor import folding as _folding
from exprad.tensor import kinked as _kinked
from exprad.tensor import libraries as _libraries
from exprad.tensor import looping as _looping
from exprad.tensor import spelled as _spelled
from exprad.tensor.batching import at_points as at_points
from exprad.tensor.family import *
from exprad.tensor.family import Family, Structural
from exprad.tensor.linear import *
from exprad.tensor.matrices import *
from exprad.tensor.reductions import *


def restored(name: str, arity: int, parameters: dict[str, Any], version: str = "", digest: str = "") -> Structural:
    """The row of a pickle; of a user's family, if it says what it said when it was pickled."""
    if name not in Family.registry:
        raise OperandError(f"no family is called {name!r}; define Family({name!r}, ...) first")
    family = Family.registry[name]
    if digest:
        check_unchanged(family, "family", version, digest)
    return family.row(arity, **parameters)


Structural.push, Structural.pull = _carrying.push, _carrying.pull  # what a row does that is written in terms of rows
Structural.folded, Structural.by_formula = _folding.folded, _batching.without_axes
Structural.restored = staticmethod(restored)
Family.sealed = True  # all families above are exprad's own

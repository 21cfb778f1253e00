"""THE SECOND TABLE: rows that are not elementwise. They state a pushforward and a pullback instead of partials.

A family is a row with parameters (an axis, a shape, an index). Its rules take operands of any kind, numbers, arrays,
expressions, as the chain rule does, and the parameters by name. A family that is linear in its one operand states
its transpose alone: that is its pullback, and it is its own pushforward.
"""

from __future__ import annotations

from exprad.tensor import kinked as _kinked
from exprad.tensor.batching import at_points as at_points
from exprad.tensor.family import *
from exprad.tensor.linear import *
from exprad.tensor.matrices import *
from exprad.tensor.reductions import *

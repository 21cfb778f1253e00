"""jit: Python functions of arrays and numbers, traced once for each form of their arguments, and compiled."""

from exprad.traced.jitted import Jitted, jit

__all__ = ["Jitted", "jit"]

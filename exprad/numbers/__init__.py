"""What a row gives on plain numbers and arrays."""

from exprad.numbers.kinds import evaluate, is_operator
from exprad.numbers.library import broadcast, function_of, like
from exprad.numbers.number import EXACT, Number, as_float, by_formula, unwrap
from exprad.numbers.numpy import constant_of_dtype, keep, numpy_function, on_floats
from exprad.numbers.power import by_squaring, whole_power

__all__ = [
    "EXACT",
    "Number",
    "as_float",
    "broadcast",
    "by_formula",
    "by_squaring",
    "constant_of_dtype",
    "evaluate",
    "function_of",
    "is_operator",
    "keep",
    "like",
    "numpy_function",
    "on_floats",
    "unwrap",
    "whole_power",
]

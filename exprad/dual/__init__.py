"""Dual numbers: a value and its derivative in one direction, computed together; and derivatives of Python functions by them."""

from exprad.dual.dual_number import DualNumber, dual, part
from exprad.dual.function import derivative, gradient, hessian

__all__ = ["DualNumber", "derivative", "dual", "gradient", "hessian", "part"]

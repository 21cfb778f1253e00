"""Derivatives of expressions: operators, one-sided derivatives, sparse matrices."""

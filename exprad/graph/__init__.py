"""Expressions: nodes, folds, programs, values."""

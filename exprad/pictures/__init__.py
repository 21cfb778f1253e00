"""Expressions as pictures."""

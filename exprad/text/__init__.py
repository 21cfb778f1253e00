"""Expressions as text, both ways."""

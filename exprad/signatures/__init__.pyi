"""Declarations alone, for type checkers: what the tables say of functions and carriers. Generated, save this file."""

"""The stubs: what type checkers are told of that the tables state, and of what is installed or loaded at run time.

`python -m tools.stubs` writes them; with `--check` it compares, and fails where one is not current.
"""

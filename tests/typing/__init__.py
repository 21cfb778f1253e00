"""What mypy and pyright must say of right uses and of wrong ones; `make lint` asks both.

`right()` holds uses whose types are told, and `tests/test_typing.py` runs it to see that they are what comes out.
`wrong()` is never run: each line is an error, and its comments, which are checked to be needed, say which one.
"""

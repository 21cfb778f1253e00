"""Text for Sphinx: docstrings are plain, with `code` in single backticks; examples are doctests, which end in a blank line."""

from __future__ import annotations

import re
from typing import Any

from docutils.nodes import Text, literal_block

_EXAMPLE = re.compile(r"^([ ]*>>>.*?)(?:\n[ ]*\n|\Z)", re.DOTALL | re.MULTILINE)  # from a prompt to a blank line
_CODE = re.compile(r"`([^`]+)`")
_MARKUP = re.compile(r"([\\*|]|_\b)")


def restructured(text: str) -> str:
    """A docstring as reStructuredText: what is in backticks is literal, each example stands apart, nothing else is markup."""
    parts = _EXAMPLE.split(text)
    return "".join(f"\n\n{part}\n\n" if place % 2 else _prose(part) for place, part in enumerate(parts)).strip()


def _prose(text: str) -> str:
    parts = _CODE.split(text)
    return "".join(f"``{part}``" if place % 2 else _MARKUP.sub(r"\\\1", part) for place, part in enumerate(parts))


def _process(app: Any, what: str, name: str, documented: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [*restructured("\n".join(lines)).split("\n"), ""]


def _trim(app: Any, doctree: Any) -> None:
    for block in doctree.findall(literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.astext().rstrip()
            block.children = [Text(block.rawsource)]


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _process)
    app.connect("doctree-read", _trim)
    return {"parallel_read_safe": True}

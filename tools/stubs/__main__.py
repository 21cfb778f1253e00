"""`python -m tools.stubs` writes the stubs; `python -m tools.stubs --check` says whether they are current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.stubs import carriers, functions, operators, public, rows

ROOT = Path(__file__).parents[2]
STUBS = {
    "exprad/__init__.pyi": public.text,
    "exprad/signatures/arrays.pyi": functions.text,
    "exprad/signatures/carriers.pyi": carriers.text,
    "exprad/signatures/operators.pyi": operators.text,
    "exprad/signatures/rows.pyi": rows.text,
}


def formatted(path: str, text: str) -> str:
    """The text of a stub as the linter and the formatter leave it."""
    for command in (["check", "--fix", "--quiet", "--select", "F401,I"], ["format"]):
        whole = [sys.executable, "-m", "ruff", *command, "--stdin-filename", path, "-"]
        text = subprocess.run(whole, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def main(arguments: list[str]) -> int:
    stale = []
    for path, text in STUBS.items():
        wanted, place = formatted(path, text()), ROOT / path
        if not place.exists() or place.read_text(encoding="utf-8") != wanted:
            stale.append(path)
            if "--check" not in arguments:
                place.write_text(wanted, encoding="utf-8")
    if stale:
        print(
            "\n".join(
                f"{path}: not current; run python -m tools.stubs" if "--check" in arguments else f"{path}: written"
                for path in stale
            )
        )
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m benchmarks [symbolic] [compiled] [arrays]`: exprad and the installed peers, in turn in one run, as ratios."""

from __future__ import annotations

import sys

from benchmarks import arrays, compiled, symbolic

PARTS = {"symbolic": symbolic.main, "compiled": compiled.main, "arrays": arrays.main}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"no part is called {name!r}; parts: {', '.join(PARTS)}")
        PARTS[name]()

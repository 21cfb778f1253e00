"""`python -m benchmarks [PART ...]`: exprad and its peers in turn, as ratios; all parts, or those that are named."""

from __future__ import annotations

import sys

from benchmarks import arrays, compiled, first, forecast, jitted, long, native, shaped, symbolic, unseen

PARTS = {
    "symbolic": symbolic.main,
    "compiled": compiled.main,
    "native": native.main,
    "arrays": arrays.main,
    "long": long.main,
    "unseen": unseen.main,
    "forecast": forecast.main,
    "jitted": jitted.main,
    "shaped": shaped.main,
    "first": first.main,
}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"no part is called {name!r}; parts: {', '.join(PARTS)}")
        PARTS[name]()

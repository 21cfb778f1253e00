"""`python -m tests.programs --count 1000 --seed 0`: how many differences there are, by kind, and programs that show them."""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from typing import Any

from tests.programs.differences import Difference, differences
from tests.programs.generator import program
from tests.programs.shrink import shrunk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=1, help="shrunk programs to print of each kind")
    options = parser.parse_args()
    start = time.process_time()
    met: dict[str, list[tuple[int, Difference]]] = defaultdict(list)
    wrong = 0
    for number in range(options.first, options.first + options.count):
        found = differences(program(options.seed, number), number)
        wrong += bool(found)
        for each in found:
            met[each.kind].append((number, each))
    spent = time.process_time() - start
    print(f"{options.count} programs, {wrong} with a difference, {1e3 * spent / options.count:.1f} ms each")
    for kind, each in sorted(met.items()):
        report(kind, each, options)


def report(kind: str, met: list[tuple[int, Difference]], options: Any) -> None:
    """One kind: how many programs, by which routes, and the shortest that some of them become."""
    numbers = sorted({number for number, _ in met})
    routes = Counter(each.route for _, each in met)
    print(f"\n## {kind}: {len(numbers)} programs, {numbers[:8]}")
    print(", ".join(f"{route} {count}" for route, count in routes.most_common()))
    shortest = {}
    for number, each in met[: 20 * options.show : 4]:
        short, difference = shrunk(program(options.seed, number), each.route, kind)
        shortest[str(short)] = (number, difference)
    for text in sorted(shortest, key=len)[: options.show]:
        number, difference = shortest[text]
        print(f"# program {number}, {difference}\n{text}\n")


main()

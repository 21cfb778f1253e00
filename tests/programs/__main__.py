"""`python -m tests.programs --count 1000 --seed 0`: how many differences there are, by kind, and programs that show them.

`--exprad PATH` asks another checkout's exprad the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=1, help="shrunk programs to print of each kind")
    parser.add_argument("--exprad", help="the folder that holds the exprad to ask, where it is another")
    options = parser.parse_args()
    if options.exprad:
        sys.path.insert(0, options.exprad)
    from tests.programs.differences import Difference, differences
    from tests.programs.generator import program

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
    for kind, all_of_kind in sorted(met.items()):
        report(kind, all_of_kind, options)


def report(kind: str, met: list[tuple[int, Any]], options: Any) -> None:
    """One kind: how many programs, by which routes, and the shortest that some of them become."""
    from tests.programs.generator import program
    from tests.programs.shrink import shrunk

    routes = Counter(each.route for _, each in met)
    print(f"\n## {kind}: {len({number for number, _ in met})} programs")
    print(", ".join(f"{route} {count}" for route, count in routes.most_common()))
    shortest = {}
    for number, each in met[:: max(1, len(met) // (4 * options.show or 1))][: 4 * options.show]:
        short, difference = shrunk(program(options.seed, number), each.route, kind)
        shortest[str(short)] = (number, difference)
    for text in sorted(shortest, key=len)[: options.show]:
        number, difference = shortest[text]
        print(f"# program {number}, {difference}\n{text}\n", flush=True)


main()

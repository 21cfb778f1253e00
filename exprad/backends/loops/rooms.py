"""Where the rooms of a program lie: each is given out again as soon as it was read for the last time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Any

from exprad.backends.loops.jobs import Memory, Nest
from exprad.backends.loops.views import View

ALIGNED = 8  # elements, of which each room is a multiple


def views_of(job: Any) -> Iterator[View]:
    """What a job reads and writes."""
    if job.__class__ is Nest:
        yield from (source for source in job.sources if source.__class__ is View)
        yield from (view for _, view in job.writes)
        return
    for part in job:
        if part.__class__ is View:
            yield part
        elif part.__class__ is list:
            yield from part


def placed(jobs: Sequence[Any], memories: list[Memory]) -> int:
    """Give each room its place among all, and say how many elements these take.

    A piece that is free again goes to whoever asks for as many elements, or at least half as many.
    """
    touched = [[view.memory for view in views_of(job)] for job in jobs]
    last = {memory: number for number, each in enumerate(touched) for memory in each}
    ends: dict[int, list[tuple[int, int]]] = {}
    free: list[tuple[int, int]] = []  # pieces: how many elements, and where they begin
    given: set[int] = set()
    beyond = 0
    for number, each in enumerate(touched):
        for memory in each:
            if memory in given or memories[memory].kind != "room":
                continue
            given.add(memory)
            size = -(-memories[memory].size // ALIGNED) * ALIGNED
            place = bisect_left(free, (size, -1))
            if place < len(free) and free[place][0] <= 2 * size:
                piece = free.pop(place)
            else:
                piece, beyond = (size, beyond), beyond + size
            memories[memory] = memories[memory]._replace(place=piece[1])
            ends.setdefault(last[memory], []).append(piece)
        for piece in ends.pop(number, ()):
            insort(free, piece)
    return beyond

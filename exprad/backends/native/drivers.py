"""The code that runs tables of loops for arrays of Python's, and the loops of elementwise rows: each made once, and kept."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from exprad.backends.native import engine, linking
from exprad.backends.native.handlers import HANDLERS
from exprad.backends.native.layout import ALIGNED, CONTIGUOUS, TUPLE_ITEMS, TYPE, Array
from exprad.backends.native.loops import moves, row_loop
from exprad.backends.native.module import Module
from exprad.ground.primitive import Primitive

MOST_ARRAYS = 16  # of a loop
_BINDING = """
; write to the table where arrays lie; 0, or the number from 1 of the first that is not as the table expects. The head is
; [arrays, the address of NumPy's type of arrays, that of their dtype, table, beyond its jobs, then for each array (axes,
; size ..., how many places, (place, bytes beyond) ...)]
define i64 @exprad_bind(ptr %head, ptr %tuple) {
entry:
  %arrays = load i64, ptr %head, align 8
  %cp = getelementptr i64, ptr %head, i64 1
  %class = load i64, ptr %cp, align 8
  %dp = getelementptr i64, ptr %head, i64 2
  %kind = load i64, ptr %dp, align 8
  %tp = getelementptr i64, ptr %head, i64 3
  %table = load ptr, ptr %tp, align 8
  %start = getelementptr i64, ptr %head, i64 5
  %items = getelementptr i8, ptr %tuple, i64 ITEMS
  br label %arrays_
arrays_:
  %k = phi i64 [ 0, %entry ], [ %k1, %bound ]
  %p = phi ptr [ %start, %entry ], [ %q, %bound ]
  %any = icmp slt i64 %k, %arrays
  br i1 %any, label %array, label %good
array:
  %k1 = add i64 %k, 1
  %ip = getelementptr ptr, ptr %items, i64 %k
  %a = load ptr, ptr %ip, align 8
  %op = getelementptr i8, ptr %a, i64 TYPE
  %own = load i64, ptr %op, align 8
  %is_array = icmp eq i64 %own, %class
  br i1 %is_array, label %look, label %bad
look:
  %fp = getelementptr i8, ptr %a, i64 FLAGS
  %flags = load i32, ptr %fp, align 4
  %held = and i32 %flags, USUAL
  %plain = icmp eq i32 %held, USUAL
  %ep = getelementptr i8, ptr %a, i64 KIND
  %type = load i64, ptr %ep, align 8
  %alike = icmp eq i64 %type, %kind
  %np = getelementptr i8, ptr %a, i64 RANK
  %rank32 = load i32, ptr %np, align 4
  %rank = sext i32 %rank32 to i64
  %axes = load i64, ptr %p, align 8
  %same = icmp eq i64 %rank, %axes
  %ok0 = and i1 %plain, %alike
  %ok = and i1 %ok0, %same
  br i1 %ok, label %shaped, label %bad
shaped:
  %vp = getelementptr i8, ptr %a, i64 SHAPE
  %sizes = load ptr, ptr %vp, align 8
  br label %sizes_
sizes_:
  %s = phi i64 [ 0, %shaped ], [ %s1, %size ]
  %further = icmp slt i64 %s, %axes
  br i1 %further, label %size, label %bind
size:
  %s1 = add i64 %s, 1
  %have_at = getelementptr i64, ptr %sizes, i64 %s
  %have = load i64, ptr %have_at, align 8
  %want_at = getelementptr i64, ptr %p, i64 %s1
  %want = load i64, ptr %want_at, align 8
  %fits = icmp eq i64 %have, %want
  br i1 %fits, label %sizes_, label %bad
bind:
  %xp = getelementptr i8, ptr %a, i64 DATA
  %x = load i64, ptr %xp, align 8
  %beyond_sizes = add i64 %axes, 1
  %count_at = getelementptr i64, ptr %p, i64 %beyond_sizes
  %count = load i64, ptr %count_at, align 8
  %p0 = getelementptr i64, ptr %count_at, i64 1
  br label %each
each:
  %j = phi i64 [ 0, %bind ], [ %j1, %one ]
  %q = phi ptr [ %p0, %bind ], [ %q1, %one ]
  %more = icmp slt i64 %j, %count
  br i1 %more, label %one, label %bound
one:
  %place = load i64, ptr %q, align 8
  %yp = getelementptr i64, ptr %q, i64 1
  %offset = load i64, ptr %yp, align 8
  %address = add i64 %x, %offset
  %cell = getelementptr i64, ptr %table, i64 %place
  store i64 %address, ptr %cell, align 8
  %j1 = add i64 %j, 1
  %q1 = getelementptr i64, ptr %q, i64 2
  br label %each
bound:
  br label %arrays_
good:
  ret i64 0
bad:
  ret i64 %k1
}

; both
define i64 @exprad_call(ptr %head, ptr %tuple) {
entry:
  %bad = call i64 @exprad_bind(ptr %head, ptr %tuple)
  %ok = icmp eq i64 %bad, 0
  br i1 %ok, label %run, label %done
run:
  %tp = getelementptr i64, ptr %head, i64 3
  %table = load ptr, ptr %tp, align 8
  %bp = getelementptr i64, ptr %head, i64 4
  %beyond = load ptr, ptr %bp, align 8
  call void @exprad_run(ptr %table, ptr %beyond)
  br label %done
done:
  ret i64 %bad
}
""".strip()
_NAMES = {
    "MOST": MOST_ARRAYS,
    "ITEMS": TUPLE_ITEMS,
    "FLAGS": Array.flags.offset,
    "KIND": Array.dtype.offset,
    "DATA": Array.data.offset,
    "RANK": Array.rank.offset,
    "SHAPE": Array.shape.offset,
    "TYPE": TYPE,
    "USUAL": CONTIGUOUS | ALIGNED,
}


def drivers(module: Module) -> str:
    """The module of what runs tables, and of the loops that move numbers."""
    text = f"{HANDLERS}\n\n{_BINDING}"
    for name, value in _NAMES.items():
        text = text.replace(name, str(value))
    return module.text(*moves(module), text)


class Drivers:
    """What runs tables of one real type, and the addresses of the loops that move numbers."""

    def __init__(self, real: str) -> None:
        module = linking.new_module(engine.width(), real, False)
        self.engine, call = linking.linked(module, drivers(module), "exprad_call")
        names = "direct nest lines run bind copy move gather scatter".split()
        addresses = [int(self.engine.get_function_address(f"exprad_{name}")) for name in names]
        self.direct, self.nest, self.lines, run, bind, self.copy, self.move, self.gather, self.scatter = addresses
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        self.call = ctypes.CFUNCTYPE(whole, pointer, pointer)(call)
        self.bind = ctypes.CFUNCTYPE(whole, pointer, pointer)(bind)
        self.run = ctypes.CFUNCTYPE(None, pointer, pointer)(run)
        self.units = ctypes.CFUNCTYPE(None, pointer, whole, whole, whole)(self.nest)


@cache
def drivers_of(real: str) -> Drivers:
    """What runs tables of a real type."""
    return Drivers(real)


@cache
def row_loop_at(row: Primitive, real: str, fast: bool) -> int:
    """The address of the loop of an elementwise row."""
    with engine.compiling():
        return _made(row, real, fast)[1]


@cache
def _made(row: Primitive, real: str, fast: bool) -> tuple[Any, int]:
    module = linking.new_module(engine.width(), real, fast)
    return linking.linked(module, module.text(row_loop(module, row, "loop")), "loop")

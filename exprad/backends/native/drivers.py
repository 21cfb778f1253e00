"""The code that runs tables of loops, and the loops of elementwise rows: each made once, and kept.

A table is a list of jobs, each of which begins with its handler and how many words it takes; all words are whole numbers of
64 bits. `tables` writes them.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from exprad.backends.native import engine, linking
from exprad.backends.native.layout import ALIGNED, CONTIGUOUS, TUPLE_ITEMS, TYPE, Array
from exprad.backends.native.loops import moves, row_loop
from exprad.backends.native.module import Module
from exprad.ground.primitive import Primitive

MOST_ARRAYS = 16  # of a loop
# What runs tables. A job is [handler, words, ...]; handlers take the job, from which unit to which, and where a thread's
# registers lie from the first thread's.
_DRIVERS = """
; [handler, words, 1, loop, data, arrays, where counts lie, where steps lie, addresses ...]: one call
define void @exprad_direct(ptr %job, i64 %first, i64 %last, i64 %delta) {
entry:
  %args = alloca [MOST x ptr], align 16
  %fp = getelementptr i64, ptr %job, i64 3
  %function = load ptr, ptr %fp, align 8
  %gp = getelementptr i64, ptr %job, i64 4
  %data = load ptr, ptr %gp, align 8
  %ap = getelementptr i64, ptr %job, i64 5
  %arrays = load i64, ptr %ap, align 8
  %cp = getelementptr i64, ptr %job, i64 6
  %count_at = load i64, ptr %cp, align 8
  %count = getelementptr i64, ptr %job, i64 %count_at
  %tp = getelementptr i64, ptr %job, i64 7
  %steps_at = load i64, ptr %tp, align 8
  %steps = getelementptr i64, ptr %job, i64 %steps_at
  %addresses = getelementptr i64, ptr %job, i64 8
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %next, %head ]
  %from = getelementptr i64, ptr %addresses, i64 %k
  %to = getelementptr ptr, ptr %args, i64 %k
  %address = load i64, ptr %from, align 8
  store i64 %address, ptr %to, align 8
  %next = add i64 %k, 1
  %more = icmp slt i64 %next, %arrays
  br i1 %more, label %head, label %done
done:
  call void %function(ptr %args, ptr %count, ptr %steps, ptr %data)
  ret void
}

; [handler, words, units, n, block, blocks, axes, calls, (size of an axis) ..., calls ...]; a unit is a block of at most `block`
; of the n elements of the last axis, at one place of the other axes. A call is [words, loop, data, arrays, where counts lie or
; 0, where steps lie, addresses ..., (bytes to the next element) ..., (1 for registers, else 0) ..., (bytes along an axis) ...,
; and so on for each axis]
define void @exprad_nest(ptr %job, i64 %first, i64 %last, i64 %delta) {
entry:
  %args = alloca [MOST x ptr], align 16
  %places = alloca [32 x i64], align 16
  %left = alloca i64, align 8
  %np = getelementptr i64, ptr %job, i64 3
  %n = load i64, ptr %np, align 8
  %bp = getelementptr i64, ptr %job, i64 4
  %block = load i64, ptr %bp, align 8
  %mp = getelementptr i64, ptr %job, i64 5
  %blocks = load i64, ptr %mp, align 8
  %rp = getelementptr i64, ptr %job, i64 6
  %rank = load i64, ptr %rp, align 8
  %kp = getelementptr i64, ptr %job, i64 7
  %calls = load i64, ptr %kp, align 8
  %sizes = getelementptr i64, ptr %job, i64 8
  %start = getelementptr i64, ptr %sizes, i64 %rank
  br label %units
units:
  %u = phi i64 [ %first, %entry ], [ %u1, %called ]
  %any = icmp slt i64 %u, %last
  br i1 %any, label %unit, label %done
unit:
  %outer = udiv i64 %u, %blocks
  %whole = mul i64 %outer, %blocks
  %b = sub i64 %u, %whole
  %at = mul i64 %b, %block
  %rest = sub i64 %n, %at
  %fits = icmp slt i64 %rest, %block
  %count = select i1 %fits, i64 %rest, i64 %block
  store i64 %count, ptr %left, align 8
  br label %axes
axes:
  %r = phi i64 [ %rank, %unit ], [ %r1, %axis ]
  %o = phi i64 [ %outer, %unit ], [ %o1, %axis ]
  %inner = icmp sgt i64 %r, 0
  br i1 %inner, label %axis, label %begin
axis:
  %r1 = sub i64 %r, 1
  %sp = getelementptr i64, ptr %sizes, i64 %r1
  %size = load i64, ptr %sp, align 8
  %o1 = udiv i64 %o, %size
  %back = mul i64 %o1, %size
  %place = sub i64 %o, %back
  %pp = getelementptr i64, ptr %places, i64 %r1
  store i64 %place, ptr %pp, align 8
  br label %axes
begin:
  br label %each
each:
  %c = phi i64 [ 0, %begin ], [ %c1, %call ]
  %p = phi ptr [ %start, %begin ], [ %p1, %call ]
  %fp = getelementptr i64, ptr %p, i64 1
  %function = load ptr, ptr %fp, align 8
  %gp = getelementptr i64, ptr %p, i64 2
  %data = load ptr, ptr %gp, align 8
  %ap = getelementptr i64, ptr %p, i64 3
  %arrays = load i64, ptr %ap, align 8
  %cp = getelementptr i64, ptr %p, i64 4
  %count_at = load i64, ptr %cp, align 8
  %tp = getelementptr i64, ptr %p, i64 5
  %steps_at = load i64, ptr %tp, align 8
  %steps = getelementptr i64, ptr %p, i64 %steps_at
  %addresses = getelementptr i64, ptr %p, i64 6
  %bumps = getelementptr i64, ptr %addresses, i64 %arrays
  %own = getelementptr i64, ptr %bumps, i64 %arrays
  %strides = getelementptr i64, ptr %own, i64 %arrays
  br label %array
array:
  %k = phi i64 [ 0, %each ], [ %k1, %placed ]
  %xp = getelementptr i64, ptr %addresses, i64 %k
  %x = load i64, ptr %xp, align 8
  %yp = getelementptr i64, ptr %bumps, i64 %k
  %y = load i64, ptr %yp, align 8
  %along = mul i64 %y, %at
  %zp = getelementptr i64, ptr %own, i64 %k
  %z = load i64, ptr %zp, align 8
  %moved = mul i64 %z, %delta
  %x1 = add i64 %x, %along
  %x2 = add i64 %x1, %moved
  br label %offsets
offsets:
  %q = phi i64 [ 0, %array ], [ %q1, %offset ]
  %address = phi i64 [ %x2, %array ], [ %address1, %offset ]
  %further = icmp slt i64 %q, %rank
  br i1 %further, label %offset, label %placed
offset:
  %row = mul i64 %q, %arrays
  %cell = add i64 %row, %k
  %vp = getelementptr i64, ptr %strides, i64 %cell
  %v = load i64, ptr %vp, align 8
  %ip = getelementptr i64, ptr %places, i64 %q
  %index = load i64, ptr %ip, align 8
  %by = mul i64 %v, %index
  %address1 = add i64 %address, %by
  %q1 = add i64 %q, 1
  br label %offsets
placed:
  %to = getelementptr ptr, ptr %args, i64 %k
  store i64 %address, ptr %to, align 8
  %k1 = add i64 %k, 1
  %others = icmp slt i64 %k1, %arrays
  br i1 %others, label %array, label %call
call:
  %is_block = icmp eq i64 %count_at, 0
  %own_count = getelementptr i64, ptr %p, i64 %count_at
  %dims = select i1 %is_block, ptr %left, ptr %own_count
  call void %function(ptr %args, ptr %dims, ptr %steps, ptr %data)
  %words = load i64, ptr %p, align 8
  %p1 = getelementptr i64, ptr %p, i64 %words
  %c1 = add i64 %c, 1
  %again = icmp slt i64 %c1, %calls
  br i1 %again, label %each, label %called
called:
  %u1 = add i64 %u, 1
  br label %units
done:
  ret void
}

; jobs one after another, up to an address
define void @exprad_run(ptr %from, ptr %beyond) {
entry:
  br label %head
head:
  %job = phi ptr [ %from, %entry ], [ %next, %do ]
  %any = icmp ult ptr %job, %beyond
  br i1 %any, label %do, label %done
do:
  %handler = load ptr, ptr %job, align 8
  %wp = getelementptr i64, ptr %job, i64 1
  %words = load i64, ptr %wp, align 8
  %up = getelementptr i64, ptr %job, i64 2
  %units = load i64, ptr %up, align 8
  call void %handler(ptr %job, i64 0, i64 %units, i64 0)
  %next = getelementptr i64, ptr %job, i64 %words
  br label %head
done:
  ret void
}

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
    text = _DRIVERS
    for name, value in _NAMES.items():
        text = text.replace(name, str(value))
    return module.text(*moves(module), text)


class Drivers:
    """What runs tables of one real type, and the addresses of the loops that move numbers."""

    def __init__(self, real: str) -> None:
        module = linking.new_module(engine.width(), real, False)
        self.engine, call = linking.linked(module, drivers(module), "exprad_call")
        names = "direct nest run bind copy move gather scatter".split()
        addresses = [int(self.engine.get_function_address(f"exprad_{name}")) for name in names]
        self.direct, self.nest, run, bind, self.copy, self.move, self.gather, self.scatter = addresses
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

"""Programs of scalars as loops over arrays, of any layout: the text of the function that a call runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from exprad.backends.native.llvm import Code, defined, filled, repeated
from exprad.backends.native.module import Module
from exprad.backends.native.steps import whole_program
from exprad.graph.program import Program

# Values that wait on the stack must not have the low bits of addresses of constants, or loads of these wait for them: that
# cost a third of the time, by chance of where the stack lay. So the stack begins where a page does. (Windows asks for a
# function of its runtime library with frames of a page.)
FRAME = 4096 if os.name == "posix" else 64


def kernel(module: Module, program: Program, columns: Sequence[int]) -> str:
    """The module of `void kernel(ptr slots, i64 start, i64 stop)`, for the points from start to stop.

    The slots, first those of the variables in `columns`, then those of the outputs, are two numbers of 64 bits each: where
    an array begins, and the bytes from one number of it to the next. 0 bytes are one number everywhere, of an input. A
    block that is not full, and arrays that are not contiguous, go through buffers.
    """
    code = module.code
    results = whole_program(module, program, columns)
    body, code.lines = code.lines, []
    loop = _loop(code, len(columns), [result.name for result in results], body)
    return module.text(_fetch(code), _put(code), loop)


def point(module: Module, program: Program, columns: Sequence[int]) -> str:
    """The module of `void point(ptr inputs, ptr outputs)`, which computes one point of numbers that lie one after another."""
    code = module.code
    results = whole_program(module, program, columns)
    body, code.lines = code.lines, []
    names = {"real": code.real, "width": 1}
    stores = "".join([_POINT_STORE.format(k=k, result=result.name, **names) for k, result in enumerate(results)])
    lines = filled(
        repeated(_POINT_LOAD, len(columns), **names) + "{body}\n{stores}ret void", body="\n".join(body), stores=stores
    )
    return module.text(defined("void @point(ptr %inputs, ptr %outputs)", lines))


_POINT_LOAD = """\
%p{k} = getelementptr {real}, ptr %inputs, i64 {k}
%in{k} = load {real}, ptr %p{k}
"""
_POINT_STORE = """\
%q{k} = getelementptr {real}, ptr %outputs, i64 {k}
store {real} {result}, ptr %q{k}
"""


_LOOP = """\
entry:
%frame = alloca [64 x i8], align {frame}
store volatile i8 0, ptr %frame
{rooms}
%any = icmp slt i64 %start, %stop
br i1 %any, label %prepare, label %done
prepare:
%all0 = or i1 true, true
{arrays}
{targets}
br label %head
head:
%i = phi i64 [ %start, %prepare ], [ %next, %stored ]
%left = sub i64 %stop, %i
%more = icmp sgt i64 %left, 0
br i1 %more, label %block, label %done
block:
%next = add i64 %i, {width}
%fits = icmp sge i64 %left, {width}
%lanes = select i1 %fits, i64 {width}, i64 %left
%direct = and i1 %fits, %all{count}
br i1 %direct, label %load, label %gather
load:
{loads}
br label %compute
gather:
{fetches}
br label %compute
compute:
{inputs}
{body}
br i1 %direct, label %store, label %scatter
store:
{stores}
br label %stored
scatter:
{puts}
br label %stored
stored:
br label %head
done:
ret void"""
_ROOM = "%b{k} = alloca {kind}, align 64\n"  # for a number that is the same everywhere, in each lane
_SLOT = """\
%pp{k} = getelementptr i64, ptr %slots, i64 {pointer}
%p{k} = load ptr, ptr %pp{k}
%sp{k} = getelementptr i64, ptr %slots, i64 {stride}
%s{k} = load i64, ptr %sp{k}
%c{k} = icmp eq i64 %s{k}, {size}
"""
_SOURCE = """\
%z{k} = icmp eq i64 %s{k}, 0
%e{k} = load {real}, ptr %p{k}, align 1
%l{k} = insertelement {kind} poison, {real} %e{k}, i32 0
%r{k} = shufflevector {kind} %l{k}, {kind} poison, {places} zeroinitializer
store {kind} %r{k}, ptr %b{k}, align 64
%f{k} = select i1 %z{k}, ptr %b{k}, ptr %p{k}
%m{k} = select i1 %z{k}, i64 0, i64 -1
%y{k} = or i1 %c{k}, %z{k}
%all{next} = and i1 %all{k}, %y{k}
"""
_TARGET = "%all{next} = and i1 %all{k}, %c{k}\n"
_LOAD = """\
%i{k} = and i64 %i, %m{k}
%q{k} = getelementptr {real}, ptr %f{k}, i64 %i{k}
%d{k} = load {kind}, ptr %q{k}, align {size}
"""
_STORE = """\
%q{k} = getelementptr {real}, ptr %p{k}, i64 %i
store {kind} {result}, ptr %q{k}, align {size}
"""
_GATHERED = "%g{k} = call {kind} @fetch(ptr %p{k}, i64 %s{k}, i64 %i, i64 %lanes)\n"
_CHOSEN = "%in{k} = phi {kind} [ %d{k}, %load ], [ %g{k}, %gather ]\n"
_SCATTERED = "call void @put(ptr %p{k}, i64 %s{k}, i64 %i, i64 %lanes, {kind} {result})\n"


def _loop(code: Code, inputs: int, results: Sequence[str], body: Sequence[str]) -> str:
    count = inputs + len(results)
    names = {"kind": code.floats, "real": code.real, "size": code.size, "width": code.width, "frame": FRAME}
    outputs = [{**names, "k": k, "result": result} for k, result in enumerate(results, inputs)]
    slots = [_SLOT.format(k=k, pointer=2 * k, stride=2 * k + 1, **names) for k in range(count)]
    sources = [_SOURCE.format(k=k, next=k + 1, places=code.vector("i32"), **names) for k in range(inputs)]
    lines = filled(
        _LOOP,
        rooms=repeated(_ROOM, inputs, **names),
        arrays="".join([*slots, *sources]),
        targets="".join([_TARGET.format(k=k, next=k + 1) for k in range(inputs, count)]),
        loads=repeated(_LOAD, inputs, **names),
        fetches=repeated(_GATHERED, inputs, **names),
        inputs=repeated(_CHOSEN, inputs, **names),
        body="\n".join(body),
        stores="".join([_STORE.format_map(each) for each in outputs]),
        puts="".join([_SCATTERED.format_map(each) for each in outputs]),
        count=count,
        **names,
    )
    return defined("void @kernel(ptr %slots, i64 %start, i64 %stop)", lines)


# A loop over the elements of a block, where %place is a lane's place in the buffer, and %address its element's in the array.
_LANES = """\
entry:
%b = alloca {kind}, align 64
store {kind} {first}, ptr %b, align 64
br label %head
head:
%j = phi i64 [ 0, %entry ], [ %next, %head ]
%next = add i64 %j, 1
%k = add i64 %i, %j
%o = mul i64 %k, %s
%address = getelementptr i8, ptr %p, i64 %o
%place = getelementptr {real}, ptr %b, i64 %j
%e = load {real}, ptr {source}
store {real} %e, ptr {target}
%more = icmp slt i64 %next, %lanes
br i1 %more, label %head, label %done
done:
{result}"""


def _fetch(code: Code) -> str:
    """The elements %i, ... of an array, as many as %lanes."""
    kind = code.floats
    result = f"%v = load {kind}, ptr %b, align 64\nret {kind} %v"
    names = {"kind": kind, "real": code.real, "first": "zeroinitializer", "result": result}
    lines = filled(_LANES, source="%address, align 1", target="%place", **names)
    return defined(f"internal {kind} @fetch(ptr %p, i64 %s, i64 %i, i64 %lanes)", lines)


def _put(code: Code) -> str:
    """Write %v to the elements %i, ... of an array, as many as %lanes."""
    kind = code.floats
    names = {"kind": kind, "real": code.real, "first": "%v", "result": "ret void"}
    lines = filled(_LANES, source="%place", target="%address, align 1", **names)
    return defined(f"internal void @put(ptr %p, i64 %s, i64 %i, i64 %lanes, {kind} %v)", lines)

"""Rows as loops over arrays in machine code: the text of their modules.

A loop is a function as NumPy's own are: `void loop(char **arrays, long *count, long *steps, void *data)`, so that a table of
calls has both.
"""

from __future__ import annotations

from collections.abc import Callable

from exprad.backends.native.llvm import Vector, defined, filled, repeated
from exprad.backends.native.module import Module
from exprad.backends.native.steps import computed
from exprad.ground.primitive import Primitive

LOOP = "ptr %args, ptr %dims, ptr %steps, ptr %data"

# Numbers that lie one after another are read and written as vectors, of the last only so many as there are; of an array whose
# step is 0, a vector of its one number is read again and again.
_ROW = """\
entry:
%n = load i64, ptr %dims, align 8
{begun}
%top = getelementptr ptr, ptr %args, i64 {arity}
%target = load ptr, ptr %top, align 8
%first = insertelement <{width} x i64> poison, i64 %n, i32 0
%all = shufflevector <{width} x i64> %first, <{width} x i64> poison, <{width} x i32> zeroinitializer
br label %head
head:
%i = phi i64 [ 0, %entry ], [ %next, %head ]
%one = insertelement <{width} x i64> poison, i64 %i, i32 0
%same = shufflevector <{width} x i64> %one, <{width} x i64> poison, <{width} x i32> zeroinitializer
%place = add <{width} x i64> %same, <{lanes}>
%mask = icmp slt <{width} x i64> %place, %all
{loads}
{body}
%at = getelementptr {real}, ptr %target, i64 %i
call void @llvm.masked.store.v{width}f{bits}.p0({kind} {result}, ptr %at, i32 {size}, <{width} x i1> %mask)
%next = add i64 %i, {width}
%more = icmp slt i64 %next, %n
br i1 %more, label %head, label %done
done:
ret void"""
_OPERAND = """\
%b{k} = alloca {kind}, align 64
%ap{k} = getelementptr ptr, ptr %args, i64 {k}
%a{k} = load ptr, ptr %ap{k}, align 8
%sp{k} = getelementptr i64, ptr %steps, i64 {k}
%s{k} = load i64, ptr %sp{k}, align 8
%x{k} = load {real}, ptr %a{k}, align {size}
%l{k} = insertelement {kind} poison, {real} %x{k}, i32 0
%w{k} = shufflevector {kind} %l{k}, {kind} poison, <{width} x i32> zeroinitializer
store {kind} %w{k}, ptr %b{k}, align 64
%z{k} = icmp eq i64 %s{k}, 0
%p{k} = select i1 %z{k}, ptr %b{k}, ptr %a{k}
%f{k} = select i1 %z{k}, i64 0, i64 1
"""
_LOAD = """\
%j{k} = mul i64 %i, %f{k}
%q{k} = getelementptr {real}, ptr %p{k}, i64 %j{k}
%in{k} = call {kind} @llvm.masked.load.v{width}f{bits}.p0(ptr %q{k}, i32 {size}, <{width} x i1> %mask, {kind} {missing})
"""


def row_loop(module: Module, row: Primitive, name: str) -> str:
    """The loop of an elementwise row over operands that lie one after another or are one number, to a result that does."""
    return _loop(module, name, row.arity, lambda *given: computed(module, row, given).number)


def copying(module: Module) -> str:
    """The loop that copies, or fills with a number."""
    return _loop(module, "exprad_copy", 1, lambda x: x)


def _loop(module: Module, name: str, arity: int, compute: Callable[..., Vector]) -> str:
    code = module.code
    code.lines, code.count = [], 0
    given = [Vector(code, f"%in{place}", code.floats) for place in range(arity)]
    result = compute(*given).name
    names = {
        "kind": code.floats,
        "real": code.real,
        "size": code.size,
        "width": code.width,
        "bits": 8 * code.size,
        "missing": code.constant(1.0).name,
    }
    shape = f"{code.width}f{names['bits']}"
    mask = f"<{code.width} x i1>"
    code.declare(f"declare {code.floats} @llvm.masked.load.v{shape}.p0(ptr, i32, {mask}, {code.floats})")
    code.declare(f"declare void @llvm.masked.store.v{shape}.p0({code.floats}, ptr, i32, {mask})")
    lines = filled(
        _ROW,
        begun=repeated(_OPERAND, arity, **names),
        loads=repeated(_LOAD, arity, **names),
        body="\n".join(code.lines),
        result=result,
        arity=arity,
        lanes=", ".join([f"i64 {lane}" for lane in range(code.width)]),
        **names,
    )
    return defined(f"void @{name}({LOOP})", lines)


# Loops of single numbers: from any place to any place.
_MOVES = """
; numbers from one array to another, by any steps
define void @exprad_move(ptr %args, ptr %dims, ptr %steps, ptr %data) {
entry:
  %n = load i64, ptr %dims, align 8
  %from = load ptr, ptr %args, align 8
  %top = getelementptr ptr, ptr %args, i64 1
  %to = load ptr, ptr %top, align 8
  %by = load i64, ptr %steps, align 8
  %sp = getelementptr i64, ptr %steps, i64 1
  %over = load i64, ptr %sp, align 8
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %head ]
  %j = mul i64 %i, %by
  %k = mul i64 %i, %over
  %source = getelementptr i8, ptr %from, i64 %j
  %target = getelementptr i8, ptr %to, i64 %k
  %x = load real, ptr %source, align SIZE
  store real %x, ptr %target, align SIZE
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %head, label %done
done:
  ret void
}

; numbers at places, to one after another: arrays, places, result
define void @exprad_gather(ptr %args, ptr %dims, ptr %steps, ptr %data) {
entry:
  %n = load i64, ptr %dims, align 8
  %from = load ptr, ptr %args, align 8
  %pp = getelementptr ptr, ptr %args, i64 1
  %places = load ptr, ptr %pp, align 8
  %top = getelementptr ptr, ptr %args, i64 2
  %to = load ptr, ptr %top, align 8
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %head ]
  %at = getelementptr i64, ptr %places, i64 %i
  %place = load i64, ptr %at, align 8
  %source = getelementptr real, ptr %from, i64 %place
  %target = getelementptr real, ptr %to, i64 %i
  %x = load real, ptr %source, align SIZE
  store real %x, ptr %target, align SIZE
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %head, label %done
done:
  ret void
}

; numbers one after another, added to those at places: array, places, result
define void @exprad_scatter(ptr %args, ptr %dims, ptr %steps, ptr %data) {
entry:
  %n = load i64, ptr %dims, align 8
  %from = load ptr, ptr %args, align 8
  %pp = getelementptr ptr, ptr %args, i64 1
  %places = load ptr, ptr %pp, align 8
  %top = getelementptr ptr, ptr %args, i64 2
  %to = load ptr, ptr %top, align 8
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %head ]
  %at = getelementptr i64, ptr %places, i64 %i
  %place = load i64, ptr %at, align 8
  %source = getelementptr real, ptr %from, i64 %i
  %target = getelementptr real, ptr %to, i64 %place
  %x = load real, ptr %source, align SIZE
  %y = load real, ptr %target, align SIZE
  %z = fadd real %x, %y
  store real %z, ptr %target, align SIZE
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %head, label %done
done:
  ret void
}
""".strip()


def moves(module: Module) -> list[str]:
    """The loops that copy, fill and move numbers."""
    return [copying(module), _MOVES.replace("SIZE", str(module.code.size)).replace(" real", f" {module.code.real}")]

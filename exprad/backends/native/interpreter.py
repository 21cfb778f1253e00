"""An interpreter in machine code: the text of a module with a function for each row, chained by tail calls.

A program is a list of records of four whole numbers: which function, the register written, and the first and the last of
those that are read; what a row of more than two operands reads between them follows, in as many records as it takes.
Registers are numbers, or blocks of numbers for as many points. The last record's function returns. So no code is made for a
program: the functions are made once, and kept.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from exprad.backends.native.llvm import Code, defined, filled
from exprad.backends.native.module import Module
from exprad.backends.native.steps import computed
from exprad.ground.primitive import Primitive

RECORD = 4  # whole numbers
BETWEEN = 2  # operands of a record; others follow
# What the first rows compute, at a point without asking which.
ARITHMETIC = operator.add, operator.sub, operator.mul, operator.neg
ARGUMENTS = "ptr %pc, ptr %registers, ptr %functions, i64 %size"


def records(arity: int) -> int:
    """How many records a call of a row takes."""
    return 1 + max(0, -(-(arity - BETWEEN) // RECORD))


def interpreter(rows: Sequence[Primitive], numbers: Module, vectors: Module) -> str:
    """The module of the interpreter for programs of these rows, which begin with those that are `ARITHMETIC`.

    `numbers` and `vectors` are for one number and for vectors of them. Function 0 ends a program, function k + 1 computes
    rows[k]. The module has `void point(program, registers)`, and `run` as it is written below.
    """
    others = range(len(ARITHMETIC), len(rows))
    blocks = range(len(rows))
    texts = [
        defined(f"internal tailcc void @end({ARGUMENTS})", ["ret void"]),
        _arithmetic(numbers.code),
        *[_at_a_point(f"point{place}", rows[place], numbers) for place in others],
        *[_of_a_block(f"block{place}", rows[place], vectors) for place in blocks],
        _listed("points", ["arithmetic"] * len(ARITHMETIC) + [f"point{place}" for place in others]),
        _listed("blocks", [f"block{place}" for place in blocks]),
        DRIVERS.replace(" real", f" {numbers.code.real}"),
    ]
    numbers.add(vectors)
    return numbers.text(*texts)


def _listed(name: str, functions: Sequence[str]) -> str:
    """A table of functions, after the one that ends a program."""
    listed = ", ".join(f"ptr @{function}" for function in ("end", *functions))
    return f"@{name} = internal constant [{len(functions) + 1} x ptr] [{listed}]"


def _at_a_point(name: str, row: Primitive, module: Module) -> str:
    """The function of one row for numbers: it computes, and goes on to the next record."""
    code = module.code
    *operands, target = _begun(code, row)
    _computed(module, row, operands, target, "0")
    return _function(name, row, code.lines)


def _of_a_block(name: str, row: Primitive, module: Module) -> str:
    """The same for blocks of numbers, vector by vector."""
    code = module.code
    *operands, target = _begun(code, row)
    before, code.lines = code.lines, []
    _computed(module, row, operands, target, "%i")
    return _function(
        name,
        row,
        [
            *before,
            "br label %head",
            "head:",
            "%i = phi i64 [ 0, %entry ], [ %next, %head ]",
            *code.lines,
            f"%next = add i64 %i, {code.width}",
            "%more = icmp slt i64 %next, %size",
            "br i1 %more, label %head, label %done",
            "done:",
        ],
    )


def _function(name: str, row: Primitive, lines: Sequence[str]) -> str:
    after = f"%after = getelementptr i32, ptr %pc, i64 {RECORD * records(row.arity)}"
    return defined(f"internal tailcc void @{name}({ARGUMENTS})", ["entry:", *lines, after, *_onwards("%after")])


def _onwards(record: str) -> list[str]:
    """Lines that leave for the function of a record."""
    return [
        f"%which = load i32, ptr {record}, align 4",
        "%w = zext i32 %which to i64",
        "%slot = getelementptr ptr, ptr %functions, i64 %w",
        "%function = load ptr, ptr %slot, align 8",
        f"musttail call tailcc void %function(ptr {record}, ptr %registers, ptr %functions, i64 %size)",
        "ret void",
    ]


def _begun(code: Code, row: Primitive) -> list[str]:
    """Begin a function: the addresses of the registers that are read, in order, and of that which is written."""
    code.lines, code.count = [], 0
    words = [_word(row.arity, operand) for operand in range(row.arity)]
    return [_register(code, "%pc", word) for word in (*words, 1)]


def _word(arity: int, operand: int) -> int:
    """Where in its records a call has an operand: the first and the last come first, and the last counts where it is both."""
    if operand == arity - 1:
        return 3
    return 2 if operand == 0 else RECORD + operand - 1


def _register(code: Code, record: str, word: int) -> str:
    """The address of the register that a word of a record names."""
    at = code.emit(f"getelementptr i32, ptr {record}, i64 {word}", "ptr").name
    index = code.emit(f"zext i32 {code.emit(f'load i32, ptr {at}, align 4', 'i32').name} to i64", "i64").name
    first = code.emit(f"mul i64 {index}, %size", "i64").name if code.width > 1 else index
    return code.emit(f"getelementptr {code.real}, ptr %registers, i64 {first}", "ptr").name


def _computed(module: Module, row: Primitive, operands: Sequence[str], target: str, place: str) -> None:
    """One number, or one vector of a block, read, computed and written."""
    code = module.code

    def at(address: str) -> str:
        return code.emit(f"getelementptr {code.real}, ptr {address}, i64 {place}", "ptr").name

    given = [code.emit(f"load {code.floats}, ptr {at(each)}, align {code.size}", code.floats) for each in operands]
    result = computed(module, row, given).number.name
    code.lines.append(f"store {code.floats} {result}, ptr {at(target)}, align {code.size}")


# As it stands below, with what is in braces filled in. {floats} are as many numbers as a register of the processor has, of
# which the first counts, and {whole} the same bits.
_ARITHMETIC = """\
entry:
  br label %head
head:
  %at = phi ptr [ %pc, %entry ], [ %after, %head ]
  {registers}
  %this = load i32, ptr %at, align 4
  %kind = zext i32 %this to i64
  %a = load {real}, ptr {a}, align {size}
  %b = load {real}, ptr {b}, align {size}
  %left = insertelement {floats} zeroinitializer, {real} %a, i32 0
  %right = insertelement {floats} zeroinitializer, {real} %b, i32 0
  %at_sign = getelementptr {whole}, ptr @signs, i64 %kind
  %sign = load {whole}, ptr %at_sign, align 16
  %right_bits = bitcast {floats} %right to {whole}
  %turned_bits = xor {whole} %right_bits, %sign
  %turned = bitcast {whole} %turned_bits to {floats}
  %sum = fadd {floats} %left, %turned
  %difference = fsub {floats} %left, %right
  %product = fmul {floats} %left, %right
  %sum_bits = bitcast {floats} %sum to {whole}
  %difference_bits = bitcast {floats} %difference to {whole}
  %product_bits = bitcast {floats} %product to {whole}
  %at_differs = getelementptr {whole}, ptr @differs, i64 %kind
  %differs = load {whole}, ptr %at_differs, align 16
  %to_difference = xor {whole} %sum_bits, %difference_bits
  %moved = and {whole} %to_difference, %differs
  %at_multiplies = getelementptr {whole}, ptr @multiplies, i64 %kind
  %multiplies = load {whole}, ptr %at_multiplies, align 16
  %to_product = xor {whole} %sum_bits, %product_bits
  %scaled = and {whole} %to_product, %multiplies
  %one = xor {whole} %sum_bits, %moved
  %bits = xor {whole} %one, %scaled
  %found = bitcast {whole} %bits to {floats}
  %number = extractelement {floats} %found, i32 0
  store {real} %number, ptr {target}, align {size}
  %after = getelementptr i32, ptr %at, i64 {record}
  %next = load i32, ptr %after, align 4
  %beside = sub i32 %next, 1
  %again = icmp ult i32 %beside, {kinds}
  br i1 %again, label %head, label %out
out:"""


def _arithmetic(code: Code) -> str:
    """Sums, differences, products and negatives, as many as follow each other, without a branch that tells them apart.

    Where a jump leads depends on the program, and a processor that guesses wrong waits longer than all of them take. So a
    sum, a difference and a product are computed, and one of them is taken. A negative is the sum of -0.0, which its record
    has for a first operand, and the number with its sign turned.
    """
    bits, lanes = 8 * code.size, 16 // code.size
    whole = f"<{lanes} x i{bits}>"

    def table(name: str, kind: int, value: int) -> str:
        """Masks by kind: a value for the first number of one kind, and 0 else."""
        masks = [[value if each == kind else 0, *[0] * (lanes - 1)] for each in range(len(ARITHMETIC) + 1)]
        listed = ", ".join(f"{whole} <{', '.join(f'i{bits} {each}' for each in mask)}>" for mask in masks)
        return f"@{name} = internal constant [{len(masks)} x {whole}] [{listed}], align 16"

    code.lines, code.count = [], 0
    a, b, target = [_register(code, "%at", word) for word in (2, 3, 1)]
    lines = filled(
        _ARITHMETIC,
        registers="\n  ".join(code.lines),
        a=a,
        b=b,
        target=target,
        real=code.real,
        size=code.size,
        floats=f"<{lanes} x {code.real}>",
        whole=whole,
        record=RECORD,
        kinds=len(ARITHMETIC),
    )
    subtracts, multiplies, negates = (ARITHMETIC.index(each) + 1 for each in (operator.sub, operator.mul, operator.neg))
    return "\n".join(
        [
            table("signs", negates, 1 << bits - 1),
            table("differs", subtracts, -1),
            table("multiplies", multiplies, -1),
            defined(f"internal tailcc void @arithmetic({ARGUMENTS})", [*lines, *_onwards("%after")]),
        ]
    )


DRIVERS = """
; a program, at one point
define void @point(ptr %pc, ptr %registers) {
  %which = load i32, ptr %pc, align 4
  %w = zext i32 %which to i64
  %slot = getelementptr ptr, ptr @points, i64 %w
  %function = load ptr, ptr %slot, align 8
  call tailcc void %function(ptr %pc, ptr %registers, ptr @points, i64 1)
  ret void
}

; a program at the points from %start to %stop, %size at once: what is moved in, the program, what is moved out
define void @run(ptr %pc, ptr %registers, i64 %size, i64 %start, i64 %stop, ptr %in, i64 %inputs, ptr %out, i64 %outputs) {
entry:
  %which = load i32, ptr %pc, align 4
  %w = zext i32 %which to i64
  %slot = getelementptr ptr, ptr @blocks, i64 %w
  %function = load ptr, ptr %slot, align 8
  br label %head
head:
  %i = phi i64 [ %start, %entry ], [ %next, %block ]
  %left = sub i64 %stop, %i
  %any = icmp sgt i64 %left, 0
  br i1 %any, label %block, label %done
block:
  %next = add i64 %i, %size
  %fits = icmp sge i64 %left, %size
  %count = select i1 %fits, i64 %size, i64 %left
  call void @move(ptr %in, i64 %inputs, ptr %registers, i64 %size, i64 %i, i64 %count, i1 false)
  call tailcc void %function(ptr %pc, ptr %registers, ptr @blocks, i64 %size)
  call void @move(ptr %out, i64 %outputs, ptr %registers, i64 %size, i64 %i, i64 %count, i1 true)
  br label %head
done:
  ret void
}

; %n rows of %table, of three numbers each: a register, the address of an array, and the bytes from one point to the next;
; %count numbers from the point %start on are moved from the array to the register, or %out
define internal void @move(ptr %table, i64 %n, ptr %registers, i64 %size, i64 %start, i64 %count, i1 %out) {
entry:
  br label %head
head:
  %k = phi i64 [ 0, %entry ], [ %after, %moved ]
  %any = icmp slt i64 %k, %n
  br i1 %any, label %each, label %done
each:
  %row = getelementptr [3 x i64], ptr %table, i64 %k
  %register = load i64, ptr %row, align 8
  %at_address = getelementptr i64, ptr %row, i64 1
  %array = load ptr, ptr %at_address, align 8
  %at_stride = getelementptr i64, ptr %row, i64 2
  %stride = load i64, ptr %at_stride, align 8
  %first = mul i64 %register, %size
  %block = getelementptr real, ptr %registers, i64 %first
  br label %one
one:
  %j = phi i64 [ 0, %each ], [ %next, %one ]
  %point = add i64 %start, %j
  %bytes = mul i64 %point, %stride
  %outside = getelementptr i8, ptr %array, i64 %bytes
  %inside = getelementptr real, ptr %block, i64 %j
  %from = select i1 %out, ptr %inside, ptr %outside
  %to = select i1 %out, ptr %outside, ptr %inside
  %number = load real, ptr %from, align 1
  store real %number, ptr %to, align 1
  %next = add i64 %j, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %one, label %moved
moved:
  %after = add i64 %k, 1
  br label %head
done:
  ret void
}
""".strip()

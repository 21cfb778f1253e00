"""Programs of scalars as LLVM modules: loops over arrays, large programs as loops over a table, and functions that Python
calls."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from exprad.backends import mathematics
from exprad.backends.levels import Group, Layout
from exprad.backends.llvm import Code, Vector, defined
from exprad.backends.mathematics import by_lanes
from exprad.backends.signature import own_name
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import found_at

COMPARES = "fcmp "  # how the spelling of a row begins that compares
INTRINSIC = "llvm."  # and of one that is an intrinsic function
TURNS = ("sin", "cos")  # functions that are computed together, in this order


class Module:
    """The text of a module over vectors of `width` numbers, and the symbols that it needs from elsewhere.

    `libmvec` gives the symbol of a row in glibc's vector mathematics, or None; `is_own`: whether the functions of
    `mathematics` may be called; `is_loop`: whether NumPy's loop over doubles may be called for a row; `vectors`: a module of
    vectors, whose functions a module of single numbers calls, so that both give the same bits.
    """

    def __init__(self, width: int, real: str, fast: bool, libmvec: Callable[[str, int], str | None], is_own: bool,
                 is_loop: Callable[[Primitive], bool], vectors: Module | None = None) -> None:  # fmt: skip
        self.is_loop, self.vectors = is_loop, vectors
        self.code = Code(width, real, "contract reassoc" if fast else "")
        self.libmvec, self.is_own = libmvec, is_own and width > 1
        self.own: dict[tuple[str, int], None] = {}  # functions of `mathematics`, by their names and widths
        self.external: dict[str, None] = {}  # functions of the C library, by their names there
        self.vector: dict[str, None] = {}  # symbols of libmvec
        self.loops: dict[Primitive, None] = {}  # rows computed by NumPy's loops
        self.lanes: dict[str, str] = {}

    def call(self, name: str, *operands: Vector) -> Vector:
        """A function of the C library, by its name there. Single precision is computed in double precision, and rounded."""
        code = self.code
        given = [self._converted("fpext", code.constant(operand)) for operand in operands]
        kind = code.vector("double")
        arguments = ", ".join(f"{kind} {each}" for each in given)
        return self._rounded(f"call {kind} @{self._symbol(name, len(operands))}({arguments})")

    def call_loop(self, row: Primitive, *operands: Vector) -> Vector:
        """A function that NumPy calls in a loop over doubles, such as one of SciPy's."""
        code, name = self.code, f"loop_{own_name(row)}_{self.code.width}"
        if name not in self.lanes:
            self.loops[row] = None
            self.lanes[name] = _loop_call(code, name, own_name(row), row.arity)
        kind = code.vector("double")
        arguments = ", ".join(f"{kind} {self._converted('fpext', operand)}" for operand in operands)
        return self._rounded(f"call {kind} @{name}({arguments})")

    def sincos(self, x: Vector) -> tuple[Vector, Vector]:
        """Sine and cosine of one argument, whose reduction they share."""
        code = self.code
        self._declare_own("sincos")
        double = code.vector("double")
        pair = f"{{{double}, {double}}}"
        both = code.emit(f"call {pair} @{mathematics.symbol('sincos', code.width)}({double} "
                         f"{self._converted('fpext', x)})", pair)  # fmt: skip
        first, second = (self._rounded(f"extractvalue {pair} {both.name}, {place}") for place in (0, 1))
        return first, second

    def _converted(self, how: str, x: Vector) -> str:
        code = self.code
        if code.real == "double":
            return x.name
        return code.emit(f"{how} {code.floats} {x.name} to {code.vector('double')}", "").name

    def _rounded(self, text: str) -> Vector:
        code = self.code
        if code.real == "double":
            return code.emit(text, code.floats)
        kind = code.vector("double")
        return code.emit(f"fptrunc {kind} {code.emit(text, kind).name} to {code.floats}", code.floats)

    def _declare_own(self, name: str) -> None:
        self.own[name, self.code.width] = None
        self.code.declare(f"declare {mathematics.signature(name, self.code.width)}")

    def _symbol(self, name: str, arity: int) -> str:
        """The symbol of a function of vectors of doubles, declared or defined when it is first asked for."""
        code = self.code
        if self.vectors is not None and self.vectors.is_of_vectors(name, arity):
            return self._first_lane(self.vectors, name, arity)
        if self.is_own and name in mathematics.FUNCTIONS:
            self._declare_own(name)
            return mathematics.symbol(name, code.width)
        found = self.libmvec(name, arity) if code.width > 1 else None
        if found is not None:
            self.vector[found] = None
            kind = code.vector("double")
            code.declare(f"declare {kind} @{found}({', '.join([kind] * arity)})")
            return found
        self.external[name] = None
        if code.width == 1:
            code.declare(f"declare double @exprad_libm_{name}({', '.join(['double'] * arity)})")
            return f"exprad_libm_{name}"
        if name not in self.lanes:
            self.lanes[name] = by_lanes(code, name, name, arity)
        return f"lanes_{name}"

    def is_of_vectors(self, name: str, arity: int) -> bool:
        """Whether a function of the C library is computed for whole vectors, by other means than for a number."""
        return self.is_own and name in mathematics.FUNCTIONS or self.libmvec(name, arity) is not None

    def _first_lane(self, vectors: Module, name: str, arity: int) -> str:
        """A function of numbers that calls one of vectors."""
        symbol, lines = vectors._symbol(name, arity), list[str]()
        kind, places = vectors.code.vector("double"), vectors.code.vector("i32")
        for k in range(arity):
            lines += [f"%one{k} = insertelement {kind} poison, double %x{k}, i32 0",
                      f"%all{k} = shufflevector {kind} %one{k}, {kind} poison, {places} zeroinitializer"]  # fmt: skip
        given = ", ".join(f"{kind} %all{k}" for k in range(arity))
        lines += [
            f"%y = call {kind} @{symbol}({given})",
            f"%first = extractelement {kind} %y, i32 0",
            "ret double %first",
        ]
        operands = ", ".join(f"double %x{k}" for k in range(arity))
        self.lanes[f"first_{name}"] = defined(f"internal double @first_{name}({operands})", lines)
        return f"first_{name}"

    def join(self, other: Module) -> None:
        """Have all that another module has: functions of both are in one text."""
        self.code.declarations.update(other.code.declarations)
        for name in ("own", "external", "vector", "loops", "lanes"):
            getattr(self, name).update(getattr(other, name))

    def text(self, *functions: str) -> str:
        """The module of these functions."""
        return "\n\n".join(["\n".join(self.code.declarations), *self.lanes.values(), *functions])


def _loop_call(code: Code, name: str, inner: str, arity: int) -> str:
    """A function of vectors that calls `void loop(char **arrays, long *count, long *steps, void *data)`."""
    kind, places = code.vector("double"), range(arity + 1)
    code.declare(f"declare void @exprad_loop_{inner}(ptr, ptr, ptr, ptr)")
    code.declare(f"@exprad_data_{inner} = external global i8")
    lines = [f"%args = alloca [{arity + 1} x ptr]", f"%steps = alloca [{arity + 1} x i64]", "%count = alloca i64",
             f"store i64 {code.width}, ptr %count"]  # fmt: skip
    for k in places:
        lines += [f"%b{k} = alloca {kind}, align 64", f"%a{k} = getelementptr ptr, ptr %args, i64 {k}",
                  f"store ptr %b{k}, ptr %a{k}", f"%s{k} = getelementptr i64, ptr %steps, i64 {k}",
                  f"store i64 8, ptr %s{k}"]  # fmt: skip
    lines += [f"store {kind} %x{k}, ptr %b{k}, align 64" for k in range(arity)]
    lines += [f"call void @exprad_loop_{inner}(ptr %args, ptr %count, ptr %steps, ptr @exprad_data_{inner})",
              f"%y = load {kind}, ptr %b{arity}, align 64", f"ret {kind} %y"]  # fmt: skip
    return defined(f"internal {kind} @{name}({', '.join(f'{kind} %x{k}' for k in range(arity))})", lines)


class _Values(dict[int, Vector]):
    """The vectors of steps; what is not there is loaded when it is first read."""

    def __init__(self, load: Callable[[int], Vector]) -> None:
        super().__init__()
        self.load = load

    def __missing__(self, index: int) -> Vector:
        found = self[index] = self.load(index)
        return found


def function_name(row: Primitive) -> str:
    """The function of the C library that computes a row; "" where it is computed otherwise."""
    spelled = row.spelling("llvm")
    is_name = isinstance(spelled, str) and ":" not in spelled and not spelled.startswith((COMPARES, INTRINSIC))
    return str(spelled) if is_name else ""


def has(row: Primitive, is_loop: Callable[[Primitive], bool], is_in_c: Callable[[str], bool]) -> bool:
    """Whether there is code for a row. `is_loop` says whether NumPy's loop over doubles can be called for it, `is_in_c`
    whether the C library has a function."""
    name = function_name(row)
    return is_in_c(name) if name else row.spelling("llvm") is not None or is_loop(row)


def _computed(module: Module, program: Program, calls: Iterable[int], values: _Values) -> None:
    """The steps `calls`, one by one, as lines of the module's code."""
    turned: dict[int, set[str]] = defaultdict(set)  # how steps are read by sine and cosine
    calls = list(calls)
    for index in calls:
        head = program.steps[index][0]
        if module.is_own and function_name(head) in TURNS:
            turned[program.steps[index][1]].add(function_name(head))
    both: dict[int, tuple[Vector, Vector]] = {}
    for index in calls:
        row, *rest = program.steps[index]
        operands = [values[each] for each in rest]
        if rest[0] in turned and len(turned[rest[0]]) == 2 and function_name(row) in TURNS:
            if rest[0] not in both:
                both[rest[0]] = module.sincos(operands[0].number)
            values[index] = both[rest[0]][TURNS.index(function_name(row))]
        else:
            values[index] = computed(module, row, operands)


def computed(module: Module, row: Primitive, operands: Sequence[Vector]) -> Vector:
    """One row of the table, as lines of the module's code."""
    given = [x.truth if place in row.truths else x.number for place, x in enumerate(operands)]
    spelled = row.spelling("llvm")
    if spelled is None:
        return module.call_loop(row, *given)
    if callable(spelled):
        is_operator = spelled is row.exact
        return module.code.constant(spelled(*given) if is_operator else spelled(module, *given))
    if ":" in spelled:
        return module.code.constant(found_at(spelled)(module, *given))
    if spelled.startswith(COMPARES):
        return given[0].compared(spelled.removeprefix(COMPARES), given[1])
    return module.code.call(spelled, *given) if spelled.startswith(INTRINSIC) else module.call(spelled, *given)


def mod(module: Module, a: Vector, b: Vector) -> Vector:
    """The remainder of a by b with the sign of b, as Python has it."""
    code = module.code
    rest = module.call("fmod", a, b)
    differs = (b.bits() ^ rest.bits()).compared("slt", 0)
    moved = code.choose(differs, rest + b, rest)
    return code.choose(rest.compared("oeq", 0.0), code.call("llvm.copysign", 0.0, b), moved)


def whole_program(module: Module, program: Program, inputs: dict[int, str]) -> list[Vector]:
    """All steps as lines of the module's code, with names for the variables; the vectors of the outputs."""

    def load(index: int) -> Vector:
        head, value, *_ = program.steps[index]
        return Vector(code, inputs[index], code.floats) if head == "var" else code.constant(value)

    code, values = module.code, _Values(load)
    _computed(module, program, program.calls, values)
    return [values[output].number for output in program.outputs]


def kernel(module: Module, program: Program, columns: Sequence[int]) -> str:
    """The module of `void kernel(ptr array0, ptr array1, ..., i64 start, i64 stop)`, for the points from start to stop.

    The arrays, first those of the variables in `columns`, then those of the outputs, are NumPy's array objects: the
    address of the first element lies DATA bytes into each, and that of the strides STRIDES bytes, of which the first
    counts; an array of no dimensions (RANK) is one number everywhere. A block that is not full, and arrays that are not
    contiguous, go through buffers.
    """
    code = module.code
    results = whole_program(module, program, {column: f"%in{place}" for place, column in enumerate(columns)})
    body, code.lines = code.lines, []
    loop = _loop(code, len(columns), [result.name for result in results], body)
    return module.text(_fetch(code), _put(code), loop)


RANK, DATA, STRIDES = 24, 16, 40  # bytes into NumPy's array objects, whose layout is part of its C interface
# Values that wait on the stack must not have the low bits of addresses of constants, or loads of these wait for them: that
# cost a third of the time, by chance of where the stack lay. So the stack begins where a page does. (Windows asks for a
# function of its runtime library with frames of a page.)
FRAME = 4096 if os.name == "posix" else 64


def _loop(code: Code, inputs: int, results: Sequence[str], body: Sequence[str]) -> str:
    kind, width, size = code.floats, code.width, code.size
    places, last = range(inputs + len(results)), inputs + len(results)
    lines = ["entry:", f"%frame = alloca [64 x i8], align {FRAME}", "store volatile i8 0, ptr %frame",
             "%all0 = or i1 true, true"]  # fmt: skip
    for k in places:
        lines += [f"%dp{k} = getelementptr i8, ptr %a{k}, i64 {DATA}", f"%p{k} = load ptr, ptr %dp{k}",
                  f"%np{k} = getelementptr i8, ptr %a{k}, i64 {RANK}", f"%n{k} = load i32, ptr %np{k}",
                  f"%z{k} = icmp eq i32 %n{k}, 0", f"%tp{k} = getelementptr i8, ptr %a{k}, i64 {STRIDES}",
                  f"%t{k} = load ptr, ptr %tp{k}", f"%u{k} = select i1 %z{k}, ptr @zero, ptr %t{k}",
                  f"%s{k} = load i64, ptr %u{k}", f"%c{k} = icmp eq i64 %s{k}, {size}",
                  f"%all{k + 1} = and i1 %all{k}, %c{k}"]  # fmt: skip
    lines += ["br label %head", "head:", "%i = phi i64 [ %start, %entry ], [ %next, %stored ]",
              "%left = sub i64 %stop, %i", "%more = icmp sgt i64 %left, 0", "br i1 %more, label %block, label %done",
              "block:", f"%next = add i64 %i, {width}", f"%fits = icmp sge i64 %left, {width}",
              f"%lanes = select i1 %fits, i64 {width}, i64 %left", f"%direct = and i1 %fits, %all{last}",
              "br i1 %direct, label %load, label %gather"]  # fmt: skip
    gathered, stored, scattered = [], [], []
    lines += ["load:"]
    for k in range(inputs):
        lines += [
            f"%q{k} = getelementptr {code.real}, ptr %p{k}, i64 %i",
            f"%d{k} = load {kind}, ptr %q{k}, align {size}",
        ]
        gathered += [f"%g{k} = call {kind} @fetch(ptr %p{k}, i64 %s{k}, i64 %i, i64 %lanes)"]
    lines += ["br label %compute", "gather:", *gathered, "br label %compute", "compute:"]
    lines += [f"%in{k} = phi {kind} [ %d{k}, %load ], [ %g{k}, %gather ]" for k in range(inputs)]
    for k, result in enumerate(results, inputs):
        stored += [
            f"%q{k} = getelementptr {code.real}, ptr %p{k}, i64 %i",
            f"store {kind} {result}, ptr %q{k}, align {size}",
        ]
        scattered += [f"call void @put(ptr %p{k}, i64 %s{k}, i64 %i, i64 %lanes, {kind} {result})"]
    lines += [*body, "br i1 %direct, label %store, label %scatter", "store:", *stored, "br label %stored", "scatter:",
              *scattered, "br label %stored", "stored:", "br label %head", "done:", "ret void"]  # fmt: skip
    given = "".join(f"ptr %a{k}, " for k in places)
    return f"@zero = internal constant i64 0\n\n{defined(f'void @kernel({given}i64 %start, i64 %stop)', lines)}"


def _each_lane(code: Code, body: Sequence[str]) -> list[str]:
    """A loop in which %place is a lane's place in the buffer, and %address its element's in the array."""
    return ["br label %head", "head:", "%j = phi i64 [ 0, %entry ], [ %next, %head ]", "%next = add i64 %j, 1",
            "%k = add i64 %i, %j", "%o = mul i64 %k, %s", "%address = getelementptr i8, ptr %p, i64 %o",
            f"%place = getelementptr {code.real}, ptr %b, i64 %j", *body, "%more = icmp slt i64 %next, %lanes",
            "br i1 %more, label %head, label %done", "done:"]  # fmt: skip


def _fetch(code: Code) -> str:
    """The elements %i, ... of an array, as many as %lanes."""
    kind, real = code.floats, code.real
    body = [f"%e = load {real}, ptr %address, align 1", f"store {real} %e, ptr %place"]
    return defined(f"internal {kind} @fetch(ptr %p, i64 %s, i64 %i, i64 %lanes)",
                   ["entry:", f"%b = alloca {kind}, align 64", f"store {kind} zeroinitializer, ptr %b, align 64",
                    *_each_lane(code, body), f"%v = load {kind}, ptr %b, align 64", f"ret {kind} %v"])  # fmt: skip


def _put(code: Code) -> str:
    kind, real = code.floats, code.real
    body = [f"%e = load {real}, ptr %place", f"store {real} %e, ptr %address, align 1"]
    return defined(f"internal void @put(ptr %p, i64 %s, i64 %i, i64 %lanes, {kind} %v)",
                   ["entry:", f"%b = alloca {kind}, align 64", f"store {kind} %v, ptr %b, align 64",
                    *_each_lane(code, body), "ret void"])  # fmt: skip


class Levels:
    """The module of `void levels(ptr values, ptr places)`: the groups of a layout as loops over rows of a table.

    Groups of one length whose operands are rows of each other, one by one, are one loop, and only rows that others read
    are stored. `places` are the rows that are gathered. A loop may read and write up to a vector beyond its last row.
    """

    def __init__(self, layout: Layout, vectors: Module, numbers: Module) -> None:
        self.layout, self.vectors, self.numbers = layout, vectors, numbers
        self.known = {layout.place[index]: value for index, value in layout.constants}
        self.places: list[Any] = []
        self.size = 0  # of all places so far
        runs = list(self._runs())
        self.is_read = self._read_elsewhere(runs)
        texts = [self._run(number, run) for number, run in enumerate(runs)]
        calls = [f"call void @run{number}(ptr %v, ptr %t)" for number in range(len(runs))]
        texts.append(defined("void @levels(ptr %v, ptr %t)", [*calls, "ret void"]))
        numbers.join(vectors)
        self.text = numbers.text(_gather(vectors.code), *texts)

    def _runs(self) -> Iterator[list[Group]]:
        """Groups in a row that may be one loop."""
        run: list[Group] = []
        for group in self.layout.groups:
            if run and not self._joins(group, run):
                yield run
                run = []
            run.append(group)
        if run:
            yield run

    def _joins(self, group: Group, run: Sequence[Group]) -> bool:
        first = run[0]
        if (
            group.is_chain
            or first.is_chain
            or group.stop - group.start != first.stop - first.start
            or len(run) >= LONGEST
        ):
            return False
        starts = {each.start for each in run}
        return all(isinstance(rows, slice) and (rows.stop <= first.start or rows.start in starts and _size(rows) == _size(group))
                   or not isinstance(rows, slice) and rows.max() < first.start for rows in group.operands)  # fmt: skip

    def _read_elsewhere(self, runs: Sequence[Sequence[Group]]) -> Any:
        """Which rows are read by another run, or are results."""
        is_read = np.zeros(self.layout.height, bool)
        for run in runs:
            for group in run:
                for rows in group.operands:
                    if not isinstance(rows, slice) or rows.start < run[0].start:
                        is_read[rows] = True
        for rows in self.layout.results:
            is_read[rows] = True
        return is_read

    def _run(self, number: int, run: Sequence[Group]) -> str:
        count = _size(run[0])
        module = self.numbers if count == 1 else self.vectors
        code = module.code
        code.lines, code.count = [], 0
        if run[0].is_chain:
            lines = self._chain(code, run[0])
        else:
            self._steps(module, run)
            lines = ["br label %head", "head:", "%i = phi i64 [ 0, %entry ], [ %next, %head ]", *code.lines,
                     f"%next = add i64 %i, {code.width}", f"%more = icmp slt i64 %next, {count}",
                     "br i1 %more, label %head, label %done", "done:"]  # fmt: skip
            if count == 1:
                lines = ["%i = add i64 0, 0", *code.lines]
        return defined(f"internal void @run{number}(ptr %v, ptr %t)", ["entry:", *lines, "ret void"])

    def _steps(self, module: Module, run: Sequence[Group]) -> None:
        code = module.code
        made: dict[int, Vector] = {}
        loaded: dict[Any, Vector] = {}
        for group in run:
            operands = []
            for rows in group.operands:
                if isinstance(rows, slice) and rows.start in made:
                    operands.append(made[rows.start])
                    continue
                key = (rows.start, rows.stop) if isinstance(rows, slice) else rows.tobytes()
                if key not in loaded:
                    loaded[key] = self._loaded(code, rows, _size(group))
                operands.append(loaded[key])
            made[group.start] = computed(module, group.row, operands)
            if self.is_read[group.start : group.stop].any():
                at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {group.start}", "ptr").name
                at = code.emit(f"getelementptr {code.real}, ptr {at}, i64 %i", "ptr").name
                code.lines.append(f"store {code.floats} {made[group.start].number.name}, ptr {at}, align {code.size}")

    def _loaded(self, code: Code, rows: Any, count: int) -> Vector:
        """Rows %i, ... of an operand."""
        if not isinstance(rows, slice):
            return self._gathered(code, self._offset(rows, code.width))
        if rows.start in self.known and _size(rows) == 1:
            return code.constant(self.known[rows.start])
        at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {rows.start}", "ptr").name
        if _size(rows) == count:
            at = code.emit(f"getelementptr {code.real}, ptr {at}, i64 %i", "ptr").name
            return code.emit(f"load {code.floats}, ptr {at}, align {code.size}", code.floats)
        one = code.emit(f"load {code.real}, ptr {at}, align {code.size}", code.real).name
        first = code.emit(f"insertelement {code.floats} poison, {code.real} {one}, i32 0", code.floats).name
        return code.emit(f"shufflevector {code.floats} {first}, {code.floats} poison, {code.vector('i32')} zeroinitializer",
                         code.floats)  # fmt: skip

    def _gathered(self, code: Code, offset: int) -> Vector:
        at = code.emit(f"getelementptr i64, ptr %t, i64 {offset}", "ptr").name
        at = code.emit(f"getelementptr i64, ptr {at}, i64 %i", "ptr").name
        return code.emit(f"call {code.floats} @gather(ptr %v, ptr {at})", code.floats)

    def _offset(self, rows: Any, width: int) -> int:
        """Where rows that are gathered lie among all such; whole vectors of them."""
        first, self.size = self.size, self.size + -(-len(rows) // width) * width
        self.places.append(np.zeros(self.size - first, np.int64))
        self.places[-1][: len(rows)] = rows
        return first

    def _chain(self, code: Code, group: Group) -> list[str]:
        """A long sum or product, in the order of its terms."""
        (rows,) = group.operands
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        offset, real = self._offset(rows, 1), code.real
        term = [f"%a = add i64 %i, {offset}", "%p = getelementptr i64, ptr %t, i64 %a", "%r = load i64, ptr %p, align 8",
                f"%q = getelementptr {real}, ptr %v, i64 %r", f"%x = load {real}, ptr %q, align {code.size}"]  # fmt: skip
        total = computed(self.numbers, group.row, [Vector(code, "%sum", real), Vector(code, "%x", real)])
        return ["br label %head", "head:", "%i = phi i64 [ 0, %entry ], [ %next, %head ]",
                f"%sum = phi {real} [ {group.row.accumulates}, %entry ], [ {total.name}, %head ]",
                *term, *code.lines,
                "%next = add i64 %i, 1", f"%more = icmp slt i64 %next, {len(rows)}", "br i1 %more, label %head, label %done",
                "done:", f"%out = getelementptr {real}, ptr %v, i64 {group.start}",
                f"store {real} {total.name}, ptr %out"]  # fmt: skip


def _gather(code: Code) -> str:
    """The rows of a table at as many places as a vector has numbers."""
    code.lines, result = [], "poison"
    for lane in range(code.width):
        at = code.emit(f"getelementptr i64, ptr %places, i64 {lane}", "ptr").name
        row = code.emit(f"load i64, ptr {at}, align 8", "i64").name
        at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {row}", "ptr").name
        one = code.emit(f"load {code.real}, ptr {at}, align {code.size}", code.real).name
        result = code.emit(f"insertelement {code.floats} {result}, {code.real} {one}, i32 {lane}", code.floats).name
    return defined(f"internal {code.floats} @gather(ptr %v, ptr %places)", [*code.lines, f"ret {code.floats} {result}"])


LONGEST = 300  # groups of one loop; LLVM's time grows faster than they do


def _size(rows: Any) -> int:
    return int(rows.stop - rows.start)


_PYTHON = ("@exprad_py_float = external global i8", "declare ptr @exprad_py_vectorcall(ptr, ptr, i64, ptr)",
           "declare ptr @exprad_py_from_double(double)", "declare ptr @exprad_py_new_List(i64)",
           "declare ptr @exprad_py_new_Tuple(i64)", "declare i32 @exprad_py_set_List(ptr, i64, ptr)",
           "declare i32 @exprad_py_set_Tuple(ptr, i64, ptr)")  # fmt: skip


def python_call(module: Module, program: Program, columns: Sequence[int], container: str) -> str:
    """The module of a function that Python calls: `PyObject *call(self, args, count, names)`.

    Floats are taken from the objects and computed with; anything else goes to `self`, the function that takes all.
    `container` is "" for one result, or "List" or "Tuple".
    """
    code, inputs = module.code, len(columns)
    results = whole_program(module, program, {column: f"%in{place}" for place, column in enumerate(columns)})
    lines = ["entry:", f"%fits = icmp eq i64 %count, {inputs}", "%plain = icmp eq ptr %names, null",
             "%ok0 = and i1 %fits, %plain", "br i1 %ok0, label %types, label %other",
             "types:", "%all0 = or i1 true, true"]  # fmt: skip
    for place in range(inputs):
        lines += [f"%ap{place} = getelementptr ptr, ptr %args, i64 {place}", f"%a{place} = load ptr, ptr %ap{place}",
                  f"%tp{place} = getelementptr i8, ptr %a{place}, i64 8", f"%t{place} = load ptr, ptr %tp{place}",
                  f"%f{place} = icmp eq ptr %t{place}, @exprad_py_float",
                  f"%all{place + 1} = and i1 %all{place}, %f{place}"]  # fmt: skip
    lines += [f"br i1 %all{inputs}, label %compute, label %other", "other:",
              "%general = call ptr @exprad_py_vectorcall(ptr %self, ptr %args, i64 %count, ptr %names)", "ret ptr %general",
              "compute:"]  # fmt: skip
    for place in range(inputs):
        lines += [f"%vp{place} = getelementptr i8, ptr %a{place}, i64 16", f"%in{place} = load double, ptr %vp{place}"]
    lines += code.lines
    if not container:
        lines += [f"%object = call ptr @exprad_py_from_double(double {results[0].name})", "ret ptr %object"]
    else:
        lines += [f"%whole = call ptr @exprad_py_new_{container}(i64 {len(results)})", "%none = icmp eq ptr %whole, null",
                  "br i1 %none, label %fail, label %fill0"]  # fmt: skip
        for place, result in enumerate(results):
            lines += [f"fill{place}:", f"%o{place} = call ptr @exprad_py_from_double(double {result.name})",
                      f"%n{place} = icmp eq ptr %o{place}, null", f"br i1 %n{place}, label %fail, label %set{place}",
                      f"set{place}:",
                      f"%s{place} = call i32 @exprad_py_set_{container}(ptr %whole, i64 {place}, ptr %o{place})",
                      f"br label %fill{place + 1}"]  # fmt: skip
        lines += [f"fill{len(results)}:", "ret ptr %whole", "fail:", "ret ptr null"]
    for line in _PYTHON:
        code.declare(line)
    return module.text(defined("ptr @call(ptr %self, ptr %args, i64 %count, ptr %names)", lines))

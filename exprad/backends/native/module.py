"""The text of a module of LLVM's, and what it calls that lies elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from exprad.backends.native import mathematics
from exprad.backends.native.llvm import Code, Vector, defined, filled, repeated
from exprad.backends.native.mathematics import by_lanes
from exprad.backends.signature import own_name
from exprad.ground.primitive import Primitive


class Module:
    """The text of a module over vectors of `width` numbers, and the symbols that it needs from elsewhere.

    `libmvec` gives the symbol of a row in glibc's vector mathematics, or None; `is_own`: whether the functions of
    `mathematics` may be called; `is_loop`: whether NumPy's loop over doubles may be called for a row; `vectors`: a module of
    vectors, whose functions a module of single numbers calls, so that both give the same bits.
    """

    def __init__(
        self,
        width: int,
        real: str,
        fast: bool,
        libmvec: Callable[[str, int], str | None],
        is_own: bool,
        is_loop: Callable[[Primitive], bool],
        vectors: Module | None = None,
    ) -> None:
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
        pair, symbol = f"{{{double}, {double}}}", mathematics.symbol("sincos", code.width)
        both = code.emit(f"call {pair} @{symbol}({double} {self._converted('fpext', x)})", pair)
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
        if self.vectors is not None and self.vectors.has_vectors_of(name, arity):
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

    def has_vectors_of(self, name: str, arity: int) -> bool:
        """Whether a function of the C library is computed for whole vectors, by other means than for a number."""
        return self.is_own and name in mathematics.FUNCTIONS or self.libmvec(name, arity) is not None

    def _first_lane(self, vectors: Module, name: str, arity: int) -> str:
        """A function of numbers that calls one of vectors."""
        kind, operands = vectors.code.vector("double"), ", ".join(f"double %x{k}" for k in range(arity))
        lines = filled(
            _FIRST_LANE, kind=kind, symbol=vectors._symbol(name, arity), given=", ".join(f"{kind} %all{k}" for k in range(arity)),
            splats=repeated(_SPLAT, arity, kind=kind, places=vectors.code.vector("i32")))  # fmt: skip
        self.lanes[f"first_{name}"] = defined(f"internal double @first_{name}({operands})", lines)
        return f"first_{name}"

    def add(self, other: Module) -> None:
        """Take in what another module declares, and needs."""
        self.code.declarations.update(other.code.declarations)
        for mine, theirs in (
            (self.own, other.own),
            (self.external, other.external),
            (self.vector, other.vector),
            (self.loops, other.loops),
            (self.lanes, other.lanes),
        ):
            mine.update(theirs)  # type: ignore[arg-type]  # of one kind each

    def text(self, *functions: str) -> str:
        """The module of these functions."""
        return "\n\n".join(["\n".join(self.code.declarations), *self.lanes.values(), *functions])


_SPLAT = """\
%one{k} = insertelement {kind} poison, double %x{k}, i32 0
%all{k} = shufflevector {kind} %one{k}, {kind} poison, {places} zeroinitializer
"""
_FIRST_LANE = """\
{splats}
%y = call {kind} @{symbol}({given})
%first = extractelement {kind} %y, i32 0
ret double %first"""
# A call of `void loop(char **arrays, long *count, long *steps, void *data)` for the numbers of a vector.
_LOOP_CALL = """\
%args = alloca [{arrays} x ptr]
%steps = alloca [{arrays} x i64]
%count = alloca i64
store i64 {width}, ptr %count
{buffers}
{stores}
call void @exprad_loop_{inner}(ptr %args, ptr %count, ptr %steps, ptr @exprad_data_{inner})
%y = load {kind}, ptr %b{arity}, align 64
ret {kind} %y"""
_BUFFER = """\
%b{k} = alloca {kind}, align 64
%a{k} = getelementptr ptr, ptr %args, i64 {k}
store ptr %b{k}, ptr %a{k}
%s{k} = getelementptr i64, ptr %steps, i64 {k}
store i64 8, ptr %s{k}
"""
_STORE = "store {kind} %x{k}, ptr %b{k}, align 64\n"


def _loop_call(code: Code, name: str, inner: str, arity: int) -> str:
    """A function of vectors that calls a loop of NumPy's."""
    kind = code.vector("double")
    code.declare(f"declare void @exprad_loop_{inner}(ptr, ptr, ptr, ptr)")
    code.declare(f"@exprad_data_{inner} = external global i8")
    lines = filled(
        _LOOP_CALL,
        arrays=arity + 1,
        width=code.width,
        buffers=repeated(_BUFFER, arity + 1, kind=kind),
        stores=repeated(_STORE, arity, kind=kind),
        inner=inner,
        kind=kind,
        arity=arity,
    )
    return defined(f"internal {kind} @{name}({', '.join(f'{kind} %x{k}' for k in range(arity))})", lines)

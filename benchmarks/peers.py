"""One function and its two partial derivatives in each library's own way: a maker for each peer.

A maker takes the program of the value, the program of value and partials, and the arrays, and returns what is timed. A
peer that differentiates is given the value alone; the others are given exprad's partials.
"""

from __future__ import annotations

import ctypes
import math
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from exprad import compile, variables
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
}
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
Maker = Callable[[Program, Program, Any, Any, Sequence[Any]], Callable[[], Any]]


def through(program: Program, library: Any, **inputs: Any) -> list[Any]:
    """The outputs of a program, computed with the functions of a library."""
    values: list[Any] = []
    for head, *rest in program.steps:
        if isinstance(head, Primitive):
            function = ARITHMETIC.get(head.name) or getattr(library, head.name)
            values.append(function(*[values[index] for index in rest]))
        else:
            values.append(inputs[rest[0]] if head == "var" else float(rest[0]))
    return [values[output] for output in program.outputs]


def lines(program: Program, function: str, constant: Callable[[float], str] = repr) -> tuple[list[str], list[str]]:
    """A program as lines `name = expression`, with calls spelled by `function`, and the names of its outputs."""
    names: list[str] = []
    text: list[str] = []
    for index, (head, *rest) in enumerate(program.steps):
        if not isinstance(head, Primitive):
            names.append(rest[0] if head == "var" else constant(float(rest[0])))
            continue
        names.append(f"v{index}")
        operands = [names[place] for place in rest]
        if head.name in INFIX:
            text.append(f"v{index} = {f' {INFIX[head.name]} '.join(operands)}")
        elif head.name == "neg":
            text.append(f"v{index} = -{operands[0]}")
        else:
            text.append(f"v{index} = {function.format(head.name)}({', '.join(operands)})")
    return text, [names[output] for output in program.outputs]


def _python(program: Program, function: str, scope: dict[str, Any]) -> Callable[..., Any]:
    text, outputs = lines(program, function)
    body = "\n    ".join([*text, f"return {', '.join(outputs)}"])
    exec(f"def computed(x, y):\n    {body}\n", scope)
    return scope["computed"]


def numpy_plain(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    computed = _python(both, "np.{}", {"np": np})

    def run() -> None:
        for target, value in zip(out, computed(a, b), strict=True):
            target[...] = value

    return run


def numpy_blocked(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    computed = _python(both, "np.{}", {"np": np})

    def run() -> None:
        for start in range(0, len(a), 16384):
            piece = slice(start, start + 16384)
            for target, value in zip(out, computed(a[piece], b[piece]), strict=True):
                target[piece] = value

    return run


def lambdify(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import sympy as sp

    x, y = sp.symbols("x y")
    value = through(f, sp, x=x, y=y)[0]
    computed = sp.lambdify([x, y], [value, value.diff(x), value.diff(y)], "numpy", cse=True)
    return lambda: computed(a, b)


def numexpr(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import numexpr as ne

    texts = []
    for output in both.outputs:
        text, names = lines(Program(both.steps, (output,)), "{}")
        known: dict[str, str] = {}
        for name, _, right in (line.partition(" = ") for line in text):
            words = re.split(r"(\bv\d+\b)", right)
            known[name] = "(" + "".join(known.get(word, word) for word in words) + ")"
        texts.append(known.get(names[0], names[0]))
    if max(map(len, texts)) > 20_000:
        raise ImportError("the text would be too long")

    def run() -> None:
        for text, target in zip(texts, out, strict=True):
            ne.evaluate(text, {"x": a, "y": b}, out=target)

    return run


def numba(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    return _numba(both, a, b, out, parallel=False)


def numba_parallel(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    return _numba(both, a, b, out, parallel=True)


def _numba(both: Program, a: Any, b: Any, out: Sequence[Any], parallel: bool) -> Callable[[], Any]:
    import numba as nb

    text, outputs = lines(both, "math.{}")
    body = "\n        ".join(["x = a[i]", "y = b[i]", *text, *[f"o{k}[i] = {name}" for k, name in enumerate(outputs)]])
    scope: dict[str, Any] = {"math": math, "prange": nb.prange}
    indices = "prange" if parallel else "range"
    exec(f"def loop(a, b, o0, o1, o2):\n    for i in {indices}(len(a)):\n        {body}\n", scope)
    compiled = nb.njit(error_model="numpy", parallel=parallel)(scope["loop"])
    return lambda: compiled(a, b, *out)


def jax(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import jax as library
    import jax.numpy as jnp

    library.config.update("jax_enable_x64", True)

    def total(x: Any, y: Any) -> Any:
        value = through(f, jnp, x=x, y=y)[0]
        return value.sum(), value

    compiled = library.jit(library.value_and_grad(total, argnums=(0, 1), has_aux=True))
    given = jnp.asarray(a), jnp.asarray(b)
    return lambda: library.block_until_ready(compiled(*given))


def autograd(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import autograd.numpy as anp
    from autograd import make_vjp

    backward = make_vjp(lambda p: through(f, anp, x=p[0], y=p[1])[0])
    ones = np.ones_like(a)

    def run() -> Any:
        pull, value = backward((a, b))
        return value, pull(ones)

    return run


def casadi(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    mapped = _casadi_function(f).map(len(a))
    first, second = a.reshape(1, -1), b.reshape(1, -1)
    return lambda: mapped(first, second)


def symengine(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import symengine as se

    x, y = se.symbols("x y")
    value = through(f, se, x=x, y=y)[0]
    computed = se.Lambdify([x, y], [value, value.diff(x), value.diff(y)], cse=True)
    both_columns = np.stack([a, b], axis=-1)
    return lambda: computed(both_columns)


def pytensor(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import pytensor as pt
    import pytensor.tensor as tensor

    x, y = tensor.dvector("x"), tensor.dvector("y")
    value = through(f, tensor, x=x, y=y)[0]
    compiled = pt.function([x, y], [value, *tensor.grad(value.sum(), [x, y])])
    return lambda: compiled(a, b)


def torch(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    import torch as library

    compiled = library.compile(lambda x, y: through(both, library, x=x, y=y))
    given = library.from_numpy(a), library.from_numpy(b)
    return lambda: compiled(*given)


def blocks(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    """exprad by NumPy, in blocks."""
    x, y = variables("x y")
    function, targets = compile(both.expressions(), [x, y], backend="numpy"), list(out)
    return lambda: function(a, b, out=targets)


def native(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    """exprad's own machine code, strict."""
    return _native(both, a, b, out, fast=False)


def native_fast(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    """exprad's own machine code, with fused multiply-add and reassociation."""
    return _native(both, a, b, out, fast=True)


def _native(both: Program, a: Any, b: Any, out: Sequence[Any], fast: bool) -> Callable[[], Any]:
    import llvmlite  # noqa: F401  # else this peer is not installed

    x, y = variables("x y")
    function, targets = compile(both.expressions(), [x, y], backend="native", fast=fast), list(out)
    return lambda: function(a, b, out=targets)


def c(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    """The loop that a C programmer would write, by gcc with vector mathematics."""
    return _c(both, a, b, out, "", [])


def c_openmp(f: Program, both: Program, a: Any, b: Any, out: Sequence[Any]) -> Callable[[], Any]:
    """The same loop on all processors."""
    return _c(both, a, b, out, "#pragma omp parallel for simd schedule(static)\n", ["-fopenmp"])


def _c(both: Program, a: Any, b: Any, out: Sequence[Any], pragma: str, flags: Sequence[str]) -> Callable[[], Any]:
    """A loop by gcc.

    The cosine goes by another name, for gcc merges a sine and a cosine of one argument into a call that it then can't
    vectorise.
    """
    text, outputs = lines(both, "{}")
    text = [re.sub(r"\bcos\(", "other_cos(", line) for line in text]
    body = "\n".join(
        [f"    const double {line};" for line in text] + [f"    o{k}[i] = {n};" for k, n in enumerate(outputs)]
    )
    arrays = ", ".join(f"double *restrict o{k}" for k in range(len(outputs)))
    cosine = '__attribute__((simd("notinbranch"), const)) double other_cos(double) __asm__("cos");'
    source = (
        f"#include <math.h>\n{cosine}\nvoid loop(long n, const double *restrict a, const double *restrict b, {arrays}) {{\n"
        f"{pragma}  for (long i = 0; i < n; i++) {{\n    const double x = a[i], y = b[i];\n{body}\n  }}\n}}\n"
    )
    folder = Path(tempfile.mkdtemp())
    (folder / "loop.c").write_text(source)
    try:
        subprocess.run(
            [
                "gcc",
                "-O3",
                "-march=native",
                "-ffast-math",
                *flags,
                "-shared",
                "-fPIC",
                "loop.c",
                "-o",
                "loop.so",
                "-lm",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImportError("gcc") from error
    function = ctypes.CDLL(str(folder / "loop.so")).loop
    held = [a, b, *out]
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in held]
    return lambda held=held: function(ctypes.c_long(len(a)), *pointers)


def numba_point(f: Program, both: Program) -> Callable[[float, float], Any]:
    """A function of two numbers."""
    import numba as nb

    text, outputs = lines(both, "math.{}")
    scope: dict[str, Any] = {"math": math}
    body = "\n    ".join([*text, f"return {', '.join(outputs)}"])
    exec(f"def point(x, y):\n    {body}\n", scope)
    compiled = nb.njit(error_model="numpy")(scope["point"])
    compiled(0.5, 0.5)
    return compiled  # type: ignore[no-any-return]


def lambdify_point(f: Program, both: Program) -> Callable[[float, float], Any]:
    import sympy as sp

    x, y = sp.symbols("x y")
    value = through(f, sp, x=x, y=y)[0]
    return sp.lambdify([x, y], [value, value.diff(x), value.diff(y)], "math", cse=True)  # type: ignore[no-any-return]


def _casadi_function(f: Program) -> Any:
    import casadi as ca

    x, y = ca.SX.sym("x"), ca.SX.sym("y")
    value = through(f, ca, x=x, y=y)[0]
    return ca.Function("f", [x, y], [value, ca.gradient(value, x), ca.gradient(value, y)])


def casadi_point(f: Program, both: Program) -> Callable[[float, float], Any]:
    return _casadi_function(f)  # type: ignore[no-any-return]


def casadi_gcc_point(f: Program, both: Program) -> Callable[[float, float], Any]:
    """CasADi's own C, by gcc."""
    import casadi as ca

    folder = Path(tempfile.mkdtemp())
    generator = ca.CodeGenerator("f.c")
    generator.add(_casadi_function(f))
    generator.generate(str(folder) + "/")
    try:
        subprocess.run(["gcc", "-O3", "-shared", "-fPIC", "f.c", "-o", "f.so"], cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImportError("gcc") from error
    return ca.external("f", str(folder / "f.so"))  # type: ignore[no-any-return]


def casadi_rosenbrock(n: int, at: Any) -> Callable[[], Any]:
    """Rosenbrock's function and its gradient in CasADi, called once."""
    import casadi as ca

    v = ca.SX.sym("x", n)
    total = 0
    for i in range(n - 1):
        total += 100 * (v[i + 1] - v[i] ** 2) ** 2 + (1 - v[i]) ** 2
    function = ca.Function("f", [v], [total, ca.gradient(total, v)])
    function(at)
    return lambda: function(at)


def exprad_in_jax(outputs: Any, a: Any, b: Any) -> Callable[[], Any]:
    """exprad's derivatives inside jax.jit."""
    import jax as library
    import jax.numpy as jnp

    compiled = library.jit(compile(outputs, variables("x y"), backend="jax"))
    given = jnp.asarray(a), jnp.asarray(b)
    return lambda: library.block_until_ready(compiled(*given))


def exprad_in_torch(outputs: Any, a: Any, b: Any) -> Callable[[], Any]:
    """exprad's derivatives inside torch.compile."""
    import torch as library

    compiled = library.compile(compile(outputs, variables("x y"), backend="torch"))
    given = library.from_numpy(a), library.from_numpy(b)
    return lambda: compiled(*given)

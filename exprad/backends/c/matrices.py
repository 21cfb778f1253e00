"""Products of matrices and linear algebra in C, as plain loops; and sums by pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from exprad.backends.c.text import at, looped
from exprad.backends.loops import Call, View, contiguous
from exprad.ground.shapes import Shape

# Gauss' elimination with the largest pivot of each column, of a matrix of n rows and m right sides, which become the
# solution: the determinant. A pivot of 0 leaves nan.
ELIMINATION = """\
static {t} {name}_lu(long n, {t} *a, long m, {t} *b)
{{
    {t} det = 1;
    for (long k = 0; k < n; k++) {{
        long p = k;
        for (long i = k + 1; i < n; i++)
            if (fabs{f}(a[n * i + k]) > fabs{f}(a[n * p + k]))
                p = i;
        for (long j = 0; j < n + m && p != k; j++) {{
            {t} *u = j < n ? &a[n * k + j] : &b[m * k + j - n], *v = j < n ? &a[n * p + j] : &b[m * p + j - n];
            const {t} kept = *u;
            *u = *v;
            *v = kept;
        }}
        det *= p == k ? a[n * k + k] : -a[n * k + k];
        if (a[n * k + k] == 0) {{
            for (long j = 0; j < n * m; j++)
                b[j] = NAN;
            return 0;
        }}
        for (long i = k + 1; i < n; i++) {{
            const {t} by = a[n * i + k] / a[n * k + k];
            for (long j = k + 1; j < n; j++)
                a[n * i + j] -= by * a[n * k + j];
            for (long j = 0; j < m; j++)
                b[m * i + j] -= by * b[m * k + j];
        }}
    }}
    for (long k = n - 1; k >= 0; k--)
        for (long j = 0; j < m; j++) {{
            for (long i = k + 1; i < n; i++)
                b[m * k + j] -= a[n * k + i] * b[m * i + j];
            b[m * k + j] /= a[n * k + k];
        }}
    return det;
}}
"""
# Sums as NumPy takes them: halves of halves, down to 128 numbers, which are summed in eight turns.
PAIRS = """\
static {t} {name}_pairs(const {t} *x, long n, long step)
{{
    if (n < 8) {{
        {t} sum = -0.0{f};
        for (long i = 0; i < n; i++)
            sum += x[i * step];
        return sum;
    }}
    if (n <= 128) {{
        {t} r[8];
        long i = 8;
        for (int k = 0; k < 8; k++)
            r[k] = x[k * step];
        for (; i < n - n % 8; i += 8)
            for (int k = 0; k < 8; k++)
                r[k] += x[(i + k) * step];
        {t} sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++)
            sum += x[i * step];
        return sum;
    }}
    const long half = n / 2 - n / 2 % 8;
    return {name}_pairs(x, half, step) + {name}_pairs(x + half * step, n - half, step);
}}
"""
LIBRARY = {"matmul": "", "solve": ELIMINATION, "inv": ELIMINATION, "det": ELIMINATION}  # what the loops of each call


class Matrices:
    """The lines of products, solutions, inverses and determinants, and the room that they ask for beyond that of the program."""

    def __init__(self, code: Any) -> None:
        self.code = code
        self.used: dict[str, None] = {}
        self.sums = False  # whether there are sums by pairs
        self.room = 0

    def lines(self, job: Call) -> list[str]:
        self.used[job.function] = None
        ways: dict[str, Callable[..., list[str]]] = {
            "matmul": self._product,
            "solve": self._solution,
            "inv": self._inverse,
            "det": self._determinant,
        }
        return ways[job.function](*job.reads, job.write)

    def _product(self, a: View, b: View, y: View) -> list[str]:
        """The sum along the middle goes on in the result, so that what is innermost lies side by side."""
        rows, middle = a.shape[-2:-1] or (1,), a.shape[-1:]
        columns = b.shape[-1:] if len(b.shape) > 1 else (1,)
        lead = y.shape[: len(y.shape) - (len(a.shape) > 1) - (len(b.shape) > 1)]
        left = self._stacked(a, (*lead, *rows, *middle), a.strides if len(a.shape) > 1 else (0, *a.strides))
        right = self._stacked(b, (*lead, *middle, *columns), b.strides if len(b.shape) > 1 else (*b.strides, 0))
        shape = (*lead, *rows, *columns)
        *outer, k, j = (f"i{axis}" for axis in range(len(shape) + 1))
        j = j if columns[0] != 1 else ""  # no index
        result = self.code.element(y, contiguous(shape), [*outer, j])
        factors = (
            self.code.element(left, left.strides, [*outer, k]),
            self.code.element(right, right.strides, [*outer[:-1], k, j]),
        )
        product, along = " * ".join(factors), f"for (long {k} = 0; {k} < {middle[0]}; {k}++)"
        if columns == (1,):
            sums = [f"{self.code.dtype} sum = 0;", along, f"    sum += {product};", f"{result} = sum;"]
            return looped((*lead, *rows), sums)
        across = f"for (long {j} = 0; {j} < {columns[0]}; {j}++)"
        sums = [across, f"    {result} = 0;", along, f"    {across}", f"        {result} += {product};"]
        return looped((*lead, *rows), sums)

    def _stacked(self, x: View, shape: Shape, strides: Sequence[int]) -> View:
        """A stack of matrices, where a vector is one too."""
        own = x.shape if len(x.shape) > 1 else shape[-2:]
        return View(x.memory, x.offset, own, tuple(strides)).broadcast(shape)

    def _solution(self, a: View, b: View, y: View) -> list[str]:
        n, is_vector = a.shape[-1], len(b.shape) == 1
        lead = y.shape[:-1] if is_vector else y.shape[:-2]
        given = b.broadcast((*lead, *b.shape[-1 - (not is_vector) :]))
        inner = [f"i{axis}" for axis in range(len(lead), len(given.shape))]
        own = given.shape[len(lead) :]
        copied = self.code.element(given, given.strides, [*self._indices(lead), *inner])
        begun = _nested(own, len(lead), f"{at('b', 0, contiguous(own), inner)} = {copied};")
        return self._solved(a, y, lead, n, 1 if is_vector else own[1], begun)

    def _inverse(self, a: View, y: View) -> list[str]:
        n, lead = a.shape[-1], y.shape[:-2]
        i = f"i{len(lead)}"
        return self._solved(a, y, lead, n, n, _nested((n * n,), len(lead), f"b[{i}] = {i} % {n + 1} == 0;"))

    def _solved(self, a: View, y: View, lead: Shape, n: int, columns: int, begun: list[str]) -> list[str]:
        """The lines that make the result right sides, and solve for them where they lie."""
        target = self.code.element(y, [n * columns * step for step in contiguous(lead)], self._indices(lead))
        call = f"{self.code.name}_lu({n}, {self._scratch}, {columns}, b);"
        return looped(lead, [f"{self.code.dtype} *b = &{target};", *begun, *self._copied(a, lead), call])

    def _determinant(self, a: View, y: View) -> list[str]:
        target = self.code.element(y, contiguous(y.shape), self._indices(y.shape))
        found = f"{target} = {self.code.name}_lu({a.shape[-1]}, {self._scratch}, 0, 0);"
        return looped(y.shape, [*self._copied(a, y.shape), found])

    @property
    def _scratch(self) -> str:
        return f"&w[{self.code.loops.room}]"

    def _indices(self, lead: Shape) -> list[str]:
        return [f"i{axis}" for axis in range(len(lead))]

    def _copied(self, a: View, lead: Shape) -> list[str]:
        """A copy of a matrix, which elimination overwrites."""
        n, deep = a.shape[-1], len(lead)
        self.room = max(self.room, n * n)
        whole, inner = a.broadcast((*lead, n, n)), [f"i{deep}", f"i{deep + 1}"]
        copied = self.code.element(whole, whole.strides, [*self._indices(lead), *inner])
        return _nested((n, n), deep, f"{at('w', self.code.loops.room, (n, 1), inner)} = {copied};")


def _nested(shape: Shape, deep: int, line: str) -> list[str]:
    """A statement for each element, within loops that have `deep` indices."""
    loops = [
        f"{'    ' * place}for (long i{axis} = 0; i{axis} < {size}; i{axis}++)"
        for place, (axis, size) in enumerate(enumerate(shape, deep))
    ]
    return [*loops, "    " * len(shape) + line]

"""What other libraries call things, and what they are called here. Who asks for one of these names is told.

A name is asked of the package, or of a carrier. It is no attribute: `hasattr` is False, and `dir` does not list it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exprad.ground.hints import Any, NoReturn

_NUMPY = "NumPy's own: np.asarray(...)"
_VARIABLE = 'Var("x"), of scalars, or Var("v", shape=(3,)), of arrays'
_GRADIENT = "f.gradient(x) or gradient(f, [x, y])"
_RECORDED = "nothing, as every Variable records; no_grad() stops it"

PACKAGE: dict[str, str] = {
    # derivatives
    "grad": "gradient(f, wrt), of an expression or of a Python function at a point", "backward": "Variable.backward()",
    "value_and_grad": "value_and_gradient(f, wrt)", "elementwise_grad": "gradient(f.sum(), x)",
    "egrad": "gradient(f.sum(), x)",
    "holomorphic_grad": "gradient(f, wrt), of real numbers", "jacrev": "jacobian(fs, wrt), which chooses the mode",
    "jacfwd": "jacobian(fs, wrt), which chooses the mode", "linearize": "jvp(fs, {x: x_dot})",
    "Derivative": "derivative(f, x, order=n)",
    "differentiate": _GRADIENT, "hessian_vector_product": "hvp(f, wrt, direction)", "make_vjp": "vjp(fs, fs_bar, wrt)",
    "make_jvp": "jvp(fs, {x: x_dot})", "make_hvp": "hvp(f, wrt, direction)", "make_ggnvp": "jvp and vjp",
    "jtimes": "jvp(fs, {x: x_dot})", "multigrad_dict": "gradient(f, {name: x})", "check_grads": "check(f)",
    "gradcheck": "check(f)",
    "stop_gradient": "held(f)", "detach": "held(f), or v.data of a Variable",
    "enable_grad": 'using_config("enable_backprop", True)',
    "set_grad_enabled": 'using_config("enable_backprop", ...)', "inference_mode": "no_grad()", "test_mode": "no_grad()",
    # variables and constants
    "Symbol": _VARIABLE, "symbol": _VARIABLE, "Symbols": 'variables("x y")', "symbols": 'variables("x y")',
    "Dummy": "Var.fresh()",
    "MatrixSymbol": 'Var("M", shape=(2, 3))', "SX": _VARIABLE, "MX": _VARIABLE, "DM": _NUMPY, "scalar": 'Var("x")',
    "dscalar": 'Var("x")',
    "vector": 'Var("v", shape=(3,))', "dvector": 'Var("v", shape=(3,))', "matrix": 'Var("M", shape=(2, 3))',
    "dmatrix": 'Var("M", shape=(2, 3))', "Matrix": "an object array of expressions, or stack([...])",
    "Tensor": "Variable(np.array(...))",
    "as_variable": "Variable(np.array(...))", "Parameter": "Variable(np.array(...))",
    "array": _NUMPY, "asarray": _NUMPY, "zeros": "NumPy's own: np.zeros(...)", "ones": "NumPy's own: np.ones(...)",
    "arange": "NumPy's own: np.arange(...)", "linspace": "NumPy's own: np.linspace(...)", "Integer": "Const(2)",
    "Float": "Const(0.5)",
    "Rational": "Fraction(1, 3), Python's own", "Number": "Const(2)", "constant": "Const(2)",
    "Dual": "DualNumber(value, eps)",
    "pi": "math.pi, Python's own", "E": "math.e, Python's own", "oo": "math.inf, Python's own",
    "inf": "math.inf, Python's own",
    # from expressions and to them
    "lambdify": "compile(f, [x, y])", "function": "compile(f, [x, y])", "jit": "compile(f, [x, y])",
    "Lambda": "compile(f, [x, y])",
    "sympify": "parse(text), or from_sympy(e)", "S": "parse(text), or Const(2)", "parse_expr": "parse(text)",
    "expand": "simplify(f)",
    "simplify_expr": "simplify(f)", "collect": "simplify(f)", "cancel": "simplify(f)",
    "make_jaxpr": "trace(function, *shapes)",
    "ccode": "to_c(f, [x, y])", "codegen": "to_c(f, [x, y])", "dotprint": "to_dot(f)", "plot_dot_graph": "to_dot(f)",
    "subs": "f.substitute({x: ...})",
    "substitute": "f.substitute({x: ...})", "evalf": "f.evaluate(x=3)", "eval": "f.evaluate(x=3)",
    "vmap": "compile(f, [x, y]), whose inputs may be arrays",
    "vectorize": "compile(f, [x, y]), whose inputs may be arrays",
    # functions
    "Abs": "abs", "absolute": "abs", "fabs": "abs", "ln": "log", "power": "pow", "Piecewise": "where(condition, a, b)",
    "if_else": "where(condition, a, b)", "switch": "where(condition, a, b)", "select": "where(condition, a, b)",
    "Max": "maximum",
    "Min": "minimum", "fmax": "maximum", "fmin": "minimum", "Eq": "equal(a, b)", "Ne": "not_equal(a, b)", "eq": "equal(a, b)",
    "Mod": "mod", "remainder": "mod",
    "And": "a & b", "Or": "a | b", "Not": "~a", "ceiling": "ceil", "expit": "sigmoid", "logistic": "sigmoid",
    "loggamma": "lgamma",
    "gammaln": "lgamma", "psi": "digamma", "concat": "concatenate", "vertcat": "vstack", "horzcat": "hstack",
    "mtimes": "a @ b",
    "sumsqr": "(v * v).sum()", "norm_2": "norm", "slogdet": "logdet", "permute": "transpose", "unsqueeze": "expand_dims",
    "cat": "concatenate", "clamp": "clip", "fix": "trunc", "divmod": "divmod(a, b), Python's own",
}  # fmt: skip
EXPRESSION: dict[str, str] = {
    "diff": _GRADIENT, "grad": _GRADIENT, "derivative": "f.gradient(x) or derivative(f, x, order=n)",
    "jacobian": "jacobian(fs, wrt)",
    "differentiate": _GRADIENT, "value_and_gradient": "value_and_gradient(f, wrt)", "jvp": "jvp(fs, {x: x_dot})",
    "vjp": "vjp(fs, fs_bar, wrt)", "hvp": "hvp(f, wrt, direction)",
    "backward": "f.backpropagate(); Variables have backward()",
    "requires_grad": "nothing, as every expression can be differentiated", "detach": "held(f)",
    "subs": "f.substitute({x: ...})",
    "xreplace": "f.substitute({x: ...})", "replace": "f.substitute({x: ...})", "evalf": "f.evaluate(x=3)",
    "n": "f.evaluate(x=3)",
    "eval": "f.evaluate(x=3)", "doit": "f.evaluate(x=3)", "numpy": "f.evaluate(x=3)", "data": "f.evaluate(x=3)",
    "eps": "f.gradient(x)",
    "lambdify": "compile(f, [x, y])", "compile": "compile(f, [x, y])", "simplify": "simplify(f)", "expand": "simplify(f)",
    "factor": "simplify(f)", "free_symbols": "f.variables", "symbols": "f.variables", "args": "f.operands",
    "children": "f.operands",
    "inputs": "f.operands", "func": "f.primitive", "op": "f.primitive", "has": "x in f.variables", "atoms": "f.variables",
    "is_constant": "not f.variables", "equals": "f is g, or check(f - g)", "to_sympy": "to_sympy(f)", "latex": "str(f)",
    "view": "f.reshape(...)", "unsqueeze": "expand_dims(f, axis)", "permute": "f.transpose(...)",
}  # fmt: skip
VARIABLE: dict[str, str] = {
    "requires_grad": _RECORDED, "requires_grad_": _RECORDED, "detach": "Variable(v.data), which comes from no operation",
    "unchain": "Variable(v.data), which comes from no operation",
    "unchain_backward": "Variable(v.data), which comes from no operation",
    "numpy": "v.data", "value": "v.data", "array": "v.data", "primal": "v.data", "cpu": "v.data",
    "cuda": "v.data, which is NumPy's",
    "evaluate": "v.data, as a Variable is computed at once", "gradient": "v.backward(), which leaves x.grad",
    "diff": "diff(v), or "
    "v.backward(), which leaves x.grad", "backpropagate": "v.backward()", "zero_grad": "x.cleargrad()",
    "clear_grad": "x.cleargrad()",
    "zero_": "x.cleargrad()", "retain_grad": "v.backward(retain_grad=True)", "grad_fn": "v.expression",
    "creator": "v.expression",
    "eps": "x.grad after v.backward()", "is_leaf": "v.expression", "view": "v.reshape(...)",
    "unsqueeze": "expand_dims(v, axis)",
    "permute": "v.transpose(...)", "mm": "v @ w", "to": "v.astype(dtype)", "float": 'v.astype("float32")',
    "double": 'v.astype("float64")',
}  # fmt: skip
DUAL: dict[str, str] = {
    "grad": "d.eps", "gradient": "d.eps", "derivative": "d.eps", "deriv": "d.eps", "diff": "d.eps, or diff(d)",
    "tangent": "d.eps",
    "partials": "d.eps", "dual": "d.eps", "epsilon": "d.eps", "primal": "d.value", "data": "d.value", "numpy": "d.value",
    "detach": "d.value", "val": "d.value", "evaluate": "d.value", "requires_grad": "DualNumber(value, 1.0)",
    "backward": "d.eps, which is there at once; Variables have backward()", "backpropagate": "d.eps, which is there at once",
}  # fmt: skip
NAMES = frozenset({*EXPRESSION, *VARIABLE, *DUAL})


class Elsewhere:
    """A name of the peers', in a class: who asks for it is told what to write."""

    def __init__(self, name: str, advice: str) -> None:
        self.name, self.advice = name, advice
        self.__doc__ = f"No attribute: here it is {advice}."

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no {self.name!r}; here it is {self.advice}")


def told(cls: type, names: Mapping[str, str]) -> None:
    """Let a class tell what these names are called here."""
    for name, advice in names.items():
        setattr(cls, name, Elsewhere(name, advice))


def without(listed: Iterable[str]) -> list[str]:
    """What `dir` lists, less the peers' names."""
    return sorted(name for name in listed if name not in NAMES)

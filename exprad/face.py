"""What stands above nodes, rows and operators, and is offered by them: the one door upwards, a table of names.

Each name on the left is declared, with its signature and its docstring, where users look; on the right is what it does,
which is imported at its first call. Nothing is declared or computed here.
"""

from __future__ import annotations

from exprad.ground.bound import handlers, homes

homes.update({
    "Primitive.value":                   "exprad.numbers:evaluate",
    "Primitive.fingerprint":             "exprad.ground.fingerprint:fingerprint",

    "documentation":                     "exprad.insight.manual:documentation",
    "signature":                         "exprad.insight.manual:signature",
    "as_operand":                        "exprad.arrays:as_operand",

    "Expr.evaluate":                     "exprad.graph.evaluation:evaluate",
    "Expr.gradient":                     "exprad.derivatives.gradient:gradient",
    "Expr.hessian":                      "exprad.derivatives.hessian:hessian",
    "Expr.backpropagate":                "exprad.derivatives.gradient:backpropagate",
    "Expr.substitute":                   "exprad.graph.substitution:substitute",
    "Expr.__str__":                      "exprad.text.printer:to_text",
    "Expr.__repr__":                     "exprad.text.printer:to_short_text",
    "Expr.__format__":                   "exprad.text.printer:formatted",
    "Expr.__reduce__":                   "exprad.graph.program:reduced",
    "Expr.__getitem__":                  "exprad.arrays:getitem",
    "Expr.listed":                       "exprad.arrays:as_operand",
    "Expr.__call__":                     "exprad.graph.evaluation:called",
    "Indexed.__iter__":                  "exprad.arrays.methods:elements",

    "ArrayMethods.__matmul__":           "exprad.arrays:matmul",
    "ArrayMethods.__rmatmul__":          "exprad.arrays.methods:reflected_matmul",
    "ArrayMethods.__array_ufunc__":      "exprad.arrays.methods:of_ufunc",
    "ArrayMethods.__array_function__":   "exprad.arrays.methods:of_function",
    "ArrayMethods.imag":                 "exprad.arrays:zeros_like",
    "ArrayMethods.transpose":            "exprad.arrays.methods:transpose",
    "ArrayMethods.reshape":              "exprad.arrays.methods:reshape",
    "ArrayMethods.ravel":                "exprad.arrays:ravel",
    "ArrayMethods.squeeze":              "exprad.arrays:squeeze",
    "ArrayMethods.swapaxes":             "exprad.arrays:swapaxes",
    "ArrayMethods.broadcast_to":         "exprad.arrays:broadcast_to",
    "ArrayMethods.repeat":               "exprad.arrays:repeat",
    "ArrayMethods.take":                 "exprad.arrays:take",
    "ArrayMethods.diagonal":             "exprad.arrays:diagonal",
    "ArrayMethods.trace":                "exprad.arrays:trace",
    "ArrayMethods.sum":                  "exprad.arrays:sum",
    "ArrayMethods.mean":                 "exprad.arrays:mean",
    "ArrayMethods.prod":                 "exprad.arrays:prod",
    "ArrayMethods.max":                  "exprad.arrays:max",
    "ArrayMethods.min":                  "exprad.arrays:min",
    "ArrayMethods.var":                  "exprad.arrays:var",
    "ArrayMethods.std":                  "exprad.arrays:std",
    "ArrayMethods.cumsum":               "exprad.arrays:cumsum",
    "ArrayMethods.dot":                  "exprad.arrays:dot",
})  # fmt: skip
handlers["__dask_graph__"] = "exprad.interop.dask:over_chunks"

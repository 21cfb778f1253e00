"""The text that LLVM takes for one method of a class of the subset; see `subset`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.errors import UnsupportedError

WIDTHS = {"Long": ("i64", 8), "Whole": ("i32", 4), "Real": ("double", 8)}  # elements of arrays
NUMBERS = {"int": "i64", "float": "double", "None": "void"}

OPERATIONS: dict[type[ast.operator], tuple[str, str | None]] = {  # on whole numbers, and on floats
    ast.Add: ("add", "fadd"),
    ast.Sub: ("sub", "fsub"),
    ast.Mult: ("mul", "fmul"),
    ast.BitAnd: ("and", None),
    ast.BitOr: ("or", None),
    ast.BitXor: ("xor", None),
    ast.LShift: ("shl", None),
    ast.RShift: ("ashr", None),
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("eq", "oeq"),
    ast.NotEq: ("ne", "une"),
    ast.Lt: ("slt", "olt"),
    ast.LtE: ("sle", "ole"),
    ast.Gt: ("sgt", "ogt"),
    ast.GtE: ("sge", "oge"),
}


class Value:
    """A value in the text: its name and its type."""

    __slots__ = ("kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind


class Method:
    """The text of one method."""

    def __init__(self, node: ast.FunctionDef, cls: type[Any], fields: dict[str, str], kinds: dict[str, str]) -> None:
        self.node, self.cls, self.fields, self.kinds = node, cls, fields, kinds
        self.lines: list[str] = []
        self.count = 0
        self.locals: dict[str, str] = {}
        self.loops: list[tuple[str, str]] = []  # where `continue` and `break` lead
        self.names = vars(sys.modules[cls.__module__])

    @property
    def text(self) -> str:
        arguments = [
            (each.arg, NUMBERS[ast.unparse(each.annotation or ast.Name("int"))]) for each in self.node.args.args[1:]
        ]
        for name, kind in arguments:
            self.assign(name, Value(f"%given.{name}", kind))
        self.run(self.node.body)
        result = self.kinds[self.node.name]
        self.lines.append({"void": "ret void", "i64": "ret i64 0", "double": "ret double 0.0"}[result])
        places = [f"%{name} = alloca {kind}" for name, kind in self.locals.items()]
        signature = ", ".join(["ptr noalias %self", *[f"{kind} %given.{name}" for name, kind in arguments]])
        body = "\n".join(["entry:", *places, *self.lines])
        linkage = "internal " if arguments else ""
        return f"define {linkage}{result} @{self.node.name}({signature}) {{\n{body}\n}}\n"

    def refuse(self, node: ast.AST) -> UnsupportedError:
        return UnsupportedError(
            f"{self.cls.__name__}.{self.node.name} has what is no part of the subset: {ast.unparse(node)}"
        )

    def emit(self, text: str, kind: str) -> Value:
        self.count += 1
        self.lines.append(f"%v{self.count} = {text}")
        return Value(f"%v{self.count}", kind)

    def label(self) -> str:
        self.count += 1
        return f"at{self.count}"

    def begin(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def go(self, label: str) -> None:
        """Leave for a label, unless the block was left already."""
        if not self.lines or not self.lines[-1].startswith(("br ", "ret ")):
            self.lines.append(f"br label %{label}")

    def branch(self, test: ast.expr, yes: str, no: str) -> None:
        if isinstance(test, ast.BoolOp):
            *before, last = test.values
            for each in before:
                following = self.label()
                self.branch(each, *((following, no) if isinstance(test.op, ast.And) else (yes, following)))
                self.begin(following)
            self.branch(last, yes, no)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self.branch(test.operand, no, yes)
        else:
            found = self.value(test)
            truth = found if found.kind == "i1" else self.emit(f"icmp ne i64 {found.name}, 0", "i1")
            self.lines.append(f"br i1 {truth.name}, label %{yes}, label %{no}")

    # statements

    def run(self, body: Sequence[ast.stmt]) -> None:
        for each in body:
            getattr(self, f"run_{type(each).__name__}", self.run_other)(each)

    def run_other(self, node: ast.stmt) -> None:
        raise self.refuse(node)

    def run_Expr(self, node: ast.Expr) -> None:  # noqa: N802  # the name of a class
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.value(node.value)

    def run_Pass(self, node: ast.Pass) -> None:  # noqa: N802
        pass

    def run_Return(self, node: ast.Return) -> None:  # noqa: N802
        if node.value is None:
            self.lines.append("ret void")
        else:
            found = self.widened(self.value(node.value))
            self.lines.append(f"ret {found.kind} {found.name}")
        self.begin(self.label())

    def run_Assign(self, node: ast.Assign) -> None:  # noqa: N802
        if len(node.targets) != 1:
            raise self.refuse(node)
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            found = [self.value(each) for each in node.value.elts]
            for each, value in zip(target.elts, found, strict=True):
                self.store(each, value)
        else:
            self.store(target, self.value(node.value))

    def run_AugAssign(self, node: ast.AugAssign) -> None:  # noqa: N802
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        self.store(node.target, self.value(ast.BinOp(read, node.op, node.value)))

    def run_If(self, node: ast.If) -> None:  # noqa: N802
        yes, no, after = self.label(), self.label(), self.label()
        self.branch(node.test, yes, no)
        for label, body in ((yes, node.body), (no, node.orelse)):
            self.begin(label)
            self.run(body)
            self.go(after)
        self.begin(after)

    def run_While(self, node: ast.While) -> None:  # noqa: N802
        head, body, after = self.label(), self.label(), self.label()
        self.go(head)
        self.begin(head)
        self.branch(node.test, body, after)
        self.loop(body, node.body, head, head, after)

    def loop(self, label: str, body: Sequence[ast.stmt], onwards: str, head: str, after: str) -> None:
        self.begin(label)
        self.loops.append((onwards, after))
        self.run(body)
        self.loops.pop()
        self.go(onwards)
        self.begin(after)

    def run_For(self, node: ast.For) -> None:  # noqa: N802
        """A loop over a range; one of three arguments goes down."""
        given = node.iter
        if not (
            isinstance(given, ast.Call) and ast.unparse(given.func) == "range" and isinstance(node.target, ast.Name)
        ):
            raise self.refuse(node)
        bounds = [self.value(each) for each in given.args]
        start, stop = ([Value("0", "i64"), *bounds] if len(bounds) == 1 else bounds)[:2]
        step, less = (1, "slt") if len(bounds) < 3 else (-1, "sgt")
        name, counter = node.target.id, f"{node.target.id}.{self.label()}"
        self.assign(counter, start)
        head, body, onwards, after = self.label(), self.label(), self.label(), self.label()
        self.go(head)
        self.begin(head)
        at = self.emit(f"load i64, ptr %{counter}", "i64")
        self.assign(name, at)
        more = self.emit(f"icmp {less} i64 {at.name}, {stop.name}", "i1")
        self.lines.append(f"br i1 {more.name}, label %{body}, label %{after}")
        self.begin(body)
        self.loops.append((onwards, after))
        self.run(node.body)
        self.loops.pop()
        self.go(onwards)
        self.begin(onwards)
        before = self.emit(f"load i64, ptr %{counter}", "i64")
        self.assign(counter, self.emit(f"add i64 {before.name}, {step}", "i64"))
        self.go(head)
        self.begin(after)

    def run_Continue(self, node: ast.Continue) -> None:  # noqa: N802
        self.go(self.loops[-1][0])
        self.begin(self.label())

    def run_Break(self, node: ast.Break) -> None:  # noqa: N802
        self.go(self.loops[-1][1])
        self.begin(self.label())

    # places

    def assign(self, name: str, value: Value) -> None:
        value = self.widened(value)
        if self.locals.setdefault(name, value.kind) != value.kind:
            raise UnsupportedError(f"{self.cls.__name__}.{self.node.name}: {name!r} is both a float and a whole number")
        self.lines.append(f"store {value.kind} {value.name}, ptr %{name}")

    def store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.assign(target.id, value)
            return
        value, (kind, at) = self.widened(value), self.place(target)
        if kind == "i32":
            value = self.emit(f"trunc i64 {value.name} to i32", "i32")
        if kind != value.kind:
            raise self.refuse(target)
        self.lines.append(f"store {kind} {value.name}, ptr {at}")

    def place(self, node: ast.expr) -> tuple[str, str]:
        """The type and the address of a field, or of an element of one."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            kind = WIDTHS[self.fields[node.value.attr]][0]
            first = self.emit(f"load ptr, ptr {self.field(node.value.attr)}", "ptr")
            index = self.widened(self.value(node.slice))
            return kind, self.emit(f"getelementptr {kind}, ptr {first.name}, i64 {index.name}", "ptr").name
        if isinstance(node, ast.Attribute) and self.fields.get(node.attr) in NUMBERS:
            return NUMBERS[self.fields[node.attr]], self.field(node.attr)
        raise self.refuse(node)

    def field(self, name: str) -> str:
        return self.emit(f"getelementptr i64, ptr %self, i64 {list(self.fields).index(name)}", "ptr").name

    # expressions

    def value(self, node: ast.expr) -> Value:
        return getattr(self, f"value_{type(node).__name__}", self.value_other)(node)

    def value_other(self, node: ast.expr) -> Value:
        raise self.refuse(node)

    def widened(self, value: Value) -> Value:
        return self.emit(f"zext i1 {value.name} to i64", "i64") if value.kind == "i1" else value

    def value_Constant(self, node: ast.Constant) -> Value:  # noqa: N802
        return self.literal(node.value, node)

    def literal(self, value: Any, node: ast.expr) -> Value:
        if value.__class__ in (int, bool):
            return Value(str(int(value)), "i64")
        if value.__class__ is float:
            bits = int(np.array(value).view(np.uint64))
            return Value(f"0x{bits:016X}", "double")
        raise self.refuse(node)

    def value_Name(self, node: ast.Name) -> Value:  # noqa: N802
        kind = self.locals.get(node.id)
        if kind is None:
            return self.literal(self.names.get(node.id), node)
        return self.emit(f"load {kind}, ptr %{node.id}", kind)

    def value_Attribute(self, node: ast.Attribute) -> Value:  # noqa: N802
        return self.loaded(*self.place(node))

    def value_Subscript(self, node: ast.Subscript) -> Value:  # noqa: N802
        return self.loaded(*self.place(node))

    def loaded(self, kind: str, at: str) -> Value:
        found = self.emit(f"load {kind}, ptr {at}", kind)
        return self.emit(f"sext i32 {found.name} to i64", "i64") if kind == "i32" else found

    def value_BinOp(self, node: ast.BinOp) -> Value:  # noqa: N802
        a, b = self.widened(self.value(node.left)), self.widened(self.value(node.right))
        operations = OPERATIONS.get(type(node.op))
        operation = operations and operations[a.kind == "double"]
        if operation is None or a.kind != b.kind:
            raise self.refuse(node)
        return self.emit(f"{operation} {a.kind} {a.name}, {b.name}", a.kind)

    def value_UnaryOp(self, node: ast.UnaryOp) -> Value:  # noqa: N802
        if isinstance(node.op, ast.Not):
            return self.chosen(node, ast.Constant(False), ast.Constant(True), node.operand)
        found = self.value(node.operand)
        if not isinstance(node.op, ast.USub):
            raise self.refuse(node)
        negative = f"fneg double {found.name}" if found.kind == "double" else f"sub i64 0, {found.name}"
        return self.emit(negative, found.kind)

    def value_Compare(self, node: ast.Compare) -> Value:  # noqa: N802
        a, b = self.value(node.left), self.value(node.comparators[0])
        if len(node.ops) != 1 or a.kind != b.kind:
            raise self.refuse(node)
        is_float = a.kind == "double"
        return self.emit(
            f"{'fcmp' if is_float else 'icmp'} {COMPARISONS[type(node.ops[0])][is_float]} {a.kind} {a.name}, {b.name}",
            "i1",
        )

    def value_BoolOp(self, node: ast.BoolOp) -> Value:  # noqa: N802
        return self.chosen(node, ast.Constant(True), ast.Constant(False), node)

    def value_IfExp(self, node: ast.IfExp) -> Value:  # noqa: N802
        return self.chosen(node, node.body, node.orelse, node.test)

    def chosen(self, node: ast.expr, a: ast.expr, b: ast.expr, test: ast.expr) -> Value:
        """One of two values: both ways assign to a local that nobody else has."""
        name = f"chosen.{self.label()}"
        yes, no, after = self.label(), self.label(), self.label()
        self.branch(test, yes, no)
        for label, each in ((yes, a), (no, b)):
            self.begin(label)
            self.assign(name, self.value(each))
            self.go(after)
        self.begin(after)
        kind = self.locals[name]
        return self.emit(f"load {kind}, ptr %{name}", kind)

    def value_Call(self, node: ast.Call) -> Value:  # noqa: N802
        given = [self.widened(self.value(each)) for each in node.args]
        name = ast.unparse(node.func)
        if name in ("word", "half"):
            kind = "i64" if name == "word" else "i32"
            at = self.emit(f"inttoptr i64 {given[0].name} to ptr", "ptr")
            found = self.emit(f"load {kind}, ptr {at.name}", kind)
            return found if kind == "i64" else self.emit(f"zext i32 {found.name} to i64", "i64")
        if name == "float" and given[0].kind == "i64":
            return self.emit(f"sitofp i64 {given[0].name} to double", "double")
        if not name.startswith("self."):
            raise self.refuse(node)
        kind = self.kinds[name[5:]]
        listed = ", ".join(["ptr %self", *[f"{each.kind} {each.name}" for each in given]])
        call = f"call {kind} @{name[5:]}({listed})"
        if kind == "void":
            self.lines.append(call)
            return Value("0", "i64")
        return self.emit(call, kind)

"""The command line: `exprad diff`, `exprad c` and `exprad demo`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from exprad.backends.c import to_c
from exprad.demo import run
from exprad.derivatives.gradient import gradient as slopes
from exprad.derivatives.hessian import hessian
from exprad.errors import ArgumentError, ExpradError, extra
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr, Var
from exprad.insight.certificate import check
from exprad.interop.sympy import to_sympy
from exprad.text.parser import parse

try:
    import typer
except ImportError as _error:
    raise extra("typer", "cli", "the command line") from _error

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Differentiate expressions.")
FORMATS = ("text", "json", "python", "sympy")


def bindings(text: str | None) -> dict[str, float | int]:
    """'x=3,y=4' as numbers by name."""
    found: dict[str, float | int] = {}
    for part in filter(None, (text or "").split(",")):
        name, sign, value = part.partition("=")
        if not sign:
            raise ArgumentError(f"--at takes name=value pairs such as x=3,y=4, got {part!r}")
        try:
            found[name.strip()] = int(value)
        except ValueError:
            try:
                found[name.strip()] = float(value)
            except ValueError:
                raise ArgumentError(f"the value of {name.strip()!r} must be a number, got {value!r}") from None
    return found


def report(text: str, wrt: list[str], at: dict[str, Any], want_hessian: bool, want_check: bool) -> dict[str, Any]:
    """Everything asked about one formula: expressions by label, values by label, the certificate."""
    f = parse(text, living=False)
    held = {variable.name: variable for variable in f.variables}
    inputs = [held[name] if name in held else Var(name) for name in wrt] or list(held.values())
    parts: dict[str, Any] = {"f": f}
    parts |= {f"df/d{x.name}": g for x, g in zip(inputs, slopes(f, inputs), strict=True)}
    if want_hessian:
        second = hessian(f, inputs)
        parts |= {f"d2f/d{x.name}d{y.name}": second[i][j] for i, x in enumerate(inputs) for j, y in enumerate(inputs)}
    values = dict(zip(parts, evaluate(list(parts.values()), at), strict=True)) if at else {}
    return {"parts": parts, "values": values, "certificate": check(f) if want_check else None}


def spelled(found: dict[str, Any], style: str) -> str:
    parts, values, certificate = found["parts"], found["values"], found["certificate"]
    if style == "json":
        document: dict[str, Any] = {"expressions": {label: str(part) for label, part in parts.items()}}
        if values:
            document["values"] = {
                label: value if abs(value) < float("inf") else str(value) for label, value in values.items()
            }
        if certificate is not None:
            document["certified"] = certificate.ok
        return json.dumps(document, ensure_ascii=False)
    lines = [
        f"{_label(label, style)} = {_body(part, style)}"
        + (f"  # {values[label]}" if style == "python" and values else "")
        for label, part in parts.items()
    ]
    if style == "text" and values:
        width = max(map(len, lines))
        lines = [f"{line:<{width}}  = {value}" for line, value in zip(lines, values.values(), strict=True)]
    if certificate is not None:
        lines += [f"# {line}" if style == "python" else line for line in str(certificate).splitlines()]
    return "\n".join(lines)


def _label(label: str, style: str) -> str:
    return label.replace("/", "_") if style == "python" else label


def _body(part: Expr, style: str) -> str:
    return str(to_sympy(part)) if style == "sympy" else str(part)


@app.command()
def diff(
    formula: Annotated[
        str | None, typer.Argument(help="A formula; left out, formulas are read a line each from standard input.")
    ] = None,
    wrt: Annotated[str, typer.Option(help="Variables, separated by commas; all when left out.")] = "",
    at: Annotated[str | None, typer.Option(help="A point, such as x=3,y=4.")] = None,
    file: Annotated[Path | None, typer.Option(help="Read formulas from a file, one a line.")] = None,
    hessian: Annotated[bool, typer.Option("--hessian", help="Second derivatives, too.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Certify every mode against every other.")] = False,
    output: Annotated[str, typer.Option(help="text, json, python or sympy.")] = "text",
) -> None:
    """Differentiate formulas: their gradients, and on request Hessians, values and certificates."""
    if output not in FORMATS:
        raise typer.BadParameter(f"--output must be one of {', '.join(FORMATS)}, got {output!r}")
    failed = False
    for number, line in enumerate(_lines(formula, file), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            names = [name.strip() for name in wrt.split(",") if name.strip()]
            found = report(line, names, bindings(at), hessian, check)
            typer.echo(spelled(found, output))
            failed |= found["certificate"] is not None and not found["certificate"].ok
        except ExpradError as error:
            failed = True
            typer.echo(str(error) if formula is not None else f"line {number}: {error}", err=True)
    if failed:
        raise typer.Exit(1)


def _lines(formula: str | None, file: Path | None) -> list[str]:
    if formula is not None and file is not None:
        raise typer.BadParameter("give a formula or --file, not both")
    if formula is not None:
        return [formula]
    try:
        return (file.read_text(encoding="utf-8") if file is not None else sys.stdin.read()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"can't read formulas: {error}") from None


@app.command()
def c(
    formulas: Annotated[list[str], typer.Argument(help="Formulas: an output each.")],
    wrt: Annotated[str, typer.Option(help="Inputs, separated by commas; all variables by name when left out.")] = "",
    gradient: Annotated[bool, typer.Option("--gradient", help="The partial derivatives of each formula, too.")] = False,
    name: Annotated[str, typer.Option(help="The name of the function; that of the file when left out.")] = "",
    dtype: Annotated[str, typer.Option(help="double or float.")] = "double",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write NAME.c, and NAME.h beside it; else print both.")
    ] = None,
) -> None:
    """Write formulas and their derivatives as standalone C99, with a self-test."""
    try:
        found = [parse(formula, living=False) for formula in formulas]
        held = {variable.name: variable for f in found for variable in f.variables}
        names = [each.strip() for each in wrt.split(",") if each.strip()]
        inputs = [held[name] if name in held else Var(name) for name in names or sorted(held)]
        outputs = [part for f in found for part in (f, *(slopes(f, inputs) if gradient else []))]
        code = to_c(outputs, inputs, name=name or (output.stem if output is not None else "model"), dtype=dtype)
        if output is None:
            typer.echo(f"{code.header}\n{code.source}", nl=False)
        else:
            for path in code.write(output):
                typer.echo(f"wrote {path}")
    except (ExpradError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def demo() -> None:
    """The main job: formulas differentiated, certified and used."""
    if not run(typer.echo):
        raise typer.Exit(1)


def main() -> None:
    app()

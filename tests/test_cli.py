"""The command line, as a user meets it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from exprad.cli import app
from exprad.demo import modes, optimisation, regression

runner = CliRunner()


def test_diff_prints_expressions_and_values():
    result = runner.invoke(app, ["diff", "x**2*y + y + 2", "--wrt", "x,y", "--at", "x=3,y=4", "--hessian", "--check"])
    assert result.exit_code == 0
    for part in ("2*x*y", "= 42", "= 24", "= 10", "certified at 8 points"):
        assert part in result.output


def test_arrays_are_declared_in_the_formula():
    result = runner.invoke(app, ["diff", "let given: (3,); r*sum(given)", "--wrt", "r,given"])
    expected = ["f = sum(given)*r", "df/dr = sum(given)", "df/dgiven = broadcast_to(r, shape=(3,))"]
    assert result.output.splitlines() == expected


def test_errors_are_reported_by_line_and_the_rest_still_processed(tmp_path):
    formulas = tmp_path / "formulas.txt"
    formulas.write_text("x^2\n\n# comment\nsin(x)\n")
    result = runner.invoke(app, ["diff", "--file", str(formulas), "--output", "json"])
    assert result.exit_code == 1 and "line 1" in result.output
    assert json.loads(result.output.splitlines()[-1])["expressions"]["df/dx"] == "cos(x)"


@pytest.mark.parametrize("style, part", [("sympy", "cos(x)"), ("python", "df_dx = cos(x)"), ("text", "df/dx = cos(x)")])
def test_output_styles(style, part):
    assert part in runner.invoke(app, ["diff", "--output", style], input="sin(x)\n").output


@pytest.mark.parametrize(
    "arguments", [["--at", "x"], ["--at", "x=a"], ["--output", "xml"], ["--wrt", "1+", "--at", "q_unknown=1"]]
)
def test_bad_arguments_exit_with_a_status(arguments):
    assert runner.invoke(app, ["diff", "sin(x)", *arguments]).exit_code != 0


@pytest.mark.parametrize("part", [modes, optimisation, regression])
def test_demo_comes_true(part):
    lines: list[str] = []
    assert part.show(lines.append), "\n".join(lines)

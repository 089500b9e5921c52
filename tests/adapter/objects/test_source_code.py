"""Syntax trees: walked fast and read once, with the functions and classes of a file where they stand."""

from __future__ import annotations

import ast
import gc
import linecache
from pathlib import Path

import pytest

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.objects import source_code
from langgraph_gepa.errors import GraphError

SOURCE = """
import os
def outer(f=lambda: 1):
    class Inner:
        prompt = "a"
        def method(self): return [one for one in os.listdir() if (lambda x: x)(one)]
    try:
        def nested(): return f"{(lambda: 2)()}"
    except ValueError as error:
        nested = lambda error=error: (
            error
        )
    return nested
class Inner:
    prompt = "b"
"""


def test_a_walk_has_everything_but_operators_and_contexts() -> None:
    """What is walked over comes in the order that ast.walk has."""
    tree = ast.parse(SOURCE + "if a and not b: c = d + -e\nfor x in y:\n    break\nelse:\n    pass")
    kept = [node for node in ast.walk(tree) if node._fields or isinstance(node, ast.stmt)]
    assert source_code.walk(tree) == kept
    left = {type(node) for node in ast.walk(tree)} - {type(node) for node in kept}
    assert left == {ast.Load, ast.Store, ast.And, ast.Not, ast.Add, ast.USub}


def test_every_function_and_class_of_a_file_is_known(tmp_path: Path) -> None:
    """Functions are found by their line with the class around them, lambdas too; of a name's classes the outermost
    first."""
    path = tmp_path / "source.py"
    path.write_text(SOURCE)
    linecache.checkcache(str(path))
    file = source_code.file(str(path))
    assert file is not None
    functions = [node for node in ast.walk(file.tree) if isinstance(node, source_code.Function)]
    found = [source for several in file.functions.values() for source in several]
    assert {id(source.node) for source in found} == {id(node) for node in functions}
    owners = {getattr(source.node, "name", "lambda"): source.owner for source in found if source.node.lineno == 6}
    assert owners == {"method": "Inner", "lambda": "Inner"}
    assert {source.imports for source in found} == {("os",)}
    assert [node.lineno for node in file.classes["Inner"]] == [14, 4]


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_again_after_discovery_as_before(collects: bool) -> None:
    """Also where discovery fails."""
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(GraphError):
            survey(SOURCE)
        assert gc.isenabled() is collects
    finally:
        gc.enable()

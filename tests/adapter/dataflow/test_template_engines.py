"""The calls that fill in a template, and the language each reads."""

from __future__ import annotations

import ast
import json
import string
from typing import Any

import jinja2
import pydantic
import pytest
from langchain_core.prompts import PromptTemplate
from langchain_core.prompts.string import jinja2_formatter, mustache_formatter

from langgraph_gepa.adapter.dataflow.syntax_nodes import last
from langgraph_gepa.adapter.dataflow.template_engines import MISSING, filled, foreign, framework
from langgraph_gepa.adapter.dataflow.uses import Rendered

OWN = jinja2.Environment(autoescape=True)


class Percents(string.Template):
    delimiter = "%"


def languages(call: str, target: Any = MISSING, receiver: Any = MISSING) -> list[Any]:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    return [use for _, use in filled(node, last(node.func), target, receiver, __file__)]


@pytest.mark.parametrize(
    ("call", "target", "receiver", "expected"),
    [
        ("Template(text)", string.Template, MISSING, ["dollars"]),
        ("Percents(text)", Percents, MISSING, ["foreign"]),
        ("Template(text)", jinja2.Template, MISSING, [Rendered(None)]),
        ("Template(text, trim_blocks=True)", jinja2.Template, MISSING, [Rendered(None)]),
        ("Template(text, variable_start_string='<<')", jinja2.Template, MISSING, ["foreign"]),
        ("Template(text)", MISSING, MISSING, ["foreign"]),
        ("environment.from_string(text)", MISSING, OWN, [Rendered(OWN)]),
        ("str.format(text, a=1)", MISSING, str, ["format"]),
        ("formatter.vformat(text, (), {})", MISSING, string.Formatter, ["format"]),
        ("mustache_formatter(template=text)", mustache_formatter, MISSING, ["mustache"]),
        ("jinja2_formatter(text)", jinja2_formatter, MISSING, [Rendered(None)]),
        ("eval(text)", MISSING, MISSING, ["foreign"]),
        ("print(text)", MISSING, MISSING, []),
        ("Template()", string.Template, MISSING, []),
    ],
)
def test_a_call_reads_its_template_in_one_language(call: str, target: Any, receiver: Any, expected: list[Any]) -> None:
    """By what is called and on which object; an unknown `Template` may be of any engine."""
    assert languages(call, target, receiver) == expected


def test_the_owner_of_what_is_called() -> None:
    """LangChain's is read, the standard library's and known packages' fill in nothing, others may do anything."""
    assert framework(PromptTemplate)
    assert not framework(json.dumps)
    assert [foreign(one) for one in (pytest.raises, json.dumps, pydantic.BaseModel, PromptTemplate, languages)] == [
        True,
        False,
        False,
        False,
        False,
    ]

"""Prompts that a constructor or factory fills in before the graph is there: the template is the module."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest

from langgraph_gepa.adapter.dataflow.source_locations import SourceLocations
from langgraph_gepa.adapter.discovery import template_sources
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.writeback.plan import plan

HEAD = '''
from string import Template

from langchain.agents import create_agent
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph

TOOLS = "- find: Finds {it}.\\n- keep: Keeps 100% of it."
PROMPT = """You are an expert.

Tools: {tools}

Answer in one {{line}}, with {tools} at hand."""
PERCENT = "You are %s, an expert for 100%% of the questions. Use %s."
SPACED = """
You are an expert with space around, and with {tools}.
Answer in a line.
"""
DOLLARS = Template("You are an expert who costs $$5. Use $tools well.")


def single(node):
    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


class Desk:
    def __init__(self, model, system):
        self.agent = create_agent(model, [], system_prompt=system)

    def __call__(self, state):
        return self.agent.invoke(state)
'''
MAKE = """

def graph(model):
    def agent(system):
        return create_agent(model, [], system_prompt=system)

"""
FORMS = {
    "format in a constructor": ("prompt", "single(Desk(model, PROMPT.format(tools=TOOLS)))"),
    "format of an agent": ("prompt", "agent(PROMPT.format(tools=TOOLS))"),
    "percent": ("percent", 'agent(PERCENT % ("Joe", TOOLS))'),
    "dollars": ("agent", "agent(DOLLARS.substitute(tools=TOOLS))"),
    "f-string": (
        "agent",
        'agent(f"You are an expert in {TOOLS[:9]!r} and in more of it.")',
    ),
    "stripped": ("spaced", "agent(SPACED.format(tools=TOOLS).strip())"),
    "sum": ("agent", 'agent("You are an expert of the tools. " + TOOLS)'),
    "message": (
        "agent",
        'agent(SystemMessage("You are a local expert: {0}. Use all of it.".format(TOOLS)))',
    ),
}

TWO = (
    "agent([f'You are an expert for {x}, and always kind.' for x in 'ab'][0])"
    " or f'You are an expert for {model}, and always kind.'"
)

Project = Callable[[str], Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Loads `graph(model)`, which is written in a file with HEAD, or the file as it now is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(written: str = "") -> Any:
        if written:
            (tmp_path / "desk.py").write_text(f"{HEAD}{MAKE}    return {written}\n")
        sys.modules.pop("desk", None)
        importlib.invalidate_caches()
        linecache.checkcache()
        return importlib.import_module("desk").graph

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield load
    sys.modules.pop("desk", None)


def heard(echo: Any, graph: Any) -> str:
    echo.calls.clear()
    graph.invoke({"messages": [("user", "hello")]})
    return str(echo.heard())


@pytest.mark.parametrize(("name", "written"), FORMS.values(), ids=FORMS)
def test_the_template_is_the_module(name: str, written: str, project: Project, echo: Any) -> None:
    """A new template is filled in with what filled the old one, in the copy alone; written back, it is found again."""
    compiled = project(written)(echo)
    before = heard(echo, compiled)
    found = survey(compiled)
    (module,) = found.modules
    assert (module.name, module.on, Path(module.file or "").name) == (name, True, "desk.py")
    assert module.placeholders
    new = module.text.replace("expert", "master")
    assert heard(echo, found.bind({name: new})) == before.replace("expert", "master")
    assert heard(echo, compiled) == before
    (file,) = plan(found.modules, {name: new}).files
    file.path.write_bytes(file.after)
    again = project("")(echo)
    assert heard(echo, again) == before.replace("expert", "master")
    assert [m.text for m in survey(again).modules] == [new]


def test_a_new_template_keeps_the_placeholders(project: Project, echo: Any) -> None:
    """What filled the template has to be in the new one as well."""
    found = survey(project(FORMS["format in a constructor"][1])(echo))
    assert found.check("prompt", "You are a master. {tools}") is None
    assert found.check("prompt", "You are a master.") is not None
    assert found.check("prompt", "You are a master. {tools} {more}") is not None


@pytest.mark.parametrize(
    "written",
    [
        'agent(" ".join(["You are", "an expert", "of joined words", "of " + TOOLS]))',
        "agent(PROMPT.format(tools=TOOLS)[:-9])",
        TWO,
    ],
    ids=["no template", "a part", "two templates"],
)
def test_a_text_that_no_single_template_gives_stays_the_text(written: str, project: Project, echo: Any) -> None:
    """It is found and bound as it stands in memory."""
    compiled = project(written)(echo)
    found = survey(compiled)
    (module,) = found.modules
    assert (module.text, module.file, module.style) == (heard(echo, compiled).removesuffix("\nhello"), None, "plain")
    assert "master" in heard(echo, found.bind({module.name: "You are a master."}))


GREETING = "Greet {name} in the house of maps, and be kind to {name}."
COMPILED = jinja2.Template("Greet {{ name }} in the house of maps.")
OTHER = "Greet {{ name }} in the house of books."


def as_written(text: str, **changes: Any) -> tuple[str, str, dict[str, str]]:
    """The template of a text that stands in an object, with its style and its values."""
    walk = Walk(as_written)
    locations = SourceLocations(walk, {}, [])
    place = replace(Place(id(as_written), ("attr", "x"), text), **changes)
    found, _ = template_sources.as_template(place, SourceLocation("nowhere"), locations)
    return found.text, found.style, dict(found.values)


def test_a_filled_text_is_its_template_with_values() -> None:
    """Only a whole text that the template gives, with one value for each placeholder, and only a prompt."""
    filled = GREETING.format(name="Ada")
    assert as_written(filled) == (GREETING, "format", {"name": "Ada"})
    assert as_written(filled.replace("to Ada", "to Bob")) == (filled.replace("to Ada", "to Bob"), "plain", {})
    assert as_written(f"Now: {filled}") == (f"Now: {filled}", "plain", {})
    assert as_written(filled, kind="tool") == (filled, "plain", {})


def test_a_compiled_template_is_read_from_its_module_if_it_compiles_to_the_same() -> None:
    """The text is the string that is compiled under the template's name."""
    names = globals()
    assert template_sources.compiled_source(COMPILED, names, "COMPILED") == "Greet {{ name }} in the house of maps."
    assert template_sources.compiled_source(jinja2.Template(OTHER), names, "COMPILED") is None
    assert template_sources.compiled_source(COMPILED, names, "unknown") is None

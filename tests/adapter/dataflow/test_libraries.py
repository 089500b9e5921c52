"""What LangChain's own objects do with the texts that they are given is told from LangChain's own code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import LLMToolSelectorMiddleware, SummarizationMiddleware, TodoListMiddleware
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import create_react_agent

from langgraph_gepa.adapter.discovery.survey import Survey, survey
from langgraph_gepa.core.module import Module

KIT = """
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import SystemMessage

class Middleware(AgentMiddleware):
    def __init__(self, system_prompt, note_prompt="Keep a note of it."):
        super().__init__()
        self._Middleware__system_prompt = system_prompt
        self.note_prompt = note_prompt

    def wrap_model_call(self, request, handler):
        text = self._joined(self.__system_prompt, skills="none")
        return handler(request.override(system_message=SystemMessage(text)))

    def _joined(self, template, **values):
        return joined([template, self.note_prompt], values)

def joined(texts, values):
    return "\\n".join(texts).format(**values)
"""


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], Any]]:
    """An installed package of LangChain's kind, with its source or without."""

    def load(source: bool) -> Any:
        file = tmp_path / "site-packages" / "langgraph_kit" / "__init__.py"
        if source:
            file.parent.mkdir(parents=True)
            file.write_text(KIT)
        module = ModuleType("langgraph_kit")
        module.__file__ = str(file)
        # Equal code on equal lines would be known from the other test.
        exec(compile(KIT if source else f"\n{KIT}", str(file), "exec"), vars(module))  # noqa: S102
        monkeypatch.setitem(sys.modules, "langgraph_kit", module)
        return module

    yield load
    from langgraph_gepa.adapter.objects import ownership

    for known in (ownership._installed, ownership._own):
        known.cache_clear()


def only(found: Survey, word: str) -> Module:
    (module,) = (module for module in found.modules if word in module.text)
    return module


def test_a_middlewares_template_is_known_by_what_its_code_does(echo: Any) -> None:
    """The summary's prompt is filled in with `messages`; the others are sent as they are."""
    graph = create_agent(echo, tools=[], middleware=[
        SummarizationMiddleware(echo, trigger=("messages", 2), summary_prompt="Sum up the voyage: {messages}"),
        TodoListMiddleware(system_prompt="Plan the voyage as a list."),
        LLMToolSelectorMiddleware(model=echo, system_prompt="Pick what the voyage takes."),
    ])  # fmt: skip
    found = survey(graph)
    summary = only(found, "Sum up")
    assert (summary.style, summary.placeholders, summary.on) == ("format", ("messages",), True)
    assert "loses the placeholder {messages}" in str(found.check(summary.name, "Sum up the voyage."))
    assert "literal brace" in str(found.check(summary.name, 'Sum up as {"a": 1}: {messages}'))
    assert found.check(summary.name, 'Sum up as {{"a": 1}}: {messages}') is None
    for plain in (only(found, "Plan the"), only(found, "Pick what")):
        assert plain.style == "plain"
        assert found.check(plain.name, '{"a": "{{ b }}"}, 100% for $c') is None


def test_what_a_package_joins_before_it_fills_it_in_is_followed(kit: Any, echo: Any) -> None:
    """Through private attributes, methods and functions of the package."""
    made = kit(True).Middleware("You serve with these skills: {skills}.")
    found = survey(create_agent(echo, tools=[], middleware=[made]))
    for word, names in (("You serve", ("skills",)), ("Keep a note", ())):
        module = only(found, word)
        assert (module.style, module.placeholders) == ("format", names)
        assert found.check(module.name, module.text + " {more}") is not None
        assert found.check(module.name, module.text + " {{more}}") is None


def test_where_the_code_cannot_be_read_a_text_keeps_all_its_placeholders(kit: Any, echo: Any) -> None:
    """It may be a template or not: what stands in it stays, and nothing of the kind is added."""
    made = kit(False).Middleware("You serve with these skills: {skills}.")
    found = survey(create_agent(echo, tools=[], middleware=[made]))
    module = only(found, "You serve")
    assert (module.style, module.placeholders) == ("unknown", ("{skills}",))
    for text in ("You serve.", "{skills} {{more}}", "{skills} {more}", "{skills:>99999999}", "{skills} $more"):
        assert "is not known" in str(found.check(module.name, text)) or "loses" in str(found.check(module.name, text))
    assert found.check(module.name, "You serve well, with {skills}") is None


class State(TypedDict, total=False):
    question: str


RULES = "Answer in one sentence."
SUMS = "Sum up {messages} in two sentences."


def test_what_a_node_gives_to_langchain_is_used_as_langchain_uses_it(echo: Any) -> None:
    """A prompt that goes to an agent is sent as it is, one that goes to a middleware is filled in."""

    def node(state: State) -> State:
        create_react_agent(echo, [], prompt=RULES)
        agent = create_agent(
            echo,
            system_prompt=RULES,
            middleware=[SummarizationMiddleware(echo, trigger=("messages", 9), summary_prompt=SUMS)],
        )
        return {"question": agent.invoke({"messages": [("user", state["question"])]})["messages"][-1].text}

    found = survey(StateGraph(State).add_node(node).add_edge(START, "node").compile())
    assert [(module.text, module.style) for module in found.modules if module.on] == [
        (RULES, "plain"),
        (SUMS, "format"),
    ]
    assert found.check(only(found, "Answer").name, 'Answer as {"a": 1}.') is None

"""Texts written out in expressions: what is the text, and how another one is written in its place."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from langchain_core.messages import SystemMessage
from langchain_core.prompts import ChatPromptTemplate, HumanMessagePromptTemplate, MessagesPlaceholder, PromptTemplate
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.objects import text_literals


@pytest.mark.parametrize(
    ("written", "text", "new", "made"),
    [
        ("'Plan it.'", "Plan it.", "Do it.", "'Do it.'"),
        ("f'Plan {day!r}.'", "Plan {day}.", "On {day}: plan.", "f'On {day!r}: plan.'"),
        ("'Plan ' + day", "Plan {day}", "{day}: plan", "day + ': plan'"),
        ("f'Plan {n}' + day + '!'", "Plan {n}{day}!", "Do {n} {day}", "'Do ' + f'{n}' + ' ' + day"),
        ("head() + 'Plan {q}'", "{head}Plan {{q}}", "{head}Do {{q}}", "head() + 'Do {q}'"),
        ("'Plan ' + 'it.'", "Plan it.", "Do it.", "'Do it.'"),
    ],
)
def test_a_new_text_is_written_as_the_old_one_was(written: str, text: str, new: str, made: str) -> None:
    """A string, an f-string, a chain of `+`, whose operands may be no strings and are added as they were."""
    literal = text_literals.read(ast.parse(written, mode="eval").body)
    assert literal is not None
    assert literal.text == text
    assert ast.unparse(literal.replaced(new)) == made


def placeholder() -> Any:
    return ChatPromptTemplate.from_messages(["hi", MessagesPlaceholder("messages") + "\nAnswer {question} in short."])


def chat() -> Any:
    return ChatPromptTemplate.from_messages([("placeholder", "{messages}")]) + "Answer {question} in short."


def message() -> Any:
    return SystemMessage("You are kind.") + MessagesPlaceholder("messages") + "Answer {question} in short."


def template() -> Any:
    return PromptTemplate.from_template("You are kind. ") + "Answer {question} in short."


def named() -> Any:
    start = HumanMessagePromptTemplate.from_template("Hello.")
    return start + "Answer {question} in short."


@pytest.mark.parametrize("prompt", [placeholder, chat, message, template, named])
def test_what_is_added_to_a_template_goes_on_being_one(echo: Any, prompt: Any) -> None:
    """The text changes, and what it was added to reaches the model as before."""

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [(prompt() | echo).invoke({"messages": state["messages"], "question": "why"})]}

    graph = StateGraph(MessagesState).add_node(node).add_edge(START, "node").compile()
    found = survey(graph)
    (added,) = (module for module in found.modules if "Answer" in module.text)
    bound = found.bind({added.name: added.text.replace("in short", "at length")})
    for one in (graph, bound):
        one.invoke({"messages": [("user", "How old is the queen?")]})
    (before, _), (after, _) = echo.calls
    assert [(m.type, str(m.content).replace("at length", "in short")) for m in after] == [
        (m.type, m.content) for m in before
    ]
    assert "Answer why at length." in str(after[-1].content)

"""An object that code holds in two places is one object in a copy too, also where one of them is a key."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.discovery.survey import survey


class Request:
    """Told apart by identity, as most objects are."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True)
class Task:
    """Told apart by what it says."""

    text: str


@dataclass(frozen=True)
class Order:
    """Told apart by what it holds says."""

    task: Task

    @property
    def text(self) -> str:
        return self.task.text


def order(text: str) -> Order:
    return Order(Task(text))


class Step(enum.Enum):
    FIRST = "Fetch the page of the bill from the server."
    LAST = "Say in one line what the bill is for."


class Word(enum.StrEnum):
    FIRST = "Fetch the page of the bill from the server."
    LAST = "Say in one line what the bill is for."


def objects(make: Any) -> Any:
    one = make("Fetch the page of the bill from the server.")
    return one, {one: "the bill"}


def in_a_tuple(make: Any) -> Any:
    one = make("Fetch the page of the bill from the server.")
    return one, {(one, 1): "the bill"}


def in_a_set(make: Any) -> Any:
    one = make("Fetch the page of the bill from the server.")
    return one, {one}


def frozen(make: Any) -> Any:
    one = make("Fetch the page of the bill from the server.")
    return one, frozenset({one})


def graph_of(echo: Any, held: Any, known: Any) -> Any:
    """A graph whose node sends the text of what it holds, if it finds that in what is known."""

    class Agent:
        def __init__(self) -> None:
            self.requests = [held]
            self.known = known

        def node(self, state: MessagesState) -> dict[str, Any]:
            (request,) = self.requests
            found = request in self.known or (request, 1) in self.known
            return {"messages": [echo.invoke([("system", request.text if found else "not known")])]}

    return StateGraph(MessagesState).add_node("node", Agent().node).add_edge(START, "node").compile()


@pytest.mark.parametrize("make", [Request, Task, order])
@pytest.mark.parametrize("known", [objects, in_a_tuple, in_a_set, frozen])
def test_a_copied_object_is_found_where_it_was_a_key(echo: Any, make: Any, known: Any) -> None:
    """Of a mapping, in a tuple that is one, or among the elements of a set."""
    graph = graph_of(echo, *known(make))
    found = survey(graph)
    (module,) = (one for one in found.modules if one.text.startswith("Fetch"))
    for one in (found.bind({module.name: "Look at the bill."}), graph):
        one.invoke({"messages": [("user", "hi")]})
    assert [messages[0].content for messages, _ in echo.calls] == ["Look at the bill.", module.text]


@dataclass(frozen=True, slots=True)
class Hint:
    text: str


@pytest.mark.parametrize("made", [Task, Hint])
def test_texts_in_a_set_are_listed_in_the_same_order_in_every_process(echo: Any, made: Any) -> None:
    """By what they say, as a set's own order follows from the hashes of strings."""
    hints = frozenset(
        made(f"Fetch {name} from the shelf.") for name in ("bills", "boats", "cups", "pens", "tea", "wool")
    )

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [echo.invoke([("system", one.text) for one in hints])]}

    found = survey(StateGraph(MessagesState).add_node(node).add_edge(START, "node").compile(), kinds=("prompt",))
    texts = [module.text for module in found.modules]
    assert len(texts) == len(hints)
    assert texts == sorted(texts)


@pytest.mark.parametrize("kind", [Step, Word])
def test_members_of_an_enum_are_those_of_its_copy_wherever_they_are_held(echo: Any, kind: Any) -> None:
    """In a list, and as keys: a loop over them says the new text, a look-up finds its entry."""
    order = [kind.FIRST, kind.LAST]
    numbers = {kind.FIRST: 1, kind.LAST: 2}

    def node(state: MessagesState) -> dict[str, Any]:
        said = [f"{numbers[one]}. {one.value}" for one in order]
        return {"messages": [echo.invoke([("system", said[0]), ("user", f"{numbers[kind.LAST]}")])]}

    graph = StateGraph(MessagesState).add_node(node).add_edge(START, "node").compile()
    found = survey(graph)
    (module,) = (one for one in found.modules if one.text.startswith("Fetch"))
    for one in (found.bind({module.name: "Look at the bill."}), graph):
        one.invoke({"messages": [("user", "hi")]})
    assert [[m.content for m in messages] for messages, _ in echo.calls] == [
        ["1. Look at the bill.", "2"],
        [f"1. {module.text}", "2"],
    ]

"""Whether a new text reaches the model: proved on rollouts that were run anyway, at no further model call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from langchain_core.messages import SystemMessage
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.rollout.effect import Effects
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout, run
from langgraph_gepa.adapter.tracing.attribution import attribute
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, NoEffect
from langgraph_gepa.core.reason import Note, ReadFrom
from langgraph_gepa.core.rollout import Feedback, Rollout

HELLO = Example("e", {"messages": [{"role": "user", "content": "hi"}]})
OWN = {
    "writer": "Write a short letter to the visitor.",
    "judge": "Judge the letter that was written.",
    "editor": "Shorten the letter where you can.",
}


@dataclass
class Office:
    """A graph with a node for each text, whose node is called as it. `made` says what a node is sent of the texts
    that the graph was bound with; `fail` may raise for these."""

    model: Any
    made: Callable[[str, Mapping[str, str]], str | None] = lambda name, texts: texts[name]
    fail: Callable[[Mapping[str, str]], object] = lambda _: None
    binding: Callable[[Mapping[str, str]], object] = lambda _: None
    modules: tuple[Module, ...] = tuple(Module(name, "prompt", text, nodes=(name,)) for name, text in OWN.items())
    bound: list[Mapping[str, str]] = field(default_factory=list)

    def check(self, name: str, text: str) -> str | None:
        return None

    def bind(self, texts: Mapping[str, str]) -> Any:
        texts = {**OWN, **texts}
        self.bound.append(texts)
        self.binding(texts)
        builder = StateGraph(MessagesState)
        for name in OWN:
            builder.add_node(name, self._node(name, texts))
        for one, other in zip([START, *OWN], OWN, strict=False):
            builder.add_edge(one, other)
        return builder.compile()

    def _node(self, name: str, texts: Mapping[str, str]) -> Any:
        def node(state: MessagesState) -> dict[str, Any]:
            self.fail(texts)
            text = self.made(name, texts)
            return {} if text is None else {"messages": [self.model.invoke([SystemMessage(text)])]}

        return node


def rollout_of(ran: UnscoredRollout, office: Office) -> Rollout:
    return Rollout("e", None, Feedback(0.0), attribute(ran.watched, office.modules, {}), nodes=ran.nodes)


def without_effect(office: Office) -> Mapping[str, NoEffect]:
    """What one rollout proves of the office's modules. No model is called for it."""

    async def proved() -> Mapping[str, NoEffect]:
        options = RunnerOptions()
        effects = Effects(office, OWN, office.bind, options)
        ran: UnscoredRollout = await run(office.bind({}), HELLO, options)
        calls = len(office.model.calls)
        effects.keep({}, HELLO, ran, rollout_of(ran, office))
        found = await effects.settle()
        assert len(office.model.calls) == calls
        assert await effects.settle() == {}
        return found

    return asyncio.run(proved())


def test_what_arrives_takes_effect_and_one_replay_proves_it_of_all(echo: Any) -> None:
    """Nothing is left out of a graph whose texts are sent as they are bound: run, replayed, replayed with marks."""
    office = Office(echo)
    assert without_effect(office) == {}
    assert len(office.bound) == 3


def test_a_text_changed_on_its_way_takes_effect(echo: Any) -> None:
    """Folded, shouted, cut off at the front: it is the new text all the same."""
    office = Office(echo, lambda name, texts: "> " + texts[name].upper().replace(" ", "\n")[4:])
    assert without_effect(office) == {}


def test_a_text_cut_off_at_its_end_takes_effect(echo: Any) -> None:
    """A program that sends no more than so many letters sends those of the new text."""
    office = Office(echo, lambda name, texts: texts[name][: len(OWN[name])] if name == "judge" else texts[name])
    assert without_effect(office) == {}


def test_a_copy_made_before_is_stale(echo: Any) -> None:
    """The model is sent the old text, whatever the graph is bound with."""
    office = Office(echo, lambda name, texts: OWN[name] if name == "judge" else texts[name])
    assert without_effect(office) == {"judge": "stale"}


def test_a_text_that_was_not_sent_is_not_decided(echo: Any) -> None:
    """A branch that the rollout did not take says nothing of its prompt."""
    other = "Something else entirely is sent here."
    assert without_effect(Office(echo, lambda name, texts: other if name == "judge" else texts[name])) == {}


def test_a_rollout_with_a_node_whose_calls_are_not_seen_is_not_run_again(echo: Any) -> None:
    """It may call a model past LangChain, which nothing would keep from being paid for."""
    office = Office(echo, lambda name, texts: None if name == "judge" else texts[name])
    assert without_effect(office) == {}
    assert len(office.bound) == 1


def test_a_change_that_takes_more_along_alters(echo: Any) -> None:
    """A text that arrives at the cost of what stood beside it is no change of the text alone."""

    def made(name: str, texts: Mapping[str, str]) -> str:
        beside = "" if name == "judge" and texts[name] != OWN[name] else "And here is what was said before."
        return f"{texts[name]} {beside}"

    assert without_effect(Office(echo, made)) == {"judge": "alters"}


def test_what_changes_by_itself_is_not_taken_for_altered(echo: Any) -> None:
    """The time in a message tells nothing of the text beside it."""
    times = iter(range(100))
    office = Office(echo, lambda name, texts: f"{texts[name]} It is {next(times)} o'clock.")
    assert "judge" not in without_effect(office)


def test_one_text_that_stands_in_two_places_is_not_taken_for_stale(echo: Any) -> None:
    """Where another module says the same, which one was sent cannot be told."""
    twin = Module("twin", "prompt", OWN["judge"], nodes=("judge",))
    office = Office(echo, lambda name, texts: OWN[name] if name == "judge" else texts[name])
    office.modules = (*office.modules, twin)
    assert without_effect(office) == {}


@pytest.mark.parametrize("where", ["fail", "binding"])
def test_a_module_that_cannot_be_changed_without_a_failure_breaks(echo: Any, where: str) -> None:
    """Whether the graph fails when it is bound or when it runs; the modules beside it are proved without it."""

    def fault(texts: Mapping[str, str]) -> None:
        if texts["judge"] != OWN["judge"]:
            raise TypeError("not fully defined")

    assert without_effect(Office(echo, **{where: fault})) == {"judge": "breaks"}


def test_a_graph_that_fails_in_every_replay_proves_nothing(echo: Any) -> None:
    """Not the text made it fail, but that something cannot be done twice."""
    times = iter(range(100))

    def once(_: object) -> None:
        if next(times) >= len(OWN):
            raise RuntimeError("already done")

    assert without_effect(Office(echo, fail=once)) == {}


def test_a_module_in_anothers_way_does_not_pull_that_one_along(echo: Any) -> None:
    """Of two texts that do not take effect together, the one that does alone is kept."""

    def made(name: str, texts: Mapping[str, str]) -> str:
        stuck = name == "judge" or (name == "editor" and texts["judge"] != OWN["judge"])
        return OWN[name] if stuck else texts[name]

    assert without_effect(Office(echo, made)) == {"judge": "stale"}


def test_a_text_replaced_on_its_way_that_is_another_in_each_run_varies(echo: Any) -> None:
    """What holds the time is not found again in the next run, to be replaced."""
    office = Office(echo, lambda name, texts: f"It is {datetime.now()}." if name == "judge" else texts[name])

    def seen() -> str:
        return str(next(m[0].content for m, _ in echo.calls if str(m[0].content).startswith("It is")))

    class Late(Office):
        """Its `judge` is what was seen in the rollout, as watching finds it."""

    late = Late(echo, office.made)
    graph = late.bind({})

    async def proved() -> Mapping[str, NoEffect]:
        ran = await run(graph, HELLO, RunnerOptions())
        late.modules = (
            *late.modules[:1],
            Module("judge", "prompt", seen(), nodes=("judge",), note=Note(ReadFrom.FILE)),
        )
        effects = Effects(late, ["judge"], late.bind, RunnerOptions())
        effects.keep({}, HELLO, ran, rollout_of(ran, late))
        return await effects.settle()

    assert asyncio.run(proved()) == {"judge": "varies"}

"""Tools: which may do harm, others in their place, and results recorded and replayed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from typing_extensions import TypedDict

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout, run
from langgraph_gepa.adapter.tools.name_hints import acting_word
from langgraph_gepa.adapter.tools.stand_ins import HANDOFF, replaced, suspicions, tools_of, warning
from langgraph_gepa.adapter.tools.tool_cache import ToolCache
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError

SENT: list[str] = []
LOOKED: list[str] = []


@tool
def send_email(to: str, body: str) -> str:
    """Send an email to a customer."""
    SENT.append(to)
    return "really sent"


@tool
async def look_up(name: str) -> dict[str, Any]:
    """Find a customer by name."""
    LOOKED.append(name)
    return {"name": name, "tier": len(LOOKED)}


class State(TypedDict):
    messages: list[Any]


class Ledger(BaseTool):
    name: str = "post_entry"
    description: str = "Books an amount."

    def _run(self, amount: int) -> str:
        SENT.append(str(amount))
        return "booked"


@pytest.fixture(autouse=True)
def nothing_happened() -> None:
    SENT.clear()
    LOOKED.clear()


def calling(echo: Any, *calls: tuple[str, dict[str, Any]]) -> BaseChatModel:
    """A model that asks for these tool calls, then says what the tools returned."""

    def reply(messages: list[BaseMessage]) -> AIMessage:
        results = [str(message.content) for message in messages if message.type == "tool"]
        if results:
            return AIMessage("; ".join(results))
        asked = [{"id": f"c{n}", "name": name, "args": args} for n, (name, args) in enumerate(calls)]
        return AIMessage("", tool_calls=asked)

    echo.reply = reply
    model: BaseChatModel = echo
    return model


def agent(echo: Any, *calls: tuple[str, dict[str, Any]]) -> Any:
    return create_agent(calling(echo, *calls), [send_email, look_up, Ledger()], system_prompt="You help.")


MAIL = ("send_email", {"to": "ann", "body": "hi"})
LOOK = ("look_up", {"name": "ann"})
BOOK = ("post_entry", {"amount": 7})


def ran(graph: Any, **options: Any) -> UnscoredRollout:
    kind = RunnerOptions(**options)
    graph = replaced(graph, kind.tools, kind.tool_cache)
    return asyncio.run(run(graph, Example("e", {"messages": [("user", "go")]}), kind))


def last(result: UnscoredRollout) -> str:
    assert result.error is None, result.error
    return str(result.state["messages"][-1].content)


def test_a_stand_in_runs_in_place_of_the_tool(echo: Any) -> None:
    """Tools of functions and of classes, stood in by functions, coroutines and tools; the graph given is untouched."""

    async def find(name: str) -> str:
        return f"a fake {name}"

    @tool
    def post_entry(amount: int) -> str:
        """Pretend."""
        return f"pretended {amount}"

    graph = agent(echo, MAIL, LOOK, BOOK)
    fakes = {"send_email": lambda to, **_: f"fake mail to {to}", "look_up": find, "post_entry": post_entry}
    result = ran(graph, tools=fakes)
    assert last(result) == "fake mail to ann; a fake ann; pretended 7"
    assert (SENT, LOOKED) == ([], [])
    tools = {one.call.name for one in result.watched if one.call.kind == "tool"}
    assert tools == {"send_email", "look_up", "post_entry"}
    assert "really sent" in last(ran(graph))
    assert sorted(SENT) == ["7", "ann"]


def test_candidates_of_an_evaluator_run_with_the_stand_ins(echo: Any) -> None:
    """What a candidate's rollout calls is the stand-in, whatever its texts; and the fingerprint tells."""
    graph = agent(echo, MAIL)
    options = RunnerOptions(tools={"send_email": lambda **_: "fake"})
    evaluator = GraphEvaluator(survey(graph), lambda rollout: rollout.seconds * 0, options=options)
    name = evaluator.modules[0].name
    rollout = asyncio.run(evaluator.evaluate({name: "Other words."}, Example("e", {"messages": [("user", "go")]})))
    assert rollout.outputs["messages"][-1]["content"] == "fake"
    assert SENT == []
    assert evaluator.fingerprint != GraphEvaluator(survey(graph), lambda rollout: rollout.seconds * 0).fingerprint


def test_a_stand_in_for_no_tool_is_a_mistake(echo: Any) -> None:
    """A misspelt name must not let the real tool run."""
    with pytest.raises(UsageError, match=r"no tool called send_mail\. Its tools: look_up, post_entry, send_email"):
        ran(agent(echo, MAIL), tools={"send_mail": lambda **_: "fake"})


def test_a_real_tool_that_no_stand_in_reached_is_stopped(echo: Any) -> None:
    """A graph that makes the tool anew on every run is stopped before it runs."""

    def node(_: Any) -> dict[str, Any]:
        made = Ledger()
        made.name = "send_" + "email"
        return {"messages": [made.invoke({"amount": 1})]}

    builder = StateGraph(dict)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    with pytest.raises(UsageError, match="was stopped"):
        asyncio.run(run(builder.compile(), Example("e", {}), RunnerOptions(tools={"send_email": lambda **_: "fake"})))
    assert SENT == []


@pytest.mark.parametrize(
    ("name", "description", "verb"),
    [
        ("send_email", "", "send"),
        ("issueRefund", "", "issue"),
        ("HTTPPost", "", "post"),
        ("customer", "Deletes a customer.", "deletes"),
        ("search_orders", "Search the orders a customer has sent.", None),
        ("get_address", "Look up an address to ship to.", None),
        ("get_order", "", None),
        ("order_status", "Status of an order.", None),
        ("orderStatus", "Updates the status of an order.", "updates"),
        ("set_order_status", "", "set"),
        ("refund_history", "", None),
        ("order", "", "order"),
        ("order_pizza", "", "order"),
        ("run_query", "", "run"),
        ("calculator", "", None),
        ("bash_tool", "", "bash"),
        ("python", "A Python shell. Use this to execute python commands.", "execute"),
        ("task", "Describe what the agent has to do and what it may send.", None),
    ],
)
def test_side_effects_are_guessed_from_words(name: str, description: str, verb: str | None) -> None:
    """The name's words and the description's verb tell; what a tool merely mentions does not."""
    assert acting_word(name, description) == verb


def test_tools_that_may_do_harm_are_warned_of(echo: Any) -> None:
    """The warning names them and the fix, and falls silent when all have stand-ins."""
    graph = agent(echo)
    assert set(tools_of(graph)) == {"send_email", "look_up", "post_entry"}
    said = warning(graph, {})
    assert said is not None
    assert "post_entry (says 'post'), send_email (says 'send')." in said
    assert "look_up" not in said
    assert "RunnerOptions(tools=" in said
    assert warning(graph, {"send_email": len, "post_entry": len}) is None


def test_recorded_results_are_replayed(echo: Any, tmp_path: Path) -> None:
    """The same arguments run the tool once, in this run and in the next; other arguments run it again."""
    file = tmp_path / "tools.jsonl"
    for _ in range(2):
        cache = ToolCache(file, ["look_up"])
        for _ in range(2):
            assert '"tier": 1' in last(ran(agent(echo, LOOK), tool_cache=cache))
    assert LOOKED == ["ann"]
    assert '"tier": 2' in last(ran(agent(echo, ("look_up", {"name": "bob"})), tool_cache=cache))
    assert LOOKED == ["ann", "bob"]
    only = ToolCache(file, ["look_up"], replay_only=True)
    with pytest.raises(UsageError, match="no answer for"):
        ran(agent(echo, ("look_up", {"name": "eve"})), tool_cache=only)


@pytest.mark.parametrize("value", [object(), {1: "x"}, [(1, 2)], float("nan"), {"a": {"b": (1,)}}])
def test_what_json_would_change_is_not_recorded(tmp_path: Path, value: Any) -> None:
    """A replay is the very thing, or the tool runs again."""
    cache = ToolCache(tmp_path / "tools.jsonl", ["t"])
    assert cache.record("k", value) is value
    assert cache.replay("k") is None


@pytest.mark.parametrize("value", ["text", None, 1.5, ["a", {"b": None}], ("content", {"artifact": 1})])
def test_a_replay_is_a_fresh_copy(tmp_path: Path, value: Any) -> None:
    """What the graph does to a result does not reach the next replay; a line cut off by a kill is passed over."""
    cache = ToolCache(tmp_path / "tools.jsonl", ["t"])
    cache.record("k", value)
    with cache.path.open("a") as file:
        file.write('{"key": "k2", "va')
    again = ToolCache(cache.path, ["t"])
    first, second = again.replay("k"), again.replay("k")
    assert first == second == (value,)
    assert not isinstance(value, list) or first[0] is not second[0]  # type: ignore[index]  # both are there


def test_a_tool_that_sees_the_state_cannot_be_replayed(echo: Any, tmp_path: Path) -> None:
    """Its arguments do not decide its result."""

    @tool
    def peek(key: str, state: Annotated[State, InjectedState]) -> str:
        """Look at the state."""
        return key

    graph = create_agent(calling(echo), [peek])
    with pytest.raises(UsageError, match="'peek' is given state or store"):
        ran(graph, tool_cache=ToolCache(tmp_path / "t.jsonl", ["peek"]))


def test_handing_over_to_another_agent_changes_nothing_outside() -> None:
    """A supervisor's tools are called `transfer_to_...`: by what the tool notes, or by the node it is named after."""

    @tool
    def transfer_to_clerk() -> str:
        """Hand over."""
        return "done"

    @tool
    def transfer_to_account() -> str:
        """Move money."""
        SENT.append("money")
        return "done"

    noted = transfer_to_account.model_copy(update={"name": "give_to_boss", "metadata": {HANDOFF: "boss"}})
    builder = StateGraph(MessagesState).add_node("tools", ToolNode([transfer_to_clerk, transfer_to_account, noted]))
    graph = builder.add_node("clerk", lambda _: {}).add_edge(START, "tools").compile()
    assert suspicions(graph) == {
        "transfer_to_clerk": None,
        "transfer_to_account": "says 'transfer'",
        "give_to_boss": None,
    }

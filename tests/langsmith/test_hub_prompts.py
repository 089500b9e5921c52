"""Prompts that a graph pulls from LangSmith's hub: found with their commit, and pushed back to where they came from."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from langsmith import Client
from typer.testing import CliRunner
from typing_extensions import TypedDict

import langgraph_gepa
from langgraph_gepa import Budget, Result
from langgraph_gepa.cli import app
from langgraph_gepa.errors import RunError, UsageError
from langgraph_gepa.langsmith import hub
from langgraph_gepa.langsmith.hub import push_back
from langgraph_gepa.report.module_list import module_json

PROMPTS = {"sort": "Sort the letter.", "answer": "Answer {name}."}
GRAPH = """
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from langsmith import Client
from letters import Letter, score

client = Client(auto_batch_tracing=False)
model = ChatOpenAI(model="simulated-clerk")
sorter = client.pull_prompt("sort") | model
ANSWER = client.pull_prompt("answer")


def sort(letter: Letter) -> Letter:
    return {"kind": sorter.invoke({"letter": letter["letter"]}).text}


def answer(letter: Letter) -> Letter:
    return {"reply": model.invoke(ANSWER.format_messages(name=letter["name"], letter=letter["letter"])).text}


graph = StateGraph(Letter).add_sequence([sort, answer]).set_entry_point("sort").compile(name="letters")
"""


def client() -> Client:
    return Client(auto_batch_tracing=False)


def chat(text: str, **how: Any) -> ChatPromptTemplate:
    return ChatPromptTemplate([("system", text), ("user", "{letter}")], **how)


@pytest.fixture
def desk(project: Path, smith: Any) -> Path:
    """A project whose two prompts are in the hub, one of them with its model."""
    client().push_prompt("sort", object=chat(PROMPTS["sort"]) | ChatOpenAI(model="kept"))
    client().push_prompt("answer", object=chat(PROMPTS["answer"]))
    (project / "desk.py").write_text(GRAPH)
    return project


def optimized(budget: int = 60) -> Result:
    return langgraph_gepa.optimize(
        "desk.py:graph", "train.jsonl", "val.jsonl", metric="letters.py:score", run="run", progress=False,
        reflection_lm="openai:simulated-editor", budget=Budget(rollouts=budget),
    )  # fmt: skip


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What `result` has made, once for all tests."""
    return {}


@pytest.fixture
def result(desk: Path, smith: Any, kept: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run on the prompts of the hub; a copy of its own for each test."""
    if not kept:
        optimized()
        kept["run"], kept["repos"] = shutil.copytree("run", tmp_path_factory.mktemp("hub") / "run"), smith.repos
    else:
        shutil.copytree(kept["run"], "run")
    smith.repos = {name: [*rows] for name, rows in kept["repos"].items()}
    smith.requests.clear()
    return Result.open("run")


def with_text(manifest: Any, old: str, new: str) -> Any:
    return json.loads(json.dumps(manifest).replace(json.dumps(old), json.dumps(new)))


def newest(smith: Any, name: str) -> str:
    return str(smith.repos[name][-1]["commit_hash"])


def test_pulled_prompts_are_listed_with_name_and_commit(desk: Path, smith: Any) -> None:
    """They have no file, though a file of the project has the same text; programs read the whole commit."""
    (desk / "letters.py").write_text((desk / "letters.py").read_text() + f"\nOLD = {PROMPTS['sort']!r}\n")
    found = langgraph_gepa.discover("desk.py:graph")
    assert {module.name: module.text for module in found} == PROMPTS
    for module in found:
        commit = newest(smith, module.name)
        assert (module.file, module.origin) == (None, f"hub:{module.name}:{commit[:8]}")
        assert module_json(module)["hub"] == f"{module.name}:{commit}"
    listed = CliRunner().invoke(app, ["prompts", "desk.py:graph"]).stdout
    assert f"hub:answer:{newest(smith, 'answer')[:8]}" in listed


TAKEN_OUT = """
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph
from langsmith import Client

client = Client(auto_batch_tracing=False)
model = ChatOpenAI(model="simulated-clerk")
pulled = client.pull_prompt("sort")
text = create_agent(model, [], system_prompt=pulled.messages[0].prompt.template)
message = create_agent(model, [], system_prompt=pulled.format_messages(letter="")[0])
summed = pulled + [("user", "{letter}")]
node = lambda state: {"messages": (summed | model).invoke({"letter": "Hi"})}
chain = StateGraph(MessagesState).add_node("node", node).set_entry_point("node").compile()
own = lambda state: {"messages": model.invoke([("system", "Sort the letter."), *state["messages"]])}
literal = StateGraph(MessagesState).add_node("own", own).set_entry_point("own").compile()
"""


@pytest.mark.parametrize(("graph", "pulled"), [("text", True), ("message", True), ("chain", True), ("literal", False)])
def test_a_text_that_was_taken_out_of_a_pulled_prompt_is_known(
    desk: Path, smith: Any, graph: str, pulled: bool
) -> None:
    """As agents need it. What the code writes is the code's, also where a pulled prompt has the same text."""
    pytest.importorskip("langsmith.prompt_cache")
    (desk / "taken.py").write_text(TAKEN_OUT)
    (module,) = langgraph_gepa.discover(f"taken.py:{graph}")
    assert module.text == PROMPTS["sort"]
    assert (module.hub, module.file is None) == ((f"sort:{newest(smith, 'sort')}", True) if pulled else ("", False))


class State(TypedDict, total=False):
    name: str
    letter: str
    reply: str


def pull_and_fill(state: State) -> State:
    messages = client().pull_prompt("answer").format_messages(name=state["name"], letter=state["letter"])
    return {"reply": ChatOpenAI(model="simulated-clerk").invoke(messages).text}


def pull_and_pipe(state: State) -> State:
    chain = client().pull_prompt("answer") | ChatOpenAI(model="simulated-clerk")
    return {"reply": chain.invoke(state).text}


async def pull_in_a_task(state: State) -> State:
    from langsmith import AsyncClient

    async with AsyncClient() as client:
        chain = await client.pull_prompt("answer") | ChatOpenAI(model="simulated-clerk")
    return {"reply": (await chain.ainvoke(state)).text}


@pytest.mark.parametrize("node", [pull_and_fill, pull_and_pipe, pull_in_a_task])
def test_a_prompt_that_a_node_pulls_is_found_when_the_graph_is_watched(
    desk: Path, smith: Any, node: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """With its placeholders, which messages do not show; a new text reaches the model. Before, its name is reported."""
    graph = StateGraph(State).add_node("reply", node).set_entry_point("reply").compile()
    assert langgraph_gepa.discover(graph) == []
    assert "when the graph runs are not known yet: 'answer' (reply). To optimise them" in caplog.text
    caplog.clear()
    (module,) = langgraph_gepa.discover(graph, [{"inputs": {"name": "Ada", "letter": "Hello"}}])
    assert (module.text, module.placeholders, module.nodes) == (PROMPTS["answer"], ("name",), ("reply",))
    assert not caplog.text
    assert (module.evidence, module.on, module.hub) == ("seen", True, f"answer:{newest(smith, 'answer')}")
    bound = langgraph_gepa.bind(graph, {module.name: "Greet {name}."})
    assert asyncio.run(bound.ainvoke({"name": "Ada", "letter": "Hello"}))["reply"] == "Greet Ada."


def test_a_push_is_the_next_commit_of_the_same_prompt(result: Result, smith: Any) -> None:
    """Only the text is another: the other messages and the model stay. A second push commits nothing."""
    urls = result.push_prompts()
    assert set(urls) == {name for name, text in result.prompts.items() if text != PROMPTS[name]} == set(PROMPTS)
    for name, (before, after) in smith.repos.items():
        assert after["parent_commit"] == before["commit_hash"]
        assert after["manifest"] == with_text(before["manifest"], PROMPTS[name], result.prompts[name])
        assert f"/prompts/{name}/{after['commit_hash'][:8]}" in urls[name]
    assert result.push_prompts() == urls
    assert [len(rows) for rows in smith.repos.values()] == [2, 2]


def test_a_prompt_that_moved_is_refused_unless_forced(result: Result, smith: Any) -> None:
    """Nothing at all is pushed then; the command line says the same and exits with 2."""
    client().push_prompt("answer", object=chat("Answer {name} at once."))
    with pytest.raises(UsageError, match=r"'answer' is no longer at commit .*--force"):
        result.push_prompts()
    refused = CliRunner().invoke(app, ["push", "run"])
    assert (refused.exit_code, "no longer at commit" in refused.stderr) == (2, True)
    assert [len(rows) for rows in smith.repos.values()] == [1, 2]
    assert CliRunner().invoke(app, ["push", "run", "--force"]).exit_code == 0
    first, _, forced = (row["manifest"] for row in smith.repos["answer"])
    assert forced == with_text(first, PROMPTS["answer"], result.prompts["answer"])


def test_a_commit_made_at_the_same_moment_is_not_lost(
    result: Result, smith: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub refuses a commit whose parent is no longer the newest."""
    own = hub._next

    def overtaken(client: Client, pulled: str, *rest: Any) -> Any:
        found = own(client, pulled, *rest)
        if pulled.startswith("sort"):
            smith.repos["sort"].append({**smith.repos["sort"][-1], "commit_hash": "f" * 64})
        return found

    monkeypatch.setattr(hub, "_next", overtaken)
    with pytest.raises(UsageError, match="'sort' got another commit, ffffffff, while this one was pushed"):
        result.push_prompts()


def test_a_commit_that_the_hub_finds_unchanged_is_no_error(result: Result, smith: Any) -> None:
    """It may write a prompt in another way than it was sent: the newest commit has the text then."""
    smith.busy(409, {"detail": "Nothing to commit"}, at="POST /commits/-/sort")
    assert newest(smith, "sort")[:8] in result.push_prompts()["sort"]


def test_with_a_prefix_prompts_are_pushed_to_new_names(result: Result, smith: Any) -> None:
    """The prompts that the graph pulls stay as they are."""
    assert set(result.push_prompts("trial")) == set(PROMPTS)
    assert [len(smith.repos[name]) for name in (*PROMPTS, "trial-sort")] == [1, 1, 1]


def test_a_run_goes_on_after_its_prompts_were_pushed(
    result: Result, smith: Any, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph then pulls the run's own prompts, which makes it no other graph; a third text does."""
    result.push_prompts()
    monkeypatch.delitem(sys.modules, "desk")
    later()
    assert optimized().prompts == result.prompts
    client().push_prompt("answer", object=chat("Answer {name} at once."))
    monkeypatch.delitem(sys.modules, "desk")
    later()
    with pytest.raises(RunError, match="the text of answer"):
        optimized()


def test_diff_names_the_hub(result: Result) -> None:
    """There is no source to write: `push` is the way."""
    shown = CliRunner().invoke(app, ["diff", "run"])
    assert "it was pulled from LangSmith's prompt hub (hub:sort:" in shown.stdout + shown.stderr


def test_what_cannot_be_pushed_back_is_explained(desk: Path, smith: Any) -> None:
    """A prompt that belongs to others, and a commit without the text; each message ends with the way out."""
    smith.repos["acme/answer"] = smith.repos["answer"]
    commit = newest(smith, "answer")
    with pytest.raises(UsageError, match=r"--prompts PREFIX.*may not do this \(403\)"):
        push_back({f"acme/answer:{commit}": {PROMPTS["answer"]: "Greet {name}."}}, "", force=False)
    with pytest.raises(UsageError, match=r"'answer' does not hold the text .*'Greet {name}.'.*--prompts PREFIX"):
        push_back({f"answer:{commit}": {"Greet {name}.": "Hail {name}."}}, "", force=True)

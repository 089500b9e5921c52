"""A run in which nothing was scored begins again with what changed; otherwise the error names what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.core.events import Charged, RolloutFinished
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer
from langgraph_gepa.errors import MetricError, RunError
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.runs.resume import WHOLE
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.store.folder import open_run

PROMPT = "Answer the question in one word."


class State(TypedDict, total=False):
    question: str
    answer: str


def broken(outputs: dict[str, Any]) -> float:
    if outputs["answer"].endswith("2"):
        raise KeyError("score")
    return 0.5


def fixed(outputs: dict[str, Any]) -> float:
    return 0.1 * int(outputs["answer"][-1])


def search(server: SimulatedServer, folder: Path, metric: Any, model: str = "small", **how: Any) -> Result:
    chat = ChatOpenAI(model=model, base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)

    def node(state: State) -> State:
        return {"answer": chat.invoke([("system", PROMPT), ("user", state["question"])]).text}

    data = [{"inputs": {"question": f"question {n}"}} for n in range(4)]
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return optimize(
        builder.compile(), data, data, metric=metric, reflection_lm=lambda _: "```\nBe brief.\n```",
        budget=Budget(iterations=1), run=folder, progress=False, **{"concurrency": 1} | how,
    )  # fmt: skip


@pytest.fixture
def server() -> Any:
    def persona(request: Request, _: Any) -> Answer:
        return Answer(f"answer {request.user[-1]}")

    with SimulatedServer({"small": persona, "large": persona}) as server:
        yield server


def counted(result: Result) -> int:
    """The tokens that the provider counted, without those of a reflection function, which are estimated."""
    usage = result.pool.spent.usage
    return usage.tokens - usage.estimated


def test_a_fixed_metric_goes_on_in_the_same_folder(server: SimulatedServer, tmp_path: Path, caplog: Any) -> None:
    """No score of the broken one is left, every token of both is on the account, and a message says so."""
    with pytest.raises(MetricError, match="KeyError"):
        search(server, tmp_path / "run", broken)
    before = server.tokens
    result = search(server, tmp_path / "run", fixed)
    assert "Nothing was scored in this folder yet, so the run begins again: the metric changed." in caplog.text
    assert result.pool.mean(result.pool.candidates[0]) == pytest.approx(0.15)
    assert result.pool.spent.lost.tokens == before
    assert counted(result) == server.tokens
    charged = [event for _, event in result.saved.events if isinstance(event, Charged)]
    assert [(event.cause, event.reason) for event in charged] == [("restarted", "the metric")]


@pytest.mark.parametrize("kind", ["racing", "gepa"])
def test_what_was_paid_for_is_used_where_its_fingerprint_is_the_same(
    server: SimulatedServer, tmp_path: Path, kind: str
) -> None:
    """Another seed changes no score: the rollouts before the metric's failure are not made again."""
    broke = [True]

    def metric(outputs: dict[str, Any]) -> float:
        if broke[0] and outputs["answer"].endswith("2"):
            raise KeyError("score")
        return 0.5

    with pytest.raises(MetricError):
        search(server, tmp_path / "run", metric, search=kind)
    broke[0] = False
    result = search(server, tmp_path / "run", metric, seed=1, search=kind)
    events = [e for _, e in result.saved.events if isinstance(e, RolloutFinished) and e.subset == "pareto"]
    assert [event.reused for event in events][:4] == [True, True, False, False]
    assert len(result.pool.scores(result.pool.candidates[0])) == 4
    assert counted(result) == server.tokens


CHANGES: dict[str, tuple[str, Callable[..., Any]]] = {
    "model": (r"the models \(from small to large\) changed", lambda *given: search(*given, fixed, "large")),
    "metric": ("the metric changed", lambda *given: search(*given, lambda rollout: rollout.seconds * 0)),
    "seed": (r"the seed \(from 0 to 7\) changed", lambda *given: search(*given, fixed, seed=7)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_once_something_was_scored_another_run_is_refused_by_name(
    server: SimulatedServer, tmp_path: Path, change: str
) -> None:
    """With what changed and what to do; nothing is paid for and nothing in the folder is touched."""
    search(server, tmp_path / "run", fixed)
    before, events = server.requests, SavedRun.open(tmp_path / "run").events
    difference, again = CHANGES[change]
    refusal = f"another run: {difference} since it was started. Put back what changed"
    with pytest.raises(RunError, match=f"{refusal}.*--start {tmp_path / 'run'} --run NEW"):
        again(server, tmp_path / "run")
    assert (server.requests, SavedRun.open(tmp_path / "run").events) == (before, events)


def test_a_metric_that_raises_late_says_how_its_prompts_start_a_new_run(
    server: SimulatedServer, tmp_path: Path
) -> None:
    """The same call would refuse the fixed metric: the error has the way out, and that way works."""
    run, calls = tmp_path / "run", list[int]()

    def late(outputs: dict[str, Any]) -> float:
        calls.append(1)
        return fixed(outputs) if len(calls) <= 4 else {}["score"]

    with pytest.raises(MetricError, match=f"KeyError.*is kept in {run}.*--start {run} --run NEW") as raised:
        search(server, run, late)
    assert isinstance(raised.value.__cause__, KeyError)
    assert search(server, tmp_path / "new", fixed, start=run).pool.candidates


def test_a_folder_of_an_earlier_version_opens_and_says_why_it_does_not_go_on(
    server: SimulatedServer, tmp_path: Path
) -> None:
    """It noted one fingerprint for everything, and no parts: its results are there, its scores cannot be compared."""
    search(server, tmp_path / "run", fixed)
    store = open_run(tmp_path / "run", create=False)
    asked = {name: value for name, value in store.settings()["asked"].items() if name != "parts"}
    old: dict[str, str] = {"the graph, its prompts or the metric": asked["fingerprint"]}
    names = ("the choice of modules", "the seed", "the search")
    store.configure({"asked": asked, "identity": old | {name: store.settings()["identity"][name] for name in names}})
    store.close()
    assert WHOLE in old
    assert isinstance(SavedRun.open(tmp_path / "run").config, RunConfig)
    assert Result.open(tmp_path / "run").best.id == 0
    with pytest.raises(RunError, match=r"An earlier version started this run.*shown and applied as ever"):
        search(server, tmp_path / "run", fixed)

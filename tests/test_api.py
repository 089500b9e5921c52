"""The package's calls on real graphs that talk to simulated models over HTTP."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from langgraph_gepa import Budget, Result, RunnerOptions, bind, discover, evaluate, optimize, resume
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.errors import (
    Error,
    ExampleError,
    GraphError,
    Interrupted,
    MetricError,
    ModelError,
    PlaceholderError,
    RunError,
    UsageError,
)

NAMES: dict[str, Any] = {
    "graph": "letters.py:graph",
    "trainset": "train.jsonl",
    "valset": "val.jsonl",
    "metric": "letters.py:score",
    "reflection_lm": "openai:simulated-editor",
    "budget": Budget(rollouts=90),
    "progress": False,
}


def improve(run: str = "run", **arguments: Any) -> Result:
    return optimize(**{**NAMES, "run": run, **arguments})


def texts(result: Result) -> list[Any]:
    return [(candidate.parents, candidate.texts) for candidate in result.pool.candidates]


def test_a_run_that_is_opened_takes_its_graph_by_name(project: Path) -> None:
    """As `optimize` does: the graph has the best texts, and answers with them."""
    result = improve()
    letter = {"name": "Ada", "letter": "Letter 0"}
    opened = Result.open("run", "letters.py:graph").graph
    assert opened.invoke(letter) == result.graph.invoke(letter) != load_graph("letters.py:graph").invoke(letter)


def test_discover_says_where_each_prompt_lives(project: Path) -> None:
    """Every module comes with its text, its placeholders, the nodes that use it and its line in the source."""
    found = {module.name: module for module in discover("letters.py:graph")}
    assert set(found) == {"sort", "answer"}
    assert found["answer"].text == "Answer {name}."
    assert found["answer"].placeholders == ("name",)
    assert found["answer"].nodes == ("answer",)
    line = (project / "letters.py").read_text().splitlines().index('ANSWER = "Answer {name}."') + 1
    assert found["answer"].origin == f"letters.py:{line}"


def test_objects_in_a_better_graph_out(project: Path) -> None:
    """Native objects go in; a better graph comes out, and the one given stays what it was."""
    graph = load_graph("letters.py:graph")
    result = improve(
        graph=graph,
        metric=load_metric("letters.py:score"),
        reflection_lm=ChatOpenAI(model="simulated-editor"),
        testset="test.jsonl",
    )
    view = result.view
    assert view.validation is not None and view.validation.difference is not None  # noqa: PT018
    assert view.validation.difference.mean > 0
    assert view.test is not None
    letter = {"name": "Ada", "letter": "Letter 1"}
    for better in (result.graph, bind(graph, result.prompts)):
        final = better.invoke(letter)
        assert (final["kind"], final["reply"]) == tuple(text.format(name="Ada") for text in result.prompts.values())
    assert graph.invoke(letter)["reply"] == "Answer Ada."
    assert {"run.db", "report.html", "prompts.json"} <= {file.name for file in Path("run").iterdir()}


def test_a_name_in_langgraph_json_is_a_graph(project: Path) -> None:
    """A bare name is looked up in the working directory's langgraph.json."""
    assert [module.name for module in discover("letters")] == ["sort", "answer"]


def test_the_same_seed_gives_the_same_candidates(project: Path) -> None:
    """With one iteration under way the candidates depend on the seed and the replies alone; seeds differ."""
    first, again, other = (improve(run, in_flight=1, seed=seed) for run, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert texts(first) == texts(again)
    assert len(first.pool.candidates) > 2
    assert texts(other) != texts(first)


def test_a_finished_run_is_read_and_not_paid_again(project: Path, server: SimulatedServer) -> None:
    """The same call on a finished run gives its result without a single request."""
    first = improve()
    before = server.requests
    assert texts(improve()) == texts(first)
    assert server.requests == before


def test_more_budget_goes_on_with_a_run(project: Path) -> None:
    """A run that was started with names goes on by its folder alone, with new limits where given."""
    first = improve(budget=Budget(rollouts=40), in_flight=1, options=RunnerOptions(timeout=20))
    second = resume("run", Budget(rollouts=90), progress=False)
    assert texts(second)[: len(texts(first))] == texts(first)
    assert 40 < second.pool.spent.rollouts <= 90
    assert second.saved.config.spec["timeout"] == 20
    assert second.graph.invoke({"name": "Ada", "letter": ""})["kind"] == second.prompts["sort"]


def test_a_run_of_objects_is_resumed_by_the_same_call(project: Path) -> None:
    """What was given as objects cannot be found again by a folder: the message says what to call."""
    improve("metric", metric=load_metric("letters.py:score"), budget=Budget(rollouts=30))
    improve("options", options=RunnerOptions(on_interrupt=str), budget=Budget(rollouts=30))
    for run in ("metric", "options"):
        with pytest.raises(UsageError, match=rf"optimize\(\.\.\., run='{run}'\)"):
            resume(run)


def test_a_folder_holds_one_run(project: Path) -> None:
    """Another seed or other examples are another run, and the message names what differs."""
    improve(budget=Budget(rollouts=30))
    with pytest.raises(RunError, match=r"the training examples and the seed \(from 0 to 5\) changed"):
        improve(seed=5, trainset="test.jsonl")


def test_the_world_may_fail_and_the_run_goes_on(project: Path, server: SimulatedServer) -> None:
    """When the provider turns the key down the run stops, says so, and later ends as if nothing had been."""
    whole = improve("whole", in_flight=1)
    kind = server.models["simulated-clerk"]
    server.models["simulated-clerk"] = failing_after(60, kind)
    with pytest.raises(Interrupted, match=r"no credit.*What was paid for is kept in run"):
        improve(in_flight=1)
    assert 0 < Result.open("run").pool.spent.rollouts < whole.pool.spent.rollouts
    server.models["simulated-clerk"] = kind
    assert texts(improve(in_flight=1)) == texts(whole)


def failing_after(count: int, persona: Callable[..., Answer]) -> Callable[..., Answer]:
    left = iter(range(count))

    def answer(request: Request, rng: Any) -> Answer:
        if next(left, None) is None:
            raise ApiError(401, "no credit")
        return persona(request, rng)

    return answer


@pytest.mark.parametrize("metric", ["letters.py:broken", "letters.py:silent"])
def test_a_metric_that_gives_no_score_stops_the_run_and_names_the_example(project: Path, metric: str) -> None:
    """A metric that raises or returns nothing is the user's to mend: the first example it fails on is named."""
    with pytest.raises(MetricError, match=r"example 'letter-\d+'"):
        improve(metric=metric)


def test_a_graph_without_prompts_is_refused(project: Path, server: SimulatedServer) -> None:
    """Where there is nothing to optimise nothing is paid for."""
    with pytest.raises(UsageError, match="No prompt to optimise was found"):
        improve(graph="letters.py:mute")
    assert server.requests == 0


def test_one_module_or_kind_may_stand_by_itself(project: Path) -> None:
    """A name is no list of letters: the message names the whole of it."""
    with pytest.raises(UsageError, match="modules='sorts' is not known; did you mean 'sort'"):
        improve(modules="sorts")
    with pytest.raises(UsageError, match="kinds='prompts' is not known; did you mean 'prompt'"):
        discover("letters.py:graph", kinds="prompts")


def test_examples_that_the_graph_does_not_take_are_not_run(project: Path, server: SimulatedServer) -> None:
    """`discover` refuses them as `optimize` does."""
    with pytest.raises(UsageError, match="takes none of the inputs"):
        discover("letters.py:graph", [{"inputs": {"wrong": 1}}])
    assert server.requests == 0


def test_a_result_is_shown_in_one_line(project: Path) -> None:
    """At the end of a notebook's cell: not with every example in it."""
    result = improve()
    assert (repr(result), repr(result.outputs)) == ("Result.open('run')", "Result.open('run').outputs")


def test_a_graph_that_fails_everywhere_stops_the_run(project: Path, server: SimulatedServer) -> None:
    """Inputs with something missing, or a human it waits for, cost the seed's scoring and no more (and a first word
    with the reflection model)."""
    examples = [{"inputs": {"name": "Ada"}, "outputs": {}} for _ in range(6)]
    with pytest.raises(UsageError, match=r"\(candidate #0\) fails on every validation example") as failed:
        improve(trainset=examples, valset=examples)
    assert "each time with an error like this one" in str(failed.value)
    assert re.search(r"On '\w+' \(\{'name': 'Ada'\}\): .*KeyError", str(failed.value))
    with pytest.raises(UsageError, match="on_interrupt=lambda"):
        improve("asking", graph="letters.py:asking")
    assert server.requests == 2


@pytest.mark.parametrize("graph", ["letters.py:sync_only", "letters.py:async_only"])
def test_rollouts_run_truly_at_once(project: Path, server: SimulatedServer, graph: str) -> None:
    """Sixteen rollouts of a graph, whose nodes are all synchronous or all asynchronous, are under way together."""
    everybody = threading.Barrier(16)

    def together(request: Request, rng: Any) -> Answer:
        try:
            everybody.wait(10)
        except threading.BrokenBarrierError:
            raise ApiError(400, "they did not come together") from None
        return Answer(request.system)

    server.models["simulated-clerk"] = together
    examples = [{"inputs": {"letter": str(n)}, "outputs": {"sort": "Sort"}} for n in range(16)]
    assert evaluate(graph, examples, metric="letters.py:score", concurrency=16).before.mean == 1.0


def test_interrupts_are_answered_by_a_function(project: Path) -> None:
    """Where a graph asks a human, a function answers; where nobody answers, the rollout scores 0."""

    def named(outputs: dict[str, Any]) -> bool:
        return "LETTER" in outputs["name"]

    options = RunnerOptions(on_interrupt=lambda question: question.upper())
    assert evaluate("letters.py:asking", "val.jsonl", metric=named, options=options).before.mean == 1.0
    assert evaluate("letters.py:asking", "val.jsonl", metric=named).before.mean == 0.0


def test_it_runs_inside_a_running_event_loop(project: Path) -> None:
    """In a notebook, where a loop runs already, the calls work as anywhere."""

    async def cell() -> Result:
        return improve(budget=Budget(rollouts=30))

    assert asyncio.run(cell()).pool.spent.rollouts > 12


def test_a_list_of_metrics_and_inputs_that_are_dropped(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Several metrics, named or given, are one run's metric; inputs that have no place in the state are told of."""

    def brief(outputs: Any) -> bool:
        return len(outputs["reply"]) < 200

    examples = [{"inputs": {"name": "Ada", "letter": f"Letter {n}", "topic": "x"}, "outputs": {}} for n in range(3)]
    examples = [{**example, "outputs": {"sort": "urgent", "answer": "thanks"}} for example in examples]
    result = improve(trainset=examples, valset=examples, metric=["letters.py:score", brief], progress=False)
    assert "drops these inputs of the examples: 'topic'. It takes 'name', 'letter'" in caplog.text
    assert result.saved.config.metric == "letters.py:score, brief"
    assert result.pool.mean(result.pool.candidates[0]) >= 0.5


def test_evaluate_compares_prompts(project: Path) -> None:
    """A graph is scored as it is and with a run's prompts beside it, with the paired difference."""
    found = improve()
    both = evaluate("letters", "test.jsonl", metric="letters.py:score", prompts="run")
    assert both.before.mean == 0
    assert both.after is not None
    assert both.difference is not None
    assert both.after.mean == both.difference.mean > 0
    same = evaluate("letters", "test.jsonl", metric="letters.py:score", prompts=found.prompts)
    assert same.after == both.after


MISTAKES: dict[str, tuple[type[Error], str, dict[str, Any]]] = {
    "no such file": (GraphError, "there is no file leters.py", {"graph": "leters.py:graph"}),
    "no such attribute": (GraphError, r"graphs there: .*letters.py:graph", {"graph": "letters.py:graf"}),
    "no such entry": (GraphError, "it lists letters", {"graph": "leters"}),
    "no graph at all": (GraphError, "int", {"graph": 5}),
    "no such metric": (UsageError, "scor", {"metric": "letters.py:scor"}),
    "no such examples": (ExampleError, "tran.jsonl does not exist", {"trainset": "tran.jsonl"}),
    "inputs of another graph": (
        ExampleError,
        "takes none of the inputs of example .*: 'leter'; did you mean 'letter'.*It takes 'name', 'letter'",
        {"trainset": [{"inputs": {"leter": "Hello"}}]},
    ),
    "no such model": (ModelError, "provider:model", {"reflection_lm": "gremlin"}),
    "no such search": (UsageError, "did you mean 'gepa'", {"search": "gepo"}),
    "no such module": (UsageError, "did you mean 'sort'", {"modules": ["sorts"]}),
    "no such kind": (UsageError, "did you mean 'prompt'", {"kinds": ["prompts"]}),
    "no rollouts at once": (UsageError, "concurrency=0 is too few", {"concurrency": 0}),
    "no iterations at once": (UsageError, "in_flight=0 is too few", {"in_flight": 0}),
    "a text for a number": (UsageError, "perfect='1' is of type str: give a number", {"perfect": "1"}),
    "half a record": (UsageError, "records=5.5 is of type float: give a whole number", {"records": 5.5}),
    "a truth for a number": (UsageError, "seed=True is of type bool", {"seed": True}),
    "a truth for repeats": (UsageError, "repeats=True is of type bool", {"repeats": True}),
    "a number for a text": (UsageError, "objective=3 is of type int: give a text", {"objective": 3}),
    "a number for a name": (UsageError, "The objective 3 is not a name", {"objectives": {3: 1}}),
    "a number for a budget": (UsageError, r"The budget is 500; .*Budget\(rollouts=500\)", {"budget": 500}),
    "a dict for options": (UsageError, r"is not RunnerOptions", {"options": {"timeout": 3}}),
    "no limit": (UsageError, "no limit", {"budget": Budget()}),
    "too small a budget": (UsageError, "take up to 24", {"budget": Budget(rollouts=23)}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_anything_is_paid(project: Path, server: SimulatedServer, mistake: str) -> None:
    """What can be known beforehand is said beforehand, with the fix, and no folder is left behind."""
    error, words, arguments = MISTAKES[mistake]
    with pytest.raises(error, match=words):
        improve(**arguments)
    assert server.requests == 0
    assert not Path("run").exists()


def test_prompts_that_lose_a_placeholder_are_not_evaluated(project: Path, server: SimulatedServer) -> None:
    """Texts that would break the graph are refused by name before a rollout."""
    with pytest.raises(PlaceholderError, match=r"answer.*name"):
        evaluate("letters", "test.jsonl", metric="letters.py:score", prompts={"answer": "Answer."})
    assert server.requests == 0


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_a_run_is_refused(project: Path, folder: str) -> None:
    """Opening what is no run's folder says so."""
    with pytest.raises(RunError, match="no run"):
        Result.open(folder)


def test_what_the_seed_showed_is_known_of_a_run(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A module whose text reached a model while the graph was scored is seen; one that never did is warned of."""
    source = (
        Path("letters.py")
        .read_text()
        .replace(
            '{"kind": model.invoke([("system", SORT)',
            '{"kind": model.invoke([("system", SORT if letter["name"] else RARE)',
        )
    )
    Path("letters.py").write_text(source + '\n\nRARE = "Sort the letter of an unknown writer."\n')
    result = improve(budget=Budget(rollouts=40))
    evidence = {module.name: module.evidence for module in result.saved.observed_modules()}
    assert evidence == {"sort": "seen", "answer": "seen", "rare": "flows"}
    assert {module.evidence for module in result.view.left_alone} == set()
    assert "carries rare. It keeps its text until a rollout reaches it" in caplog.text


def test_the_length_of_a_reflection_prompt_is_an_option_that_a_resumed_run_keeps(project: Path) -> None:
    """What the user says a small model takes is what its prompts hold, in every session of the run."""
    prompts: list[str] = []

    def reflect(prompt: str) -> str:
        prompts.append(prompt)
        return "NO CHANGE"

    rows = [
        {"inputs": {"name": "Ada", "letter": f"Letter {n}. {'Much was said before. ' * 900}"}, "outputs": {"sort": "x"}}
        for n in range(6)
    ]
    for tokens, least, most in ((2_000, 3_000, 9_000), (12_000, 20_000, 60_000)):
        result = improve(
            str(tokens), trainset=rows, valset=rows, reflection_lm=reflect, metric=lambda outputs: 0.5,
            reflection_tokens=tokens, budget=Budget(iterations=1),
        )  # fmt: skip
        assert least < max(map(len, prompts)) < most
        assert result.saved.config.reflection_tokens == tokens
        prompts.clear()

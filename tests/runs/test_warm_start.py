"""`start`: a run that begins with the prompts of an earlier one, with a file of prompts, or with texts of one's own."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from langgraph_gepa import Budget, Result, optimize, resume
from langgraph_gepa.cli import app
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Optimizer
from langgraph_gepa.errors import Error, Interrupted, PlaceholderError, RunError, UsageError
from langgraph_gepa.report.outcome import print_summary
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE

SORT, ANSWER = "Sort the letter. Mention urgent.", "Answer {name}. Mention thanks."
NAMES: dict[str, Any] = {
    "graph": "letters.py:graph",
    "trainset": "train.jsonl",
    "valset": "val.jsonl",
    "metric": "letters.py:score",
    "reflection_lm": "openai:simulated-editor",
    "budget": Budget(rollouts=24),
    "in_flight": 1,
    "progress": False,
}


@pytest.fixture
def earlier(started: Path, project: Path) -> Iterator[Path]:
    """The folder of a run that this user finished in this project."""
    yield shutil.copytree(started, project / "earlier")
    sys.modules.pop("letters", None)


def search(start: Any, run: str = "run", **arguments: Any) -> Result:
    return optimize(**{**NAMES, "start": start, "run": run, **arguments})


def given(result: Result) -> list[Any]:
    return [dict(candidate.texts) for candidate in result.pool.candidates if candidate.given]


def paid(result: Result) -> list[tuple[str, str]]:
    """The texts and the content of every rollout that a run paid for."""
    sets = result.saved.config.examples
    examples = {(name, one.id): one.digest for name, given in sets.by_subset.items() for one in given}
    rollouts = [e for _, e in result.saved.events if isinstance(e, RolloutFinished) and not e.reused]
    return [(e.texts, examples["pareto" if e.subset == "gate" else e.subset, e.example]) for e in rollouts]


def test_a_run_goes_on_from_an_earlier_one_and_pays_for_nothing_twice(earlier: Path) -> None:
    """Its best candidate enters as a child of the seed, with all that is known of it; the accounts show what that is,
    and the page and the summary compare it with the seed."""
    before, result = Result.open(earlier), search(earlier)
    best = result.pool.candidates[1]
    assert (best.texts, best.parents, best.origin) == (before.prompts, (0,), "start")
    assert result.pool.scores(best) == before.pool.scores(before.best)
    assert result.pool.spent.carried > len(before.pool.pareto_set)
    assert result.pool.spent.rollouts <= 24
    assert not set(paid(before)) & set(paid(result))
    assert "Start, #1" in result.report().read_text()
    screen = Console(record=True, width=200)
    print_summary(result.view, screen)
    shown = screen.export_text()
    assert f"{result.pool.spent.carried} rollouts carried over from earlier runs" in shown
    assert "#1" in next(line for line in shown.splitlines() if line.startswith("Start"))


def test_new_examples_join_by_a_new_run(earlier: Path) -> None:
    """With other examples a folder is not gone on with, which the error says; a new run knows those that stayed."""
    lines = [Path(name).read_text() for name in ("val.jsonl", "test.jsonl")]
    Path("more.jsonl").write_text("\n".join(lines))
    with pytest.raises(RunError, match=r"the validation examples changed.*--start earlier --run NEW"):
        search(None, "earlier", valset="more.jsonl", budget=Budget(rollouts=40))
    before, result = Result.open(earlier), search(earlier, valset="more.jsonl", budget=Budget(rollouts=40))
    best = result.pool.candidates[1]
    assert set(before.pool.scores(before.best)) < set(result.pool.scores(best))
    assert not set(paid(before)) & set(paid(result))


def test_a_started_run_needs_the_earlier_one_no_more(earlier: Path) -> None:
    """Its own folder has all: it goes on by its name and by the same call, when the earlier run is gone."""
    before = search("earlier")
    shutil.rmtree(earlier)
    again = search("earlier")
    assert len(again.saved.events) == len(before.saved.events)
    more = resume("run", Budget(rollouts=48, gain=0), progress=False)
    assert given(more) == given(before)
    assert more.pool.spent.rollouts > before.pool.spent.rollouts
    assert search("earlier", budget=Budget(rollouts=60, gain=0)).saved.config.started_from == ("earlier",)
    with pytest.raises(RunError, match="the start changed since it was started"):
        search(None)


class Killed(BaseException):
    """In place of kill -9: nothing catches it, and the folder stays as it is."""


def killed_at(number: int, original: Any) -> Any:
    """`original`, until the process dies just before its call with this number, from 0."""
    calls = count()

    def dying(*given: Any, **how: Any) -> Any:
        if next(calls) == number:
            raise Killed
        return original(*given, **how)

    return dying


@pytest.mark.parametrize("kind", ["racing", "gepa"])
@pytest.mark.parametrize("again", ["call", "resume"])
def test_a_run_killed_while_it_takes_over_rollouts_takes_over_the_rest(
    earlier: Path, monkeypatch: pytest.MonkeyPatch, kind: str, again: str
) -> None:
    """Started again it is the run that was not killed, and pays for nothing that the earlier one paid for."""
    whole = search("earlier", "whole", search=kind)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "carry", killed_at(2, Ledger.carry))
        with pytest.raises(Killed):
            search("earlier", search=kind)
    assert SavedRun.open("run").pool.spent.carried == 2
    result = search("earlier", search=kind) if again == "call" else resume("run", progress=False)
    assert result.pool.spent.carried == whole.pool.spent.carried > 2
    assert (sorted(paid(result)), result.prompts) == (sorted(paid(whole)), whole.prompts)


@pytest.mark.parametrize("again", ["call", "resume"])
@pytest.mark.parametrize("taken", [0, 2])
def test_a_run_that_can_take_over_no_more_says_so_before_it_pays(
    earlier: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, taken: int, again: str
) -> None:
    """Killed while it takes over rollouts of an earlier run that is gone when it is started again."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "carry", killed_at(taken, Ledger.carry))
        with pytest.raises(Killed):
            search("earlier")
    (earlier / DATABASE).unlink()
    warned_at: list[int] = []

    async def warned(self: Optimizer) -> Pool:
        warned_at.append("earlier is gone" in caplog.text)
        raise Interrupted("seen enough")

    monkeypatch.setattr(Optimizer, "run", warned)
    for times in (1, 2):  # as long as it is not whole
        caplog.clear()
        with pytest.raises(Interrupted):
            search("earlier") if again == "call" else resume("run", progress=False)
        assert f"it has {taken} rollouts, and pays for the others" in caplog.text
        assert warned_at == [True] * times


def test_a_file_of_prompts_that_is_gone_is_not_missed(
    earlier: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed while it takes over rollouts of a run that is still there: of the file, the texts were all there was."""
    Path("prompts.json").write_text(json.dumps({"sort": SORT}))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "carry", killed_at(1, Ledger.carry))
        with pytest.raises(Killed):
            search(["prompts.json", "earlier"])
    Path("prompts.json").unlink()
    search(["prompts.json", "earlier"])
    assert "gone" not in caplog.text


def test_a_run_that_took_over_everything_does_not_miss_the_earlier_one(
    earlier: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed before its first score: nothing is lost with the earlier run, unless what changed needs more of it."""
    with monkeypatch.context() as patch:
        patch.setattr(Optimizer, "run", killed_at(0, Optimizer.run))
        with pytest.raises(Killed):
            search("earlier")
    shutil.rmtree(earlier)
    search("earlier")
    assert "is gone" not in caplog.text


def test_a_run_that_begins_again_takes_over_what_it_had_taken_over(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its first score it may change, and what it has in its ledger is not paid for."""
    with monkeypatch.context() as patch:
        patch.setattr(Optimizer, "run", killed_at(0, Optimizer.run))
        with pytest.raises(Killed):
            search("earlier", search="gepa")
    result, whole = search("earlier", search="gepa", seed=1), search("earlier", "whole", search="gepa", seed=1)
    assert result.pool.spent.carried == whole.pool.spent.carried > 0
    assert sorted(paid(result)) == sorted(paid(whole))


def test_whatever_holds_prompts_is_a_start(earlier: Path) -> None:
    """Results, files, and texts by module, one or several; the same texts enter once and the graph's own not at all."""
    best = dict(Result.open(earlier).prompts)
    Path("prompts.json").write_text(json.dumps({"sort": SORT}))
    both = [Result.open(earlier), "prompts.json", {"sort": SORT}, {"answer": ANSWER}, {"sort": "Sort the letter."}]
    found = given(search(both, budget=Budget(rollouts=60)))
    alone = [{"sort": SORT, "answer": "Answer {name}."}, {"sort": "Sort the letter.", "answer": ANSWER}]
    assert [found[0], *found[-2:]] == [best, *alone]
    assert len({texts_key(texts) for texts in found}) == len(found)


@pytest.mark.parametrize(
    ("start", "error", "message"),
    [
        ({"sorted": SORT}, UsageError, r"'sorted'.*no such module; did you mean 'sort'\? Its modules: sort, answer"),
        ({"answer": "Answer."}, PlaceholderError, r"text for answer cannot be used as a start.*name"),
        (["none.json"], UsageError, "No prompts at none.json"),
        ([3], UsageError, "start=3 holds no prompts. Give an earlier run"),
        ([], UsageError, r"start=\[\] holds no prompts.*or leave it out"),
        ({}, UsageError, r"start=\{\} holds no prompts"),
        ("", UsageError, "start='' holds no prompts"),
        ([{"sort": SORT}, {}], UsageError, r"start=\{\} holds no prompts"),
        ({"sort": " "}, PlaceholderError, "text for sort cannot be used as a start.*empty"),
        ({"sort": 3}, UsageError, "that of 'sort' is none"),
        ("run", UsageError, "'run' is the folder of this run itself"),
        ("deep.json", UsageError, "deep.json is no JSON"),
    ],
)
def test_a_start_that_cannot_be_used_is_refused_before_anything_is_paid(
    project: Path, server: SimulatedServer, start: Any, error: type[Error], message: str
) -> None:
    """The message names the module and the fix."""
    Path("deep.json").write_text("[" * 100_000)
    with pytest.raises(error, match=message):
        search(start)
    assert (server.requests, Path("run").exists()) == (0, False)


def test_a_text_of_a_module_that_is_not_optimised_is_refused_unless_it_is_the_graphs_own(project: Path) -> None:
    """It would be lost in silence."""
    with pytest.raises(UsageError, match=r"a text for answer, which this run does not optimise.*--only"):
        search({"answer": ANSWER}, modules="sort")
    assert given(search({"sort": SORT, "answer": "Answer {name}."}, modules="sort")) == [{"sort": SORT}]


def test_nothing_is_carried_over_to_another_metric_and_it_is_reported(
    earlier: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its candidates are scored anew."""
    caplog.set_level(logging.INFO, "langgraph_gepa")
    Path("other.py").write_text("def half(outputs, reference_outputs):\n    return 0.5\n")
    result = search(earlier, metric="other.py:half")
    assert result.pool.spent.carried == 0
    assert result.pool.mean(result.pool.candidates[1]) == 0.5
    assert "scored anew, as new ones are: the metric changed since" in caplog.text


def test_scores_hold_where_the_source_holds_the_earlier_runs_prompts_now(earlier: Path) -> None:
    """After `apply` the graph as it is is the candidate that the earlier run scored, and not paid for again."""
    before = Result.open(earlier)
    source = Path("letters.py").read_text()
    for name, text in before.prompts.items():
        source = source.replace(repr(before.pool.candidates[0].texts[name])[1:-1], text)
    Path("letters.py").write_text(source)
    result = search(earlier)
    assert result.pool.candidates[0].texts == before.prompts
    assert result.pool.mean(result.pool.candidates[0]) == before.pool.mean(before.best)
    assert not set(paid(before)) & set(paid(result))


def test_a_strangers_texts_are_taken_and_not_what_it_says_of_their_scores(
    earlier: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Scores that this user did not pay for are no evidence."""
    caplog.set_level(logging.INFO, "langgraph_gepa")
    for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("elsewhere")))
    result = search(earlier)
    assert given(result)[0] == Result.open(earlier).prompts
    assert result.pool.spent.carried == 0
    assert "somebody else started" in caplog.text


def test_the_command_line_takes_several_starts(earlier: Path) -> None:
    """`--start` may be repeated, and `resume` goes on with what they were."""
    Path("prompts.json").write_text(json.dumps({"sort": SORT}))
    line = (
        "optimize letters.py:graph --train train.jsonl --val val.jsonl --metric letters.py:score --in-flight 1 "
        "--reflection-lm openai:simulated-editor --run run --rollouts 40 --start earlier --start prompts.json"
    )
    done = CliRunner().invoke(app, line.split())
    assert not done.exit_code, done.output
    assert given(Result.open("run"))[-1] == {"sort": SORT, "answer": "Answer {name}."}
    done = CliRunner().invoke(app, ["resume", "run", "--rollouts", "60", "--gain", "0"])
    assert not done.exit_code, done.output


def test_only_a_few_candidates_are_taken_from_a_run(project: Path) -> None:
    """The best, and at most four others that survive."""
    examples = [Example(str(n), {"name": "Ada", "letter": str(n)}) for n in range(7)]
    many = [{"sort": f"Sort the letter. Word {n}."} for n in range(7)]

    def its_own(inputs: dict[str, Any], outputs: dict[str, Any]) -> float:
        return float(f"Word {inputs['letter']}." in outputs["kind"])

    how: dict[str, Any] = {"trainset": examples, "valset": examples, "metric": its_own}
    how |= {"search": "gepa", "budget": Budget(iterations=1)}
    before = search(many, "before", **how)
    assert len(given(before)) == 7
    assert len(given(search(before, **how))) == 5

"""Before and after, as experiments in LangSmith."""

from __future__ import annotations

import json
import shutil
import traceback
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import langgraph_gepa
from langgraph_gepa import Budget, Result
from langgraph_gepa.cli import app
from langgraph_gepa.errors import UsageError


def optimized(**changed: Any) -> Result:
    how = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor", "run": "run", "progress": False}
    how |= {"trainset": "train.jsonl", "valset": "val.jsonl", "testset": "test.jsonl", "budget": Budget(rollouts=60)}
    return langgraph_gepa.optimize("letters", **(how | changed))


def rows(name: str) -> list[dict[str, Any]]:
    held = [json.loads(line) for line in Path(f"{name}.jsonl").read_text().splitlines()]
    return [{"inputs": row["inputs"], "outputs": row["outputs"]} for row in held]


def sizes(smith: Any) -> dict[str, int]:
    return {name: len(getattr(smith, name)) for name in ("datasets", "examples", "sessions", "runs", "feedback")}


@pytest.fixture
def pages(result: Result) -> dict[str, str]:
    """The pages of the finished run, logged."""
    return result.log_experiments()


def test_runs_refer_to_their_examples_and_have_scores(result: Result, pages: dict[str, str], smith: Any) -> None:
    """Each data set has two experiments; a run has inputs, outputs, score and comment of the rollout that was paid."""
    homes = {row["name"]: id for id, row in smith.datasets.items()}
    experiments = [row for row in smith.sessions.values() if row["reference_dataset_id"]]
    assert [row["reference_dataset_id"] for row in experiments] == [homes["val"]] * 2 + [homes["test"]] * 2
    before = [run for run in smith.runs.values() if run["session_id"] == experiments[0]["id"]]
    assert {run["reference_example_id"] for run in before} == {e.id for e in result.saved.config.examples.pareto}
    seed = result.pool.board.pareto[result.pool.candidates[0].key]
    for run in before:
        (feedback,) = (one for one in smith.feedback.values() if one["run_id"] == run["id"])
        assert run["inputs"] == smith.examples[run["reference_example_id"]]["inputs"]
        assert run["outputs"]["kind"] == "Sort the letter."
        assert (feedback["key"], feedback["score"]) == ("score", seed[run["reference_example_id"]][0])
        assert "sort: must mention" in feedback["comment"]
    assert pages["val"].endswith(f"/datasets/{homes['val']}/compare?selectedSessions={'%2C'.join(e['id'] for e in experiments[:2])}")  # fmt: skip  # noqa: E501


def test_experiments_say_where_they_are_from(result: Result, pages: Any, smith: Any) -> None:
    """Name, description and metadata tell the run, the candidate and the version of the data set."""
    _, seed, best, *_ = smith.sessions.values()
    assert seed["name"].startswith("letters-gepa-")
    assert "-before-" in seed["name"]
    assert f"-candidate-{result.best.id}-" in best["name"]
    assert seed["extra"]["metadata"] == {
        "run": "run",
        "candidate": 0,
        "parents": [],
        "prompts": result.pool.candidates[0].key[:12],
        "metric": "letters.py:score",
        "dataset_version": "2026-05-01T00:05:00+00:00",
    }


def test_nothing_is_run_again(result: Result, server: Any) -> None:
    """Logging calls no model, and the run's folder stays as it is."""
    before, folder = server.requests, {file: file.read_bytes() for file in result.run.iterdir()}
    result.log_experiments()
    assert server.requests == before
    assert {file: file.read_bytes() for file in result.run.iterdir()} == folder


def test_logging_again_doubles_nothing(pages: dict[str, str], smith: Any) -> None:
    """A second time nothing is sent, from wherever the folder is now; what is missing after a failure is sent."""
    complete, smith.requests[:] = sizes(smith), []
    shutil.move("run", "moved")
    assert Result.open("moved").log_experiments() == pages
    assert (sizes(smith), {line.split()[0] for line in smith.requests}) == (complete, {"GET"})
    smith.feedback.pop(next(iter(smith.feedback)))
    gone = smith.runs.pop(next(reversed(smith.runs)))
    smith.feedback = {id: feedback for id, feedback in smith.feedback.items() if feedback["run_id"] != gone["id"]}
    assert Result.open("moved").log_experiments() == pages
    assert sizes(smith) == complete


def test_a_failure_on_the_way_says_nothing_of_the_key(result: Result, smith: Any, caplog: Any, capfd: Any) -> None:
    """Neither the error nor a log, the terminal or the folder has it; the next call sends what is missing."""
    key = "marked-key-of-langsmith"
    smith.busy(422, {"detail": f"no more for lsv2_pt_{key}"}, at="POST /feedback")
    with pytest.raises(UsageError, match=r"cannot be logged: LangSmith refused the request \(422\): no more for") as it:
        result.log_experiments()
    folder = b"".join(file.read_bytes() for file in result.run.iterdir())
    output = "".join(traceback.format_exception(it.value)) + caplog.text + "".join(capfd.readouterr())
    assert key not in output + folder.decode("utf-8", "replace")
    result.log_experiments()
    assert len(smith.runs) == len(smith.feedback) == 20


def test_examples_from_elsewhere_need_a_data_set(project: Any, smith: Any) -> None:
    """Without one nothing is logged; with one they are put there, once, and found again by a run of the same ones."""
    result, there = optimized(), sizes(smith)
    with pytest.raises(UsageError, match=r"10 of 10 examples are in no data set .* dataset='NAME' \(--dataset NAME\)"):
        result.log_experiments()
    assert sizes(smith) == there
    (page,) = result.log_experiments("letters").items()
    assert page[0] == "letters"
    held = [(row["inputs"], row["outputs"], row["metadata"]["dataset_split"]) for row in smith.examples.values()]
    assert held == [
        *((row["inputs"], row["outputs"], ["validation"]) for row in rows("val")),
        *((row["inputs"], row["outputs"], ["test"]) for row in rows("test")),
    ]
    complete = sizes(smith)
    assert dict([page]) == result.log_experiments("letters")
    assert sizes(smith) == complete
    other = optimized(seed=1, run="other", budget=Budget(rollouts=24))
    other.log_experiments("letters")
    assert sizes(smith)["examples"] == complete["examples"]
    assert sizes(smith)["sessions"] == complete["sessions"] + 2


def test_a_failed_rollout_is_a_failed_run(project: Any, smith: Any) -> None:
    """The error is the run's, there are no outputs, and the score is 0."""
    node = '    return {"kind": model.invoke'
    broken = Path("letters.py").read_text().replace(node, f'    "x"[int(letter["letter"][-1]) == 7]\n{node}')
    Path("letters.py").write_text(broken)
    optimized(testset=None, budget=Budget(rollouts=40)).log_experiments("letters")
    failed = [run for run in smith.runs.values() if run["inputs"]["letter"] == "Letter 7"]
    assert len(failed) == 2
    for run in failed:
        assert run["outputs"] is None
        assert run["error"] == "In node sort: IndexError: string index out of range"
        (feedback,) = (one for one in smith.feedback.values() if one["run_id"] == run["id"])
        assert feedback["score"] == 0


def test_pushing_experiments_on_the_command_line(result: Result, smith: Any) -> None:
    """`push --experiments` prints the page of each data set, then the prompts if asked; what fails exits with 2."""

    def call(line: str) -> Any:
        return CliRunner().invoke(app, line.split())

    done = call("push run --experiments --prompts desk")
    assert done.exit_code == 0, done.stderr
    assert "val: http://localhost/o/" in done.stdout
    assert "answer: http://localhost/prompts/desk-answer/" in done.stdout
    smith.busy(503)  # is tried again
    smith.busy(403, {"error": "Forbidden"})
    refused = call("push run --experiments")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("The experiments cannot be logged: the key may not do this (403)")


def searched(**changed: Any) -> Result:
    """A search on the data set "val" that logs every candidate when it ends."""
    how = {"valset": "langsmith:val", "testset": None, "experiments": "all"}
    return optimized(**(how | changed))


def logged(smith: Any) -> dict[int, dict[str, float]]:
    """The scores by example, by candidate."""
    found: dict[int, dict[str, float]] = {}
    for id, session in smith.sessions.items():
        for run in smith.runs.values():
            if session["reference_dataset_id"] and run["session_id"] == id:
                (score,) = (one["score"] for one in smith.feedback.values() if one["run_id"] == run["id"])
                of_candidate = found.setdefault(session["extra"]["metadata"]["candidate"], {})
                of_candidate[run["reference_example_id"]] = score
    return found


def test_every_candidate_can_be_an_experiment(project: Any, smith: Any, server: Any, caplog: Any) -> None:
    """Each has the scores that were paid for, on one page side by side; doing it again sends and pays for nothing."""
    smith.dataset("val", rows("val"))
    result = searched()
    pareto = result.pool.board.pareto
    expected = {
        one.id: {example: scores[0] for example, scores in pareto[one.key].items()} for one in result.pool.candidates
    }
    assert len(expected) > 2
    assert logged(smith) == expected
    (page,) = (message for message in caplog.messages if message.startswith("The experiments on val: "))
    assert page.count("%2C") == len(expected) - 1
    complete, paid, smith.requests[:] = sizes(smith), server.requests, []
    assert searched().pool.spent == result.pool.spent
    result.log_experiments()
    result.log_experiments(candidates="all")
    assert (sizes(smith), server.requests, {line.split()[0] for line in smith.requests}) == (complete, paid, {"GET"})


def test_what_a_stop_left_out_is_logged_by_resume(project: Any, smith: Any, caplog: Any) -> None:
    """A failure at the end is a message with the command that makes up for it; the next end sends only the rest."""
    smith.dataset("val", rows("val"))
    smith.busy(422, {"detail": "no more"}, at="POST /feedback")
    with caplog.at_level("WARNING"):
        result = searched()
    assert "refused the request (422): no more." in caplog.text
    assert "`langgraph-gepa push run --all-candidates` logs them." in caplog.text
    smith.requests.clear()
    langgraph_gepa.resume("run", progress=False)
    assert len(logged(smith)) == len(result.pool.candidates)
    assert smith.requests.count("POST /sessions") == len(result.pool.candidates) - 1
    complete = sizes(smith)
    done = CliRunner().invoke(app, ["push", "run", "--all-candidates"])
    assert done.stdout.startswith("val: http://localhost/o/")
    assert sizes(smith) == complete


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"experiments": "winner"}, "experiments='winner' is not known.* Known: none, best, all"),
        ({"valset": "val.jsonl"}, r"6 of 6 validation and test examples are in no data set .*valset='langsmith:NAME'"),
        ({"testset": "test.jsonl"}, r"4 of 10 validation and test examples are in no data set"),
    ],
)
def test_experiments_that_cannot_be_logged_are_refused_first(
    project: Any, smith: Any, server: Any, changed: dict[str, Any], message: str
) -> None:
    """An unknown choice, or examples that no experiment can refer to: before anything is paid for."""
    smith.dataset("val", rows("val"))
    with pytest.raises(UsageError, match=message):
        searched(**changed)
    assert server.requests == 0


def test_experiments_of_a_search_on_the_command_line(project: Any, smith: Any) -> None:
    """`optimize --experiments` and `resume --experiments` say which candidates; a wrong word is refused."""
    smith.dataset("val", rows("val"))
    sets = "--train train.jsonl --val langsmith:val --metric letters.py:score --reflection-lm openai:simulated-editor"

    def call(line: str) -> Any:
        return CliRunner().invoke(app, line.split())

    done = call(f"optimize letters {sets} --rollouts 24 --run run --in-flight 1 --experiments best")
    assert done.exit_code == 0, done.stderr
    assert {*logged(smith)} == {0, Result.open("run").best.id}
    refused = call("resume run --experiments winner")
    assert (refused.exit_code, "Known: none, best, all" in refused.stderr) == (2, True)
    assert call("resume run --experiments all").exit_code == 0
    assert {*logged(smith)} == {one.id for one in Result.open("run").pool.candidates}

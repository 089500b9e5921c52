import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    IterationFinished,
    IterationStarted,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report.comparison import skim
from langgraph_gepa.report.html.page import render
from langgraph_gepa.report.json_view import to_json
from langgraph_gepa.report.outcome import print_summary
from langgraph_gepa.report.summary import summarize
from langgraph_gepa.report.verdict import headline
from langgraph_gepa.report.view import View
from langgraph_gepa.report.words import candidate_score, signed
from langgraph_gepa.search.score import Score


def test_the_curve_never_falls_and_ends_at_the_best_score(finished: Any) -> None:
    """Best so far against rollouts: a staircase upwards to the pool's best."""
    view = finished.view()
    scores = [score for _, score in view.curve]
    assert scores == sorted(scores)
    assert scores[-1] == finished.pool.mean(finished.pool.best)
    assert [at for at, _ in view.curve] == sorted(at for at, _ in view.curve)


def test_candidates_know_when_they_were_found(finished: Any) -> None:
    """The rollouts at a candidate's admission include its own validation: the seed's are the pareto set."""
    view = finished.view()
    assert view.candidates[0].rollouts == len(finished.pool.pareto_set)
    found = [candidate.rollouts for candidate in view.candidates]
    assert found == sorted(found)
    assert found[-1] <= finished.pool.spent.rollouts


def test_every_candidate_but_the_seed_is_compared_to_it(finished: Any) -> None:
    """Better, worse, same or not known, with where the difference lies; on the page and for machines."""
    view, page = finished.view(), render(finished.view())
    assert view.candidates[0].advantage is None
    for candidate, plain in zip(view.candidates[1:], to_json(view)["candidates"][1:], strict=True):
        found = candidate.advantage
        assert found is not None
        assert found.low <= found.difference <= found.high
        assert plain["advantage"]["verdict"] == found.verdict
        row = page.split(f'id="candidate-{candidate.id}"')[1].split("</tr>")[0]
        assert ("not known" if found.verdict == "unknown" else found.verdict) in row


def test_the_authors_of_a_text_lead_from_the_seed_to_the_best(finished: Any) -> None:
    """The last author's text is the best's, and each author changed the module."""
    view = finished.view()
    for module in view.modules:
        assert bool(module.authors) == module.changed
        if module.authors:
            assert view.candidates[module.authors[-1]].texts[module.module.name] == module.best


def test_answers_that_a_text_repeats_are_shown_beside_it(finished: Any) -> None:
    """Beside the module concerned, with the example and the quote; in the summary and for machines too."""
    view, console = finished.view(), Console(file=io.StringIO(), width=200)
    page, plain = render(view), to_json(view)
    print_summary(view, console)
    text = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert {copy.module for copy in view.copied} <= {module.module.name for module in view.changed}
    assert [copy["example"] for copy in plain["copied"]] == [copy.example for copy in view.copied]
    for copy in view.copied[:5]:
        (article,) = [part for part in page.split('<article class="module"')[1:] if f">{copy.module}</h3>" in part]
        assert f'training example <span class="mono">{copy.example}</span>' in article.split("</article>")[0]
        assert f"{copy.module} repeats the reference output of training example {copy.example}: “" in text
    assert view.copied
    assert 'class="copied"' not in render(summarize(finished.journal, (), {}))


def test_held_out_examples_judge_and_validation_does_only_without_them(script: Callable[..., Any]) -> None:
    """Before the test set is scored the verdict is on validation; afterwards on test."""
    run = script()
    run.start()
    run.search(6, 0)
    assert run.view().evidence.subset == "pareto"
    run.finish()
    view = run.view()
    assert view.evidence.subset == "test"
    assert view.evidence.difference.n == 24


def test_better_worse_and_same_are_all_examples_both_were_run_on(finished: Any) -> None:
    """Every example falls in one of three groups, and shown changes have their texts."""
    comparison = finished.view().test
    assert sum(comparison.counts.values()) == len(comparison.changes) == 24
    assert all(change.delta > 0 and change.inputs for change in comparison.better)
    assert all(change.delta < 0 for change in comparison.worse)
    assert comparison.better[0].delta == max(change.delta for change in comparison.changes)


def test_only_the_rollouts_that_are_shown_are_loaded(finished: Any) -> None:
    """A report of a large run reads a bounded part of its ledger."""
    loaded: list[str] = []

    def load(key: str) -> None:
        loaded.append(key)

    summarize(finished.journal, (), {}, load=load, detailed=2, stories=0)
    assert len(loaded) <= 2 * 2 * 2 * 2  # seed and best, better and worse, two of each, on two sets


@pytest.mark.parametrize("length", [0, 1, 10, 26, 60])
def test_any_beginning_of_a_journal_is_a_view(finished: Any, length: int) -> None:
    """A run can be looked at from its first event on, and is resumable until it is finished."""
    view = summarize(finished.journal[:length], (), {})
    assert not view.finished
    json.dumps(to_json(view))


def summary(view: View) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_summary(view, console)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_validation_judges_with_the_choice_by_it_allowed_for(script: Callable[..., Any]) -> None:
    """The change on validation is one number with one interval, on the page, in the summary and for machines."""
    for seed in range(6):
        run = script()
        run.start()
        run.search(4 + seed, seed)
        view = run.view()
        assert view.evidence.subset == "pareto"
        if view.best.id:
            change = view.validation.difference
            assert change.low <= change.mean <= change.high
            assert (view.verdict == "better") is (change.side == 1)
            found = view.candidates[view.best.id].advantage
            assert (found.difference, found.low, found.high) == (change.mean, change.low, change.high)
            plain = to_json(view)["difference"]["validation"]
            assert (plain["mean"], plain["low"], plain["high"]) == (change.mean, change.low, change.high)
            span = f"{signed(change.low)} to {signed(change.high)}"
            for place in (headline(view), summary(view), render(view)):
                assert span in place
                assert signed(change.mean) in place


def raced() -> View:
    """A race in which the seed was run on all examples in vain, and the child on a quarter of them with success."""
    pareto = tuple(f"p{place}" for place in range(40))
    seed, child = Candidate(0, {"m": "old"}), Candidate(1, {"m": "new"}, (0,))
    events: list[Any] = [RunStarted(seed.texts, (), pareto, judged_by="posterior")]
    events += [RolloutFinished(0, seed.key, e, "pareto", 0.0, Usage(), 1.0, "s" + e) for e in pareto]
    events += [CandidateAdmitted(0, seed), IterationStarted(1, (0,), ()), CandidateAdmitted(1, child)]
    events += [RolloutFinished(1, child.key, e, "pareto", 1.0, Usage(), 1.0, "c" + e) for e in pareto[:10]]
    events += [IterationFinished(1, "accepted")]
    return summarize([(0.0, event) for event in events], (), {})


def test_a_candidate_has_one_score_wherever_it_is_shown() -> None:
    """Measured where it was run on all examples; elsewhere estimated, marked with the number of examples."""
    view = raced()
    seed, best = view.candidates
    assert (seed.score, best.score.n, best.score.of) == (Score(0.0, 40, 40), 10, 40)
    assert view.best is not None
    assert view.best.validation is not None
    assert view.best.validation.mean == view.best.score.value == best.score.value
    score = candidate_score(best.score)
    assert score == f"≈ {best.score.value:.3f} (10 of 40)"
    assert score in summary(view)
    assert render(view).count(score) >= 4  # the chart, the table of means, the table of candidates, the log
    plain = to_json(view)
    assert plain["candidates"][1]["score"] == plain["best"]["validation"]["mean"] == best.score.value
    assert (plain["candidates"][1]["estimated"], plain["candidates"][0]["estimated"]) == (True, False)
    assert plain["seed"]["validation"]["mean"] == 0.0


def leaking(script: Callable[..., Any], shared: int, **sets: Any) -> View:
    """A run of which the first validation examples have the inputs of training examples."""
    run = script(**sets)
    run.start()
    run.mutate(accept=True)
    pareto = run.sets["pareto"]
    learned = [Example(f"twin-{place}", example.inputs) for place, example in enumerate(pareto[:shared])]
    examples = {**run.sets, "feedback": [Example("other", {"n": 0}), *learned], "pareto": pareto}
    view = summarize(run.journal, (), {}, examples=examples)
    return view if view.best and view.best.id else leaking(script, shared, **{**sets, "seed": sets.get("seed", 3) + 1})


def test_examples_that_were_learned_from_are_no_evidence_of_help(script: Callable[..., Any]) -> None:
    """Where all or nearly all were, the verdict names that; where some were, it is on the others."""
    for shared in (24, 20):
        view = leaking(script, shared)
        assert view.verdict == "learned"
        assert "learned from" in headline(view)
        assert "help." not in headline(view)
        assert "zero" not in headline(view)
        assert to_json(view)["leakage"]["learned"]["validation"] == shared
    view = leaking(script, 10)
    assert view.validation is not None
    assert view.validation.difference is not None
    assert (view.validation.difference.n, view.validation.learned) == (14, 10)
    assert view.verdict != "learned"
    assert "10 more have the inputs of training examples and do not count" in headline(view)


def test_the_seed_alone_has_no_change(script: Callable[..., Any]) -> None:
    """Of the seed to itself no interval is made up."""
    run = script()
    run.start()
    run.finish()
    plain = to_json(run.view())
    assert plain["difference"] == {"validation": None, "test": None}
    assert plain["verdict"] == "same"
    assert "Validation" in summary(run.view())


def test_failures_of_the_graph_are_named_beside_its_scores(script: Callable[..., Any]) -> None:
    """On the page, in the summary and for machines: how many examples, and one of the errors."""
    run = script()
    run.start()
    view = run.view()
    (failed,) = view.failures
    errors = [e.error for _, e in run.journal if isinstance(e, RolloutFinished) and e.error]
    assert (failed.failed, failed.of, failed.error) == (len(errors), 24, errors[0])
    sentence = f"The graph as it is fails on {failed.failed} of 24 validation examples, which"
    for place in (summary(view), render(view)):
        assert sentence in place
    assert to_json(view)["failures"][0]["failed"] == failed.failed


def test_too_few_examples_give_no_verdict(script: Callable[..., Any]) -> None:
    """With five pairs no 95 % conclusion exists, whatever the scores."""
    run = script(examples=5)
    run.start()
    run.mutate(accept=True)
    run.finish()
    assert run.view().verdict in ("few", "same")


def test_json_holds_what_show_promises(finished: Any) -> None:
    """Modules, candidates, seed and best with intervals, and the accounts, as plain JSON."""
    data = json.loads(json.dumps(to_json(finished.view())))
    assert [module["name"] for module in data["modules"]] == ["router", "agent", "writer"]
    assert {"id", "parents", "score", "scores", "texts"} <= data["candidates"][5].keys()
    for who in ("seed", "best"):
        for subset in ("validation", "test"):
            assert data[who][subset]["low"] <= data[who][subset]["mean"] <= data[who][subset]["high"]
    spent = finished.pool.spent
    assert (data["rollouts"], data["reflections"]) == (spent.rollouts, spent.reflections)
    assert data["tokens"] == spent.usage.tokens
    assert data["dollars"] == pytest.approx(spent.usage.dollars)
    assert data["seconds"] == finished.now


def test_an_unknown_price_is_null_and_never_zero(script: Callable[..., Any]) -> None:
    """When one model's price is unknown, so is the sum."""
    run = script(priced=False)
    run.start()
    assert to_json(run.view())["dollars"] is None


def test_a_run_without_validation_or_test_has_no_verdict() -> None:
    """Nothing is scored, so nothing is concluded."""
    view = summarize([(0.0, RunStarted({"m": "text"}, (), ()))], (), {})
    assert (view.verdict, view.evidence, view.modules[0].changed) == ("none", None, False)


def test_of_a_conversation_the_last_message_is_shown() -> None:
    """A state is skimmed: message lists by their end, other data as JSON, long texts clipped."""
    state = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "bye"}], "n": [1]}
    assert skim(state)[0] == ("messages", "(1 earlier) bye")
    assert len(skim("x" * 100_000)[0][1]) < 1_000


def test_a_final_state_is_shown_without_what_came_in(finished: Any) -> None:
    """Inputs stand above both sides already; an output field equal to an input's is not repeated."""
    comparison = finished.view().test
    for change in (*comparison.better, *comparison.worse):
        assert ("language", "en") in change.inputs
        assert ("language", "en") not in (*change.before.outputs, *change.after.outputs)


def test_how_noisy_the_scores_were_is_said_where_rollouts_were_repeated(script: Callable[..., Any]) -> None:
    """In the summary, on the page and for machines; not where nothing was run twice."""
    run = script()
    run.start()
    assert to_json(run.view())["noise"] == {"repeated": 0, "sd": None}
    assert "Noise" not in summary(run.view())
    assert "noise of the scores" not in render(run.view())
    seed = run.pool.candidates[0]
    id, score = next(iter(run.pool.scores(seed).items()))
    run.add(RolloutFinished(1, seed.key, id, "pareto", score, Usage(), 1.0, "again"))
    assert "Noise none in 1 repeated rollout" in summary(run.view())
    run.add(RolloutFinished(1, seed.key, id, "pareto", score + 0.6, Usage(), 1.0, "once more"))
    words = "a standard deviation of 0.35 in 2 repeated rollouts"
    assert f"Noise {words}" in summary(run.view())
    assert f"noise of the scores: {words}" in render(run.view())
    assert to_json(run.view())["noise"] == {"repeated": 2, "sd": pytest.approx(0.12**0.5)}

from typing import Any

from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.report.failed_examples import failure_sentence, failures, set_aside_sentences


def test_failures_are_counted_by_example(finished: Any) -> None:
    """For the seed and the best candidate, on both sets: the examples with an error among those they were run on."""
    pool, found = finished.pool, failures(finished.journal, finished.pool)
    keys = {"seed": pool.candidates[0].key, "best": pool.best.key}
    assert found
    for failed in found:
        rollouts = [
            event
            for _, event in finished.journal
            if isinstance(event, RolloutFinished) and (event.texts, event.subset) == (keys[failed.side], failed.subset)
        ]
        assert failed.of == len({event.example for event in rollouts})
        assert failed.failed == len({event.example for event in rollouts if event.error})
        assert (failed.example, failed.error) in {(event.example, event.error) for event in rollouts}


def test_a_failure_is_one_sentence_and_its_first_error() -> None:
    """One example scores, several score; the error is on one line."""
    assert failure_sentence(1, 24, "example", "as it is", "e1", "Key\nError") == (
        "The graph as it is fails on 1 of 24 examples, which scores 0. On e1: Key Error"
    )


def test_examples_that_were_set_aside_are_named_with_why() -> None:
    """A sentence for each set."""
    set_aside: dict[Subset, dict[str, str]] = {"pareto": {"p3": "WorldFailure"}, "test": {"t1": "A", "t2": "B"}}
    first, second = set_aside_sentences(set_aside)
    assert first.startswith("Without 1 validation example, set aside because")
    assert first.endswith("p3 (WorldFailure).")
    assert "2 test examples" in second

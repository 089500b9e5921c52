"""Forecasts and warnings: before anything is paid for, when the graph as it is has been scored, and of replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import inf

from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.core.budget import Budget, Spent
from langgraph_gepa.core.common_error import commonest
from langgraph_gepa.core.events import ChildrenProposed, Event, ReflectionFinished, RolloutFinished
from langgraph_gepa.core.json_data import brief
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.engine.allowance import expected, uncountable
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.ports import Observer, Reply, Store
from langgraph_gepa.engine.preflight import VERDICT, Preflight, preflight
from langgraph_gepa.errors import UsageError
from langgraph_gepa.reflection.proposal import CUT_SHORT, in_words
from langgraph_gepa.report.failed_examples import HOW, failure_sentence
from langgraph_gepa.report.words import score
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.search.answers import UNREAD, Answers
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import Rules

UNUSED = 3
"""Iterations in a row without a reply that can be used, after which a session warns."""


def require_affordable(config: RunConfig, rules: Rules, unpriced: Sequence[str]) -> None:
    """Raises `UsageError` for a budget that cannot be kept, or ends before anything can have been learned.

    `unpriced` are the names of models whose price is unknown.
    """
    budget, pareto = config.budget, len(config.examples.pareto)
    if budget.dollars is not None and unpriced:
        raise UsageError(uncountable(unpriced))
    if not budget.bounded:
        raise UsageError(
            "The budget has no limit that every search reaches. Give at least one: Budget(rollouts=500), or "
            "--rollouts 500."
        )
    least = rules.seed_rollouts(pareto) + rules.most_rollouts(pareto)
    if budget.rollouts is not None and budget.rollouts < least:
        smaller = rules.seed_rollouts(pareto // 2) + rules.most_rollouts(pareto // 2) < least
        ways = ["more rollouts"]
        ways += ["fewer validation examples"] if pareto > VERDICT and smaller else []
        ways += ["fewer repeats"] if rules.repeats > 1 else []
        raise UsageError(
            f"Budget(rollouts={budget.rollouts}) is too small: scoring the graph as it is and one improvement "
            f"take up to {least}. Give {' or '.join(ways)}."
        )


def forecast(config: RunConfig, rules: Rules) -> Iterator[str]:
    """Says what a budget is enough for, if that can be predicted before anything has run."""
    if affordable := _preflight(config, rules, None):
        yield str(affordable)


def measured_forecast(config: RunConfig, rules: Rules, spent: Spent) -> Iterator[str]:
    """Says what tokens or dollars are enough for by the cost of scoring the graph as it is, if that is new."""
    affordable = _preflight(config, rules, spent)
    if affordable and affordable != _preflight(config, rules, None):
        yield f"A rollout takes about {expected(spent, 'rollout').tokens:,} tokens. So far as is known {affordable}"


def of_failures(rollouts: Sequence[Rollout], failure_score: float = 0.0) -> Iterator[str]:
    """Counts the examples on which the graph failed: where its code is at fault, no prompt can help."""
    errors = {rollout.example: rollout.error for rollout in rollouts if rollout.error}
    if errors:
        examples = len({rollout.example for rollout in rollouts})
        example, error, _ = commonest(errors.items())
        yield failure_sentence(len(errors), examples, "validation example", HOW["seed"], example, error, failure_score)


def of_scale(event: Event, scale: MetricScale) -> str:
    """Warns of a score above `perfect`, or outside 0 to 1 without `perfect`; empty if there is no such score."""
    if not isinstance(event, RolloutFinished) or event.error is not None:
        return ""
    if scale.perfect is not None and event.score > scale.perfect:
        return (
            f"The metric gave {score(event.score)}, and from {scale.perfect:g} on an answer counts as perfect, with "
            f"nothing to learn from it. Let the metric give {scale.perfect:g} for the best answer there can be."
        )
    if scale.bounded or 0 <= event.score <= 1:
        return ""
    failed = "" if scale.failure is not None else "; a rollout that fails scores 0, or the lowest seen if that is lower"
    return (
        f"The metric gave {score(event.score)}, which is not between 0 and 1: the highest score seen counts as perfect"
        f"{failed}. Say what a perfect answer scores with perfect=... (--perfect), and where lower is better let the "
        "metric return -cost."
    )


def of_failure_score(scale: MetricScale) -> Iterator[str]:
    """Warns of a given failure score above every score seen: prompts that break the graph would be the best."""
    if scale.failure is not None and -inf < scale.high < scale.failure:
        yield (
            f"A rollout that fails scores {scale.failure:g}, more than the highest score seen so far, "
            f"{score(scale.high)}: prompts with which the graph fails would count as better. Give a failure_score "
            "(--failure-score) below what the metric gives."
        )


def of_unread_replies(store: Store, mask: Mask, notify: Callable[[str], None], *, proposer: bool) -> Observer:
    """Quotes the last reply, once, when no reply could be used in the first iterations of a session.

    `proposer` says that the user's proposer replies in place of a reflection model.
    """
    answers = Answers()

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001 - an observer's signature
        if not isinstance(event, ChildrenProposed):
            return
        before = answers.unread
        answers.add(event, ())
        if before < UNUSED <= answers.unread and not answers.read:
            opened = pool.open.get(event.iteration, ())
            keys = [one.ledger for one in opened if isinstance(one, ReflectionFinished)]
            paid = store.paid(keys[-1]) if keys else None
            notify(_unread(event, "" if paid is None else mask(load(Reply, paid).text), proposer=proposer))

    return observe


def _unread(proposed: ChildrenProposed, reply: str, *, proposer: bool) -> str:
    codes = [code for code in proposed.reasons.values() if code in UNREAD]
    fix = "Use another model" + (", or raise the limit on the length of its replies" if {*codes} & CUT_SHORT else "")
    quoted = f" The last reply: {brief(' '.join(reply.split()))}." if reply.strip() else ""
    return (
        f"No reply of the {'proposer' if proposer else 'reflection model'} could be used in {UNUSED} iterations in a "
        f"row; at last, {in_words(codes[-1])}.{quoted} {'Fix the proposer' if proposer else fix}."
    )


def of_uncounted_calls(pool: Pool, budget: Budget) -> Iterator[str]:
    """Warns of a graph whose model calls are not seen, such as those of a client without LangChain."""
    other = replace(budget, tokens=None, dollars=None).bounded
    if (budget.tokens is not None or budget.dollars is not None) and not other and not pool.spent.graph.tokens:
        yield (
            "No model call of the graph was seen, so what its rollouts spend is not counted: the limit holds for "
            "reflection alone. Give a limit of rollouts or seconds as well."
        )


def _preflight(config: RunConfig, rules: Rules, spent: Spent | None) -> Preflight | None:
    sets = config.examples
    return preflight(config.budget, len(sets.feedback), len(sets.pareto), rules, spent)

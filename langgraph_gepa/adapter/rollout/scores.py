"""Reads what a metric returned as `Feedback`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

from langgraph_gepa.core.json_data import plain, unboxed, well_formed
from langgraph_gepa.core.rollout import Feedback

_RESULT = frozenset({"key", "score", "value", "comment", "results"})
"""Keys of LangSmith's results."""


class NotAScoreError(ValueError):
    """A metric returned something that is no score; the message says why."""


@dataclass(frozen=True, slots=True)
class _Scored:
    key: str
    score: float
    comment: str


def read_feedback(value: Any) -> Feedback:
    """Reads what metrics return: a number or bool, `(score, comment)`, `{"key", "score", "comment"}`,
    `{"results": [...]}`, LangSmith's `EvaluationResult`, a list of those, `{"accuracy": 1, "style": 0}`, or `Feedback`.

    A list, or a dict of names and numbers, gives one objective for each key; the score is their mean. A result in a
    list with a `value` and no score is a label and only adds to the comment. Raises `NotAScoreError`.
    """
    if isinstance(value, Feedback):
        return _checked(value)
    if _is_named(value):
        value = [{"key": str(name), "score": score} for name, score in value.items()]
    results = _results(value)
    if results is None:
        one = _scored(value, "score")
        named = _field(value, "key")
        return Feedback(one.score, one.comment, objectives={one.key: one.score} if named else {})
    scored = [_scored(item, f"score {n}") for n, item in enumerate(results, 1) if not _is_label(item)]
    if not scored:
        raise NotAScoreError("the list holds no score")
    objectives: dict[str, float] = {}
    for one in scored:
        objectives[_unused(one.key, objectives)] = one.score
    comments = [f"{one.key}: {one.comment}" for one in scored if one.comment]
    comments += [f"{_field(item, 'key')}: {_field(item, 'value')}" for item in results if _is_label(item)]
    return Feedback(math.fsum(objectives.values()) / len(objectives), "\n".join(comments), objectives=objectives)


def joined(named: Sequence[tuple[str, Feedback]]) -> Feedback:
    """Joins the feedback of several metrics, given with their names; the score is the mean of their scores.

    The objectives are those that the metrics give. The score of a metric without any is one, under the metric's name.
    """
    objectives: dict[str, float] = {}
    by_module: dict[str, str] = {}
    comments: list[str] = []
    for name, feedback in named:
        for key, score in (feedback.objectives or {name: feedback.score}).items():
            objectives[_unused(key, objectives)] = score
        for module, words in feedback.by_module.items():
            by_module[module] = f"{by_module[module]}\n{words}" if module in by_module else words
        if feedback.comment:
            comments.append(f"{next(iter(feedback.objectives), name)}: {feedback.comment}")
    mean = math.fsum(feedback.score for _, feedback in named) / len(named)
    return Feedback(mean, "\n".join(comments), by_module, objectives)


def _results(value: Any) -> Sequence[Any] | None:
    if isinstance(value, Mapping) and isinstance(value.get("results"), Sequence) and "score" not in value:
        return list(value["results"])
    return value if isinstance(value, list) else None


def _scored(value: Any, key: str) -> _Scored:
    if isinstance(value, Feedback):
        return _Scored(key, _number(value.score), well_formed(value.comment))
    if isinstance(value, tuple):
        if len(value) != 2:
            raise NotAScoreError(f"a tuple must be (score, comment), this one has {len(value)} items")
        return _Scored(key, _number(value[0]), _comment(value[1]))
    if isinstance(value, Mapping):
        if "score" not in value:
            raise NotAScoreError(f"there is no 'score' among its keys {sorted(map(str, value))}")
    elif not hasattr(value, "score"):
        return _Scored(key, _number(value), "")
    comment = _field(value, "comment")
    comment = _field(value, "feedback") if comment is None else comment
    return _Scored(str(_field(value, "key") or key), _number(_field(value, "score")), _comment(comment))


def _is_named(value: Any) -> bool:
    """Whether this is a dict of names and numbers."""
    if not isinstance(value, Mapping) or not value or not _RESULT.isdisjoint(value):
        return False
    return all(isinstance(unboxed(score), Real | Decimal) for score in value.values())


def _is_label(value: Any) -> bool:
    return _field(value, "score") is None and _field(value, "value") is not None


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _number(value: Any) -> float:
    if value is None:
        raise NotAScoreError("the score is None")
    value = unboxed(value)
    if not isinstance(value, Real | Decimal):
        raise NotAScoreError(f"a score is a number, not {type(value).__name__}")
    score = float(value)
    if not math.isfinite(score):
        raise NotAScoreError(f"the score is {score}")
    return score


def _comment(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotAScoreError(f"a comment is text, not {type(value).__name__}")
    return well_formed(value)


def _checked(feedback: Feedback) -> Feedback:
    by_module = feedback.by_module or {}
    return Feedback(
        _number(feedback.score),
        _comment(feedback.comment),
        {str(plain(name)): _comment(text) for name, text in by_module.items() if text},
        {str(plain(name)): _number(score) for name, score in (feedback.objectives or {}).items()},
    )


def _unused(key: str, taken: Mapping[str, float]) -> str:
    if key not in taken:
        return key
    number = 2
    while f"{key}-{number}" in taken:
        number += 1
    return f"{key}-{number}"

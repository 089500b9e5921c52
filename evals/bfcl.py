"""BFCL v4's multi-turn tasks for `graphs/bfcl.py`: loaders and splits of the 800 tasks, and the metric.

    tasks(category)                          the 200 tasks of a category, as examples
    trainset(), valset(), testset()          those of 40, 60 and 100 scenarios, in all categories or those asked for
    metric                                   the official state and response checks; feedback for prompt and tools
    python evals/bfcl.py DIR [CATEGORY ...]  writes train, val and test files

`official_tools.py` says how the package with the tasks, tools and checks is installed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from matching import shortened
from official_tools import Call, official, parsed, rows, same, source, verdict
from sources import write_lines

from langgraph_gepa import Feedback
from langgraph_gepa.errors import UsageError

CATEGORIES = ("base", "miss_func", "miss_param", "long_context")
DOMAINS = ("GorillaFileSystem", "TradingBot", "TravelAPI", "VehicleControlAPI")
"""Each task has the tools of exactly one of these classes, and mostly those of others beside it."""

SPLITS = {"train": range(40), "val": range(40, 100), "test": range(100, 200)}
"""Places of scenarios, once dealt. The tasks of one number are one scenario in each category, and stay together."""

PROMPT = "prompt"
"""The system prompt of `graphs/bfcl.py`, as `discover` names it."""

REASONS = {
    "multi_turn:instance_state_mismatch": "the state is not as it should be afterwards",
    "multi_turn:execution_response_mismatch": "not all results that the user needs were seen",
    "multi_turn:empty_turn_model_response": "no tool was called",
    "multi_turn:force_terminated": "there were too many steps, and the conversation ended",
}

OUT_OF_ORDER = "Each call was right, but they were made in the wrong order."


def trainset(*categories: str) -> list[dict[str, Any]]:
    """The tasks to learn from, of these categories or of all: `inputs`, `outputs`, `metadata`."""
    return split("train", *categories)


def valset(*categories: str) -> list[dict[str, Any]]:
    """The tasks to choose candidates by."""
    return split("val", *categories)


def testset(*categories: str) -> list[dict[str, Any]]:
    """The tasks to measure the outcome on."""
    return split("test", *categories)


def split(name: str, *categories: str) -> list[dict[str, Any]]:
    """The tasks of a split, equally many of each domain."""
    every = [tasks(category) for category in categories or CATEGORIES]
    return [examples[scenarios()[place]] for place in SPLITS[name] for examples in every]


@cache
def scenarios() -> Sequence[int]:
    """The numbers of all scenarios, shuffled, the domains in turn."""
    by_domain: dict[str, list[int]] = {domain: [] for domain in DOMAINS}
    for number, row in enumerate(rows("BFCL_v4_multi_turn_base.json")):
        by_domain[next(domain for domain in DOMAINS if domain in row["involved_classes"])].append(number)
    for domain, numbers in by_domain.items():
        random.Random(f"bfcl:{domain}").shuffle(numbers)
    return list(chain.from_iterable(zip(*by_domain.values(), strict=True)))


@cache
def tasks(category: str) -> Sequence[dict[str, Any]]:
    """The 200 tasks of a category, in the official order. Raises `UsageError` where the package is not installed."""
    if category not in CATEGORIES:
        raise UsageError(f"There is no category {category!r}; there are {', '.join(CATEGORIES)}.")
    file = f"BFCL_v4_multi_turn_{category}.json"
    pairs = zip(rows(file), rows(f"possible_answer/{file}"), strict=True)
    return [example(row, answer["ground_truth"], category) for row, answer in pairs]


def example(row: Mapping[str, Any], ground_truth: Sequence[Sequence[str]], category: str) -> dict[str, Any]:
    """An official task as an example. A turn that only hands tools over has the official words for it."""
    handing_over = official("constants.default_prompts").DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC
    classes = row["involved_classes"]
    return {
        "inputs": {
            "turns": [turn[0]["content"] if turn else handing_over for turn in row["question"]],
            "classes": classes,
            "initial_config": {name: row["initial_config"][name] for name in classes if name in row["initial_config"]},
            "long_context": category == "long_context",
            "held_back": row.get("missed_function", {}),
        },
        "outputs": {"calls": [[parsed(call, classes) for call in turn] for turn in ground_truth]},
        "metadata": {"id": row["id"], "category": category},
    }


def metric(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]
) -> Feedback:
    """1 where the official checks pass: after each turn the state is right, and all results needed were seen.

    The comment names the turn that failed, the first wrong call in it and the missing ones. A tool that was taken for
    another, or called with wrong arguments, is feedback for the descriptions of tools; calls that were left out or
    made without need are feedback for the system prompt.
    """
    made, wanted = (outputs or {}).get("calls", []), reference_outputs["calls"]
    turns = range(1, min(len(made), len(wanted)) + 1)
    verdicts = (verdict(inputs, made[:n], wanted[:n]) | {"turn": n} for n in turns)
    failed = next((one for one in verdicts if not one["valid"]), None)
    if failed is None and len(made) == len(wanted):
        return Feedback(score=1.0, comment=f"All {len(wanted)} turns passed the official checks.")
    failed = failed or verdict(inputs, made, wanted) | {"turn": min(max(1, len(made)), len(wanted))}
    by_turn = [list(chain.from_iterable(turn)) for turn in made] or [[]]
    mistakes = _mistakes(inputs, by_turn, wanted, failed["turn"])
    return Feedback(score=0.0, comment=_comment(inputs, failed, mistakes), by_module=_by_module(mistakes, wanted))


class Mistake(NamedTuple):
    """In a turn, counted from 1: a call that was wrong, the one that was right in its place, or either alone.

    `before` is the call that a missing one had to come before, if any.
    """

    turn: int
    wrong: Call | None = None
    right: Call | None = None
    before: Call | None = None


def _mistakes(
    inputs: Mapping[str, Any], made: Sequence[Sequence[Call]], wanted: Sequence[Sequence[Call]], failed: int
) -> list[Mistake]:
    """Those of the turn that failed, and of the turns just before it in which there was nothing to call yet."""
    first = failed
    while first > 1 and not wanted[first - 2]:
        first -= 1
    return [one for turn in range(first, failed + 1) for one in _of_turn(inputs, made, wanted, turn)]


def _of_turn(
    inputs: Mapping[str, Any], made: Sequence[Sequence[Call]], wanted: Sequence[Sequence[Call]], turn: int
) -> list[Mistake]:
    """The mistakes of one turn, in the order of its calls; what was only left out comes last."""

    def harmless(call: Call) -> bool:
        return _is_harmless(inputs, wanted, turn, call)

    here, right, classes = list(made[turn - 1]), wanted[turn - 1], inputs["classes"]
    earlier = list(chain.from_iterable(made[: turn - 1]))
    wrong, missing = list(here), list[tuple[Call, Call | None]]()
    for call, following in zip_longest(right, right[1:]):
        twin = next((one for one in wrong if same(one, call, classes)), None)
        if twin is not None:
            wrong.remove(twin)
        elif not (any(same(one, call, classes) for one in earlier) and harmless(call)):  # else it was seen before
            missing.append((call, following))
    found = [Mistake(turn, _taken(wrong, call), call, before) for call, before in missing]
    needless = [one for one in wrong if not harmless(one)] or ([] if found else wrong)
    found += [Mistake(turn, wrong=one) for one in needless]
    return sorted(found, key=lambda one: here.index(one.wrong) if one.wrong else len(here))


def _taken(wrong: list[Call], call: Call) -> Call | None:
    """Takes from `wrong` the call that was probably made for `call`: to the same tool, else with a value in common."""
    for likely in (lambda one: one["name"] == call["name"], lambda one: _resembles(one, call)):
        for one in filter(likely, wrong):
            wrong.remove(one)
            return one
    return None


def _resembles(one: Call, other: Call) -> bool:
    """Whether the calls have a value in common, or no values both of them."""
    values, others = (list(call["arguments"].values()) for call in (one, other))
    return any(value in others for value in values) or values == others == []


def _is_harmless(inputs: Mapping[str, Any], wanted: Sequence[Sequence[Call]], turn: int, call: Call) -> bool:
    """Whether the call, made after all that were right, changes nothing that is checked."""
    more = [*([turn_calls] for turn_calls in wanted[: turn - 1]), [[*wanted[turn - 1], call]]]
    return bool(verdict(inputs, more, wanted[:turn])["valid"])


def _comment(inputs: Mapping[str, Any], failed: Mapping[str, Any], mistakes: Sequence[Mistake]) -> str:
    turn, changed = failed["turn"], failed.get("details", {}).get("differences", ())
    where = f" ({', '.join(sorted(changed))})" if changed else ""
    lines = [
        f"Turn {turn} of {len(inputs['turns'])} failed: {REASONS[failed['error_type']]}{where}.",
        f"The user's words there: {shortened(inputs['turns'][turn - 1])}",
    ]
    if wrong := [one for one in mistakes if one.wrong]:
        lines.append(f"First wrong call{_in_turn(wrong[0], turn)}: {source(wrong[0].wrong)}")
    if missing := [source(one.right) for one in mistakes if one.right]:
        lines.append(f"Missing: {'; '.join(missing)}")
    return "\n".join(lines if wrong or missing else [*lines, OUT_OF_ORDER])


def _in_turn(mistake: Mistake, turn: int) -> str:
    return "" if mistake.turn == turn else f" (in turn {mistake.turn}, where nothing was to be called yet)"


def _by_module(mistakes: Sequence[Mistake], wanted: Sequence[Sequence[Call]]) -> dict[str, str]:
    """What the mistakes teach each module: the descriptions of tools and the system prompt."""
    lines: dict[str, list[str]] = {}
    for one in mistakes:
        for module, text in _lessons(one, bool(wanted[one.turn - 1])):
            lines.setdefault(module, []).append(text)
    return {module: "\n".join(dict.fromkeys(texts)) for module, texts in (lines or {PROMPT: [OUT_OF_ORDER]}).items()}


def _lessons(mistake: Mistake, ready: bool) -> Iterator[tuple[str, str]]:
    """Feedback on a mistake, by module. `ready` is whether anything was to be called in its turn."""
    wrong, right, before = mistake.wrong, mistake.right, mistake.before
    if wrong and right:
        names = {wrong["name"]: None, right["name"]: None}
        other = f"was called where `{right['name']}` was right"
        fault = other if len(names) > 1 else "was called with wrong arguments"
        for name in names:
            yield f"tool:{name}", f"`{wrong['name']}` {fault}: {source(wrong)} instead of {source(right)}"
    elif right:
        yield PROMPT, f"{'Left out, before ' + source(before) if before else 'The turn ended without'}: {source(right)}"
    elif wrong and ready:
        yield PROMPT, f"Called without need: {source(wrong)}"
    elif wrong:
        yield PROMPT, f"Called though a tool or a detail was still missing, instead of asking the user: {source(wrong)}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes train, val and test files of BFCL's multi-turn tasks.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("categories", nargs="*", metavar="category", help=f"any of {', '.join(CATEGORIES)}")
    asked = parser.parse_args(argv)
    files = {name: split(name, *asked.categories) for name in SPLITS}
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name, examples in files.items():
        write_lines(asked.folder / f"{name}.jsonl", examples)


if __name__ == "__main__":
    main()

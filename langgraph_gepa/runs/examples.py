"""Reads the sets of examples of a run: objects, files, and data sets and logged runs of LangSmith."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langsmith.schemas import Dataset

from langgraph_gepa.core.example import Example, in_message
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.langsmith.address import RunsAddress, is_address, parse
from langgraph_gepa.langsmith.dataset import read_dataset
from langgraph_gepa.langsmith.runs import read_runs
from langgraph_gepa.report.screen import note
from langgraph_gepa.runs.example_files import load_examples, split
from langgraph_gepa.runs.saved_run import examples_in


def examples_of(source: Any, name: str = "trainset", notify: Callable[[str], None] = note) -> tuple[Example, ...]:
    """Reads the examples of `source`; `name` is what errors call the set.

    `source` is whatever `load_examples` takes, that is a list of dicts or LangSmith `Example`s or the path of a JSON,
    JSONL or CSV file, or names examples in LangSmith:

    - `langsmith:NAME` a data set, `langsmith:NAME@SPLIT` a split of it (of several, separated by commas),
      `langsmith:NAME?as_of=VERSION` a version of it by its tag or time;
    - `langsmith-runs:PROJECT` the newest 200 root runs of a tracing project, with people's corrections and the outputs
      with good feedback as reference outputs. `?filter=`, `&feedback=`, `&good=` and `&limit=` say which runs, which
      feedback, from which score on, and how many (see `langsmith.address`). `notify` is called with a summary.

    Messages become role dicts, whatever form LangSmith keeps them in. Ids are LangSmith's. Attachments are left out,
    and a conversation that ends with the answer is taken as it is: `notify` is called with a warning that names them.

    Raises `ExampleError`.
    """
    if not is_address(source):
        return _load(source, name, notify)
    address = parse(source)
    if isinstance(address, RunsAddress):
        found, summary = read_runs(address)
        notify(summary)
    else:
        found = read_dataset(address)
    return _load(found, name, notify)


def _load(source: Any, name: str, notify: Callable[[str], None]) -> tuple[Example, ...]:
    """Loads examples that are at hand, and warns of attachments, and of conversations that have ended."""
    if isinstance(source, Dataset):
        raise ExampleError(
            f"The {name} is the LangSmith data set {source.name!r} itself, which does not hold its examples. "
            f"Give 'langsmith:{source.name}', or list(client.list_examples(dataset_id=...))."
        )
    attached: list[bool] = []
    if not isinstance(source, str | Path | Mapping) and isinstance(source, Iterable):
        source = list(source)
        attached = [bool(_attachments(item)) for item in source]
    examples = load_examples(source, name)
    if any(attached):
        rows = _listed([one for one, has in zip(examples, attached, strict=True) if has])
        notify(
            f"These examples of the {name} have attachments, which are left out: {rows}. A graph that needs a file "
            "must find it by its inputs."
        )
    if ended := [one for one in examples if one.outputs is None and _has_ended(one.inputs)]:
        notify(
            f"These examples of the {name} have no reference outputs, and their messages end with the assistant's "
            f"answer: {_listed(ended)}. The graph goes on after that answer; if it should give it, move it to the "
            "outputs."
        )
    return examples


def _listed(examples: Sequence[Example]) -> str:
    """The names of examples in a sentence, at most three of them."""
    more = f" and {len(examples) - 3} more" if len(examples) > 3 else ""
    return ", ".join(map(in_message, examples[:3])) + more


def _has_ended(inputs: Mapping[str, Any]) -> bool:
    """Whether a conversation of several turns in the inputs ends with an answer, rather than with a call of a tool."""
    conversations = [value for value in inputs.values() if _conversation(value) and len(value) > 1]
    last = [value[-1] for value in conversations]
    return any(one["role"] in ("assistant", "ai") and not one.get("tool_calls") for one in last)


def _conversation(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) and isinstance(one.get("role"), str) and "content" in one for one in value)
    )


def _attachments(item: Any) -> Any:
    return item.get("attachments") if isinstance(item, Mapping) else getattr(item, "attachments", None)


def sets_of(
    trainset: Any, valset: Any, testset: Any, *, seed: int, run: Path | str | None, notify: Callable[[str], None]
) -> tuple[Examples, dict[str, str]]:
    """Reads the three sets, and returns the LangSmith addresses of those that were given by address beside them.

    A run that was started with the same addresses keeps the examples that it read then, since data sets and projects
    go on changing. Without `valset` the training examples are halved.
    """
    named = {"training": trainset, "validation": valset, "test": testset}
    sources = {name: source for name, source in named.items() if is_address(source)}
    if kept := examples_in(run, sources):
        notify(f"Going on with the examples that {run} has: LangSmith is not asked again.")
        if "training" in sources:
            trainset, valset = kept.feedback, kept.pareto if valset is None else valset
        valset = kept.pareto if "validation" in sources else valset
        testset = kept.test if "test" in sources else testset
    feedback = examples_of(trainset, _called(trainset, "trainset", "training set"), notify)
    if valset is None:
        feedback, pareto = split(feedback, seed)
    elif is_address(valset) and valset == trainset:  # read twice, a project with traffic gives two sets
        pareto = feedback
    else:
        pareto = examples_of(valset, _called(valset, "valset", "validation set"), notify)
    test = () if testset is None else examples_of(testset, _called(testset, "testset", "test set"), notify)
    return Examples(feedback, pareto, test), sources


def _called(source: Any, argument: str, name: str) -> str:
    """What errors call a set: a list is the caller's argument, and a file or an address may come from an option."""
    return name if isinstance(source, str | Path) else argument

"""HotpotQA for `graphs/hotpotqa.py`: a shipped sample, the full set from its public home, and the metric.

    trainset(), valset(), testset()    40, 30 and 30 questions that ship with the project
    metric                             exact match, with feedback for each of the four prompts
    python evals/hotpotqa.py DIR       writes train, val, test and corpus files drawn from the full set

HotpotQA (Yang et al., EMNLP 2018, https://hotpotqa.github.io) is under CC BY-SA 4.0; see
`data/hotpotqa/NOTICE.md`.
"""

from __future__ import annotations

import argparse
import calendar
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matching import exact_match, named, normalized, quoted, shortened
from sources import WIKIPEDIA, Source, cache_folder, fetched, read_lines, wikipedia, write_lines

from langgraph_gepa import Feedback

SAMPLE = Path(__file__).parent / "data" / "hotpotqa"
MONTHS = frozenset(calendar.month_name[1:])


TRAIN = Source(
    "http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_train_v1.1.json",
    566426227,
    "26650cf50234ef5fb2e664ed70bbecdfd87815e6bffc257e068efea5cf7cd316",
)
DEV = Source(
    "http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_dev_distractor_v1.json",
    46320117,
    "4e9ecb5c8d3b719f624d66b60f8d56bf227f03914f5f0753d6fa1b359d7104ea",
)


def trainset() -> list[dict[str, Any]]:
    """The shipped questions to learn from, as examples: `inputs`, `outputs`, `metadata`."""
    return read_lines(SAMPLE / "train.jsonl")


def valset() -> list[dict[str, Any]]:
    """The shipped questions to choose candidates by."""
    return read_lines(SAMPLE / "val.jsonl")


def testset() -> list[dict[str, Any]]:
    """The shipped questions to measure the outcome on."""
    return read_lines(SAMPLE / "test.jsonl")


def questions(path: Path) -> list[dict[str, Any]]:
    """The official file's questions, as they stand there. The training file takes 3 GB of memory."""
    with path.open(encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    return rows


def example(row: Mapping[str, Any]) -> dict[str, Any]:
    """A question of an official file as an example. Facts whose sentence is not in the context are left out."""
    sentences = {(title, i): text for title, context in row["context"] for i, text in enumerate(context)}
    facts = [
        {"title": title, "sentence": sentences[title, i].strip()}
        for title, i in row["supporting_facts"]
        if (title, i) in sentences
    ]
    return {
        "inputs": {"question": row["question"]},
        "outputs": {"answer": row["answer"], "facts": facts},
        "metadata": {"id": row["_id"], "type": row["type"], "level": row["level"]},
    }


def contexts(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    """The passages that come with the questions (ten each, two of them needed), each title once."""
    seen: set[str] = set()
    for row in rows:
        for title, sentences in row["context"]:
            if title not in seen:
                seen.add(title)
                yield {"title": title, "text": "".join(sentences).strip()}


def draw(folder: Path, *, train: int, val: int, test: int, seed: int = 0, whole_wikipedia: bool = False) -> None:
    """Writes `train.jsonl`, `val.jsonl`, `test.jsonl` and `corpus.jsonl` to `folder`.

    As in the paper, train and val are drawn from the hard questions of the training file, test from
    the development file. The corpus is the contexts of the questions drawn, or the whole of Wikipedia.
    """
    home = cache_folder("hotpotqa")
    hard = [row for row in questions(fetched(TRAIN, home)) if row["level"] == "hard"]
    learn = random.Random(f"{seed}:train").sample(hard, train + val)
    held = random.Random(f"{seed}:test").sample(questions(fetched(DEV, home)), test)
    corpus = wikipedia(fetched(WIKIPEDIA, home)) if whole_wikipedia else contexts([*learn, *held])
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "train.jsonl", map(example, learn[:train]))
    write_lines(folder / "val.jsonl", map(example, learn[train:]))
    write_lines(folder / "test.jsonl", map(example, held))
    write_lines(folder / "corpus.jsonl", corpus)


def metric(outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]) -> Feedback:
    """Exact match, and for each of the graph's four prompts what it had, what it kept and what it lost.

    `outputs` is the final state of `graphs/hotpotqa.py`, `reference_outputs` the `answer` and the
    `facts` (`title`, `sentence`) that support it.
    """
    state = outputs or {}
    given, gold = str(state.get("answer", "")), str(reference_outputs["answer"])
    facts = reference_outputs["facts"]
    right = exact_match(given, gold)
    first, second = state.get("passages1", ()), state.get("passages2", ())
    summary1, summary2 = state.get("summary1", ""), state.get("summary2", "")
    found1 = [fact for fact in facts if _holds(first, fact["title"])]
    found2 = [fact for fact in facts if _holds(second, fact["title"])]
    owed2 = [fact for fact in found2 if lost(fact["sentence"], summary1)]
    return Feedback(
        score=float(right),
        comment=f"Right: {gold!r}." if right else f"Wrong: the answer is {gold!r}; given was {shortened(given)!r}.",
        by_module={
            "summarize1": f"{_hop(1, facts, first)} {_on_summary(found1, summary1)}",
            "create_query_hop2": _on_query(facts, state),
            "summarize2": f"{_hop(2, facts, second)} {_on_summary(owed2, summary2)}",
            "answer": _on_answer(given, gold, not any(lost(fact["sentence"], summary1 + summary2) for fact in facts)),
        },
    )


def _holds(passages: Iterable[str], title: str) -> bool:
    return any(passage.startswith(f"{title} | ") for passage in passages)


def _titles(facts: Sequence[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(fact["title"] for fact in facts))


def _hop(number: int, facts: Sequence[Mapping[str, str]], passages: Sequence[str]) -> str:
    found = [title for title in _titles(facts) if _holds(passages, title)]
    missing = [title for title in _titles(facts) if title not in found]
    told = f"Hop {number} found {quoted(found) or 'none of the passages needed'}"
    return f"{told}, not {quoted(missing)}." if missing else f"{told}: all that is needed."


def _on_summary(facts: Sequence[Mapping[str, str]], summary: str) -> str:
    if not facts:
        return "Nothing in its passages had to be kept."
    told = []
    for fact in facts:
        if words := lost(fact["sentence"], summary):
            numbers = [word for word in words if word in MONTHS or any(c.isdigit() for c in word)]
            names = [word for word in words if word[0].isupper() and word not in numbers]
            details = f"; names left out: {', '.join(names)}" if names else ""
            details += f"; dates and numbers left out: {', '.join(numbers)}" if numbers else ""
            told.append(f"The summary left out a fact needed from {fact['title']!r}: {fact['sentence']!r}{details}.")
    return " ".join(told) or "The summary keeps every fact needed."


def _on_query(facts: Sequence[Mapping[str, str]], state: Mapping[str, Any]) -> str:
    query, summary = state.get("query2", ""), state.get("summary1", "")
    missing = [title for title in _titles(facts) if not _holds(state.get("passages1", ()), title)]
    if not missing:
        return "The first search had already found every passage needed."
    told = []
    for title in missing:
        if _holds(state.get("passages2", ()), title):
            told.append(f"The query found the missing passage {title!r}.")
        elif named(title, query):
            told.append(f"The query names {title!r} but did not find its passage: too many other words.")
        elif named(title, summary):
            told.append(f"The query did not find {title!r}: the summary names it, the query does not.")
        else:
            told.append(f"The query did not find {title!r}, and the summary does not name it.")
    return f"The query was {shortened(query)!r}. " + " ".join(told)


def _on_answer(given: str, gold: str, informed: bool) -> str:
    if exact_match(given, gold):
        return f"The answer {gold!r} is right."
    told = f"The right answer is {gold!r}; given was {shortened(given)!r}."
    said, meant = normalized(given).split(), normalized(gold).split()
    if meant in (["yes"], ["no"]):
        told += " The question wants the one word yes or no."
    elif set(meant) <= set(said) or len(said) > len(meant) + 5:
        told += f" It says in {len(said)} words what takes {len(meant)}: only the exact short answer counts."
    elif 2 * len(set(said) & set(meant)) >= max(len(said), len(meant)):
        told += " It gives the right thing in another form than the passages do."
    return f"{told} The summaries {'hold every fact needed' if informed else 'lack facts that are needed'}."


def lost(sentence: str, summary: str) -> list[str]:
    """The telling words of `sentence` that `summary` lacks, in order; empty when it keeps at least two thirds."""
    kept = set(normalized(summary).split())
    words = [w for w in dict.fromkeys(re.findall(r"\w[\w'’,.-]*\w|\w", sentence)) if _telling(w)]
    missing = [word for word in words if not set(normalized(word).split()) <= kept]
    return missing if 3 * len(missing) > len(words) else []


def _telling(word: str) -> bool:
    return word[0].isupper() or any(c.isdigit() for c in word) or len(word) > 4


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draws train, val, test and corpus files from the full HotpotQA.")
    parser.add_argument("folder", type=Path)
    for split, size in {"train": 150, "val": 300, "test": 300}.items():
        parser.add_argument(f"--{split}", type=int, default=size, help=f"questions (the paper has {size})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wikipedia", action="store_true", help="the paper's corpus (1.5 GB to download)")
    asked = parser.parse_args(argv)
    sizes = {"train": asked.train, "val": asked.val, "test": asked.test}
    draw(asked.folder, **sizes, seed=asked.seed, whole_wikipedia=asked.wikipedia)


if __name__ == "__main__":
    main()

"""HoVer for `graphs/hover.py`: a shipped sample, the full set from its public home, and the metric.

    trainset(), valset(), testset()    the claims and questions that ship with the project
    metric                             all gold pages found, with feedback for each of the four prompts
    python evals/hover.py DIR          writes train, val, test and corpus files drawn from the full set

HoVer (Jiang et al., Findings of EMNLP 2020, https://hover-nlp.github.io) is under the MIT licence,
the passages of Wikipedia under CC BY-SA 4.0; see `data/hover/NOTICE.md`.
"""

from __future__ import annotations

import argparse
import json
import random
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matching import named, normalized, quoted, shortened
from sources import WIKIPEDIA, Source, cache_folder, fetched, read_lines, wikipedia, write_lines

from langgraph_gepa import Feedback
from langgraph_gepa.errors import ExampleError

SAMPLE = Path(__file__).parent / "data" / "hover"
PAGES = 3  # that a claim of the paper's splits needs
HOPS = 3

TRAIN = Source(
    "https://raw.githubusercontent.com/hover-nlp/hover/39b84697f196308f398a251a7aea9b82ae0f0562"
    "/data/hover/hover_train_release_v1.1.json",
    9205582,
    "1f1cd57abd616fa00c70bdc575ce77c16fc6cf1a6cffd5ff87c208030a336bb6",
)


def trainset() -> list[dict[str, Any]]:
    """The shipped claims to learn from, as examples: `inputs`, `outputs`, `metadata`."""
    return read_lines(SAMPLE / "train.jsonl")


def valset() -> list[dict[str, Any]]:
    """The shipped claims to choose candidates by."""
    return read_lines(SAMPLE / "val.jsonl")


def testset() -> list[dict[str, Any]]:
    """The shipped claims to measure the outcome on."""
    return read_lines(SAMPLE / "test.jsonl")


def example(row: Mapping[str, Any]) -> dict[str, Any]:
    """A claim of an official file as an example."""
    return {
        "inputs": {"claim": row["claim"]},
        "outputs": {"titles": _gold(row)},
        "metadata": {"id": row["uid"], "label": row["label"], "source": "hover"},
    }


def _gold(row: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(title for title, _ in row["supporting_facts"]))


def draw(folder: Path, *, train: int, val: int, test: int, seed: int = 0, share: float = 1.0) -> None:
    """Writes `train.jsonl`, `val.jsonl`, `test.jsonl` and `corpus.jsonl` to `folder`.

    As in the paper's code, all are drawn from the claims of the training file that need three pages.
    Other than there, one claim at most is drawn of those that were made from the same question, so
    that no two splits hold variants of one claim. The corpus is Wikipedia: the pages needed, and
    `share` of all others. Raises `ExampleError`.
    """
    rows = json.loads(fetched(TRAIN, cache_folder("hover")).read_text(encoding="utf-8"))
    rows = [row for row in rows if len(_gold(row)) == PAGES]
    random.Random(f"{seed}:claims").shuffle(rows)
    claims = list({row["hpqa_id"]: row for row in rows}.values())
    if len(claims) < train + val + test:
        raise ExampleError(f"HoVer has {len(claims)} claims to draw from; {train + val + test} were asked for.")
    drawn = [example(row) for row in claims[: train + val + test]]
    pages = wikipedia(fetched(WIKIPEDIA, cache_folder("hotpotqa")))
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "train.jsonl", drawn[:train])
    write_lines(folder / "val.jsonl", drawn[train : train + val])
    write_lines(folder / "test.jsonl", drawn[train + val :])
    write_lines(folder / "corpus.jsonl", _thinned(pages, drawn, share, random.Random(f"{seed}:corpus")))


def _thinned(
    pages: Iterable[dict[str, str]], examples: Iterable[Mapping[str, Any]], share: float, rng: random.Random
) -> Iterator[dict[str, str]]:
    needed = {_key(title) for example in examples for title in example["outputs"]["titles"]}
    return (page for page in pages if rng.random() < share or _key(page["title"]) in needed)


def _key(title: str) -> str:
    """What the official comparison of titles goes by: decomposed characters, and what `normalized` leaves of them."""
    return normalized(unicodedata.normalize("NFD", title))


def metric(outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]) -> Feedback:
    """Whether all gold pages are among those retrieved, and for each of the graph's prompts what it led to.

    `outputs` is the final state of `graphs/hover.py`, `reference_outputs` the `titles` of the pages
    that hold the evidence.
    """
    state, gold = outputs or {}, list(reference_outputs["titles"])
    missing = [_missing(gold, state, hop) for hop in range(HOPS + 1)]
    after = [f"after hop {hop} found {_list(gold, missing[hop])}" for hop in range(1, HOPS + 1)]
    return Feedback(
        score=float(not missing[HOPS]),
        comment=f"{'All pages found' if not missing[HOPS] else 'Pages are missing'}: {'; '.join(after)}.",
        by_module={
            "summarize1": _on_summary(1, gold, missing, state),
            "create_query_hop2": _on_query(2, gold, missing, state),
            "summarize2": _on_summary(2, gold, missing, state),
            "create_query_hop3": _on_query(3, gold, missing, state),
        },
    )


def _missing(gold: Sequence[str], state: Mapping[str, Any], hops: int) -> list[str]:
    """The gold titles that the first `hops` hops did not find."""
    passages = [passage for hop in range(1, hops + 1) for passage in state.get(f"passages{hop}", ())]
    found = {_key(passage.partition(" | ")[0]) for passage in passages}
    return [title for title in gold if _key(title) not in found]


def _list(gold: Sequence[str], missing: Sequence[str]) -> str:
    found = quoted(title for title in gold if title not in missing) or "none"
    return f"{found}, missing {quoted(missing)}" if missing else f"{found}, missing none"


def _on_summary(hop: int, gold: Sequence[str], missing: Sequence[Sequence[str]], state: Mapping[str, Any]) -> str:
    head = f"After hop {hop} found: {_list(gold, missing[hop])}."
    if not missing[hop]:
        return f"{head} Nothing was left to find."
    passages, summary = "\n".join(state.get(f"passages{hop}", ())), state.get(f"summary{hop}", "")
    return " ".join([head, *(_summary_of(title, title in missing[HOPS], passages, summary) for title in missing[hop])])


def _summary_of(title: str, lost: bool, passages: str, summary: str) -> str:
    if not lost:
        return f"Later queries found {title!r}, with the help of the summary."
    if named(title, summary):
        return f"The summary names {title!r}, and no later query found it."
    if named(title, passages):
        return f"The summary left out the name {title!r}, which its passages mention, and no later query found it."
    return f"The passages do not name {title!r}; the summary left out the facts that lead to it, or there were none."


def _on_query(hop: int, gold: Sequence[str], missing: Sequence[Sequence[str]], state: Mapping[str, Any]) -> str:
    wanted, query = missing[hop - 1], state.get(f"query{hop}", "")
    if not wanted:
        return f"Before this query every page had been found: {quoted(gold)}."
    known = " ".join(state.get(f"summary{n}", "") for n in range(1, hop))
    lines = [_query_for(title, title in missing[hop], query, known) for title in wanted]
    return f"The query was {shortened(query)!r}. {' '.join(lines)} After hop {hop} found: {_list(gold, missing[hop])}."


def _query_for(title: str, lost: bool, query: str, known: str) -> str:
    if not lost:
        return f"The query found the missing page {title!r}."
    if named(title, query):
        return f"The query names {title!r} but did not find its page: too many other words."
    if named(title, known):
        return f"The query did not find {title!r}: the summary names it, the query does not."
    return f"The query did not find {title!r}, and the summary does not name it."


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draws train, val, test and corpus files from the full HoVer.")
    parser.add_argument("folder", type=Path)
    for split, size in {"train": 150, "val": 300, "test": 300}.items():
        parser.add_argument(f"--{split}", type=int, default=size, help=f"claims (the paper has {size})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="of Wikipedia's 5.2 million pages to keep beside those needed (the paper keeps all; 1.5 GB to download)",
    )
    asked = parser.parse_args(argv)
    sizes = {"train": asked.train, "val": asked.val, "test": asked.test}
    draw(asked.folder, **sizes, seed=asked.seed, share=asked.share)


if __name__ == "__main__":
    main()

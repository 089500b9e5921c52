"""Reads what a search starts with beside the graph's own texts: earlier runs, files of prompts, texts by module."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.rollout.fingerprint import text_part
from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ports import Evaluator
from langgraph_gepa.errors import PlaceholderError, UsageError
from langgraph_gepa.report.words import plural
from langgraph_gepa.runs.config import GIVEN_TEXTS, RunConfig
from langgraph_gepa.runs.prompts import prompts_of
from langgraph_gepa.runs.result import Result
from langgraph_gepa.runs.resume import listed, same_start
from langgraph_gepa.runs.saved_run import SavedRun, read_settings
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.search.selection import surviving
from langgraph_gepa.store.folder import DATABASE

MOST = 5
"""Candidates taken from an earlier run: its best one, then the others that survive pruning (Alg. 2), best first."""

CARRYING = "carrying"
"""The key of a run's settings under which it notes what is left to take over."""

Known = tuple[Texts, Example, int, Rollout]
"""Texts, an example, and which rollout of the two it is, from 0."""


@dataclass(frozen=True, slots=True)
class WarmStart:
    """The candidates that a search starts with, beside the seed.

    - `sources`: the names of what was given as `start` (see `_name`), which is itself in `given`.
    - `texts`: the candidates' texts, each for all modules under optimisation.
    - `kept`: whether the texts are those that the run read when it was first started.
    """

    sources: tuple[str, ...] = ()
    texts: tuple[Texts, ...] = ()
    given: tuple[Any, ...] = ()
    kept: bool = False

    def runs(self) -> dict[str, SavedRun]:
        """Reads the earlier runs among the sources that still exist, by name; their rollouts may be carried over."""
        found = {name: _run(one) for name, one in zip(self.sources, self.given, strict=True)}
        return {name: run for name, run in found.items() if run is not None}

    def left(self, settings: Mapping[str, Any], identity: str) -> list[str]:
        """Returns the sources of which an earlier session of the run with this identity may not have taken over all.

        The session noted it in the run's settings (see `carrying`); if it did not get that far, it may be those that
        are gone since.
        """
        noted = settings.get(CARRYING)
        if isinstance(noted, Mapping) and noted.get("identity") == identity and isinstance(noted.get("left"), list):
            return [str(name) for name in noted["left"]]
        places = [name for name in self.sources if self.kept and not name.startswith(GIVEN_TEXTS)]
        return [name for name in places if not (Path(name).is_file() or (Path(name) / DATABASE).exists())]

    @property
    def message(self) -> str:
        """A sentence for the user on how many candidates the search starts with; empty without `start`."""
        if not self.sources:
            return ""
        candidates = plural(len(self.texts), "candidate") if self.texts else "no candidate"
        ending = "" if self.texts else ": all texts given are the graph's own"
        return f"The search starts with {candidates} from {listed(self.sources)} beside the graph as it is{ending}."


def carrying(identity: str, left: Iterable[str]) -> dict[str, Any]:
    """What a run with this identity notes in its settings: the sources of which it may not have taken over all."""
    return {CARRYING: {"identity": identity, "left": list(left)}}


def not_taken_over(lost: Sequence[str], carried: int) -> str:
    """Says that sources are gone of which a run was to take over more rollouts than the `carried` ones."""
    are, them = ("is", "it") if len(lost) == 1 else ("are", "them")
    return (
        f"{listed(lost)} {are} gone, and this run was stopped before it had taken over all rollouts: it has "
        f"{plural(carried, 'rollout')}, and pays for the others. To avoid that, stop it, put {them} back and start it "
        "again."
    )


def warm_start(start: Any, run: Path | str | None, evaluator: Evaluator, found: Sequence[Module]) -> WarmStart:
    """Reads `start`, as `optimize` takes it. `found` are all modules of the graph.

    A run that was started with the same sources keeps the texts that it read then: an earlier run may have gone on
    since, or be gone. Raises `UsageError` for what holds no texts and for texts of modules that are not optimised, and
    `PlaceholderError` for texts that their modules cannot take.
    """
    given = sources_of(start)
    if not given:
        return WarmStart()
    named = tuple(map(_name, given))
    if run is not None and (own := [name for name in named if Path(name).resolve() == Path(run).resolve()]):
        raise UsageError(
            f"start={own[0]!r} is the folder of this run itself. To go on with it, leave `start` out; to start a new "
            "run from it, give another folder with `run=` (`--run`)."
        )
    if (kept := _kept(run, named)) is not None:
        for texts in kept:
            _complete("", texts, evaluator, found)
        return WarmStart(named, kept, tuple(given), kept=True)
    complete = [_complete(label, texts, evaluator, found) for one in given for label, texts in _labelled(one)]
    unique = {texts_key(texts): texts for texts in complete}
    unique.pop(texts_key({module.name: module.text for module in evaluator.modules}), None)
    return WarmStart(named, tuple(unique.values()), tuple(given))


def places_of(start: Any) -> list[Path | str]:
    """Returns the folders and files that `start` names."""
    given = (one.folder if isinstance(one, SavedRun) else one for one in sources_of(start))
    return [one for one in given if isinstance(one, str | Path)]


def sources_of(start: Any) -> list[Any]:
    """Returns the sources in `start` as a list. Raises `UsageError` for one that cannot hold prompts."""
    if start is None:
        return []
    given = list(start) if isinstance(start, list | tuple) else [start]
    wrong = [one for one in given if not isinstance(one, str | Path | Result | SavedRun | Mapping) or one in ("", {})]
    if wrong or not given:
        raise UsageError(
            f"start={(wrong or [start])[0]!r} holds no prompts. Give an earlier run (its folder or result), a "
            "prompts.json, texts by module name, or a list of these; or leave it out."
        )
    return [one.saved if isinstance(one, Result) else one for one in given]


def rollouts_known(config: RunConfig, runs: Sequence[SavedRun], rules: Rules) -> Iterator[Known]:
    """Yields the rollouts of the seed and of `config.start` that `runs` paid for and this run can use.

    A rollout can be used if texts, example content, graph, models and metric are the same. Each pair of texts and
    example gets at most as many as the rules repeat it. Rollouts on training examples are left out unless the rules
    reuse them.
    """
    seed = {module.name: module.text for module in config.found if module.name in config.modules}
    wanted = {_behaviour(config, texts): texts for texts in (seed, *config.start)}
    sets = (config.examples.pareto, config.examples.test, *([config.examples.feedback] if rules.reuse else []))
    examples = {example.digest: example for given in sets for example in given}
    counts: Counter[tuple[str, str]] = Counter()
    for run in runs:
        behaviours = {candidate.key: _behaviour(run.config, candidate.texts) for candidate in run.pool.candidates}
        with run.rollouts() as load:
            for behaviour, content, ledger in _paid(run, behaviours):
                texts, example, number = wanted.get(behaviour), examples.get(content), counts[behaviour, content]
                if texts is None or example is None or number == rules.repeats:
                    continue
                if (rollout := load(ledger)) is not None:
                    counts[behaviour, content] += 1
                    yield texts, example, number, rollout


def _paid(run: SavedRun, behaviours: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yields each rollout of a run's candidates once: the candidate's behaviour, the example's content, its key."""
    ids = {subset: {one.id: one.digest for one in given} for subset, given in run.config.examples.by_subset.items()}
    ids["gate"] = ids["pareto"]
    keys: set[str] = set()
    for _, event in run.events:
        if isinstance(event, RolloutFinished) and event.texts in behaviours and event.ledger not in keys:
            keys.add(event.ledger)
            yield behaviours[event.texts], ids[event.subset][event.example], event.ledger


def why_unknown(config: RunConfig, run: SavedRun) -> str:
    """Says why no rollout of `run` is carried over; empty where some may be."""
    if not run.own:
        return f"somebody else started {run.folder}"
    if not run.config.parts:
        return f"an earlier version started {run.folder}"
    before, now = map(_settled, (run.config, config))
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return f"{listed(changed)} changed since {run.folder}" if changed else ""


def _behaviour(config: RunConfig, texts: Texts) -> str:
    """Names all that a rollout depends on besides its example: the parts of the graph, with `texts` in their places."""
    return digest(dict(config.parts) | dict(_text_parts(config, texts)))


def _text_parts(config: RunConfig, texts: Texts) -> Iterator[tuple[str, str]]:
    for module in config.found:
        if module.name in texts:
            yield text_part(replace(module, text=texts[module.name]))


def _settled(config: RunConfig) -> dict[str, str]:
    """The parts of the graph that no candidate changes."""
    texts = {text_part(module)[0] for module in config.found if module.name in config.modules}
    return {name: value for name, value in config.parts.items() if name not in texts}


def _name(source: Any) -> str:
    """Returns the name under which a source is persisted: its path, or a digest of its texts."""
    if isinstance(source, Mapping):
        return f"{GIVEN_TEXTS}{digest(dict(source))}"
    return str(source.folder if isinstance(source, SavedRun) else source)


def _run(source: Any) -> SavedRun | None:
    """Returns the earlier run if the source is one, or names the folder of one; otherwise `None`."""
    if isinstance(source, SavedRun):
        return source
    is_run = isinstance(source, str | Path) and (Path(source) / DATABASE).exists()
    return SavedRun.open(source) if is_run else None


def _labelled(source: Any) -> list[tuple[str, Texts]]:
    """Returns the texts that a source holds, each with a name for messages."""
    if (run := _run(source)) is None:
        return [("" if isinstance(source, Mapping) else str(source), prompts_of(source))]
    return [(f"candidate #{candidate.id} of {run.folder}", candidate.texts) for candidate in _best_of(run)]


def _best_of(run: SavedRun) -> list[Candidate]:
    best, pool = run.best, run.pool
    others = sorted(surviving(pool).keys() - {best.id}, key=lambda id: (-pool.worths[id], id))
    return [best, *(pool.candidates[id] for id in others[: MOST - 1])]


def _complete(label: str, given: Texts, evaluator: Evaluator, found: Sequence[Module]) -> Texts:
    """Returns texts for all modules under optimisation, the graph's own where none is given."""
    of = f" of {label}" if label else ""
    texts = {module.name: module.text for module in evaluator.modules}
    for name, text in given.items():
        if name not in texts:
            _require_unchanged(name, text, of, found)
        elif text != texts[name]:
            if broken := evaluator.check(name, text) if text.strip() else "it is empty":
                raise PlaceholderError(
                    f"The text for {name}{of} cannot be used as a start: {broken}. Correct it, or leave it out."
                )
            texts[name] = text
    return texts


def _require_unchanged(name: str, text: str, of: str, found: Sequence[Module]) -> None:
    """Raises `UsageError` for a text that the search would not use."""
    known = {module.name: module for module in found}
    if name in known and known[name].text == text:
        return
    if name in known:
        raise UsageError(
            f"The start has a text for {name}{of}, which this run does not optimise. Take the module in "
            f'(modules=..., --only), or leave its text out (start={{"<module>": "<text>"}}).'
        )
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else "."
    raise UsageError(
        f"The start has a text for {name!r}{of}, and the graph has no such module{meant} Its modules: "
        f'{", ".join(known)}. Give the texts under their names today (start={{"<module>": "<text>"}}), or leave it out.'
    )


def _kept(run: Path | str | None, named: tuple[str, ...]) -> tuple[Texts, ...] | None:
    """Returns the texts that the run in a folder was started with, if it read them from these sources."""
    found = read_settings(Path(run)) if run is not None else None
    if found is None:
        return None
    settings, config = found
    return config.start if config.started_from == named and same_start(config, settings) else None

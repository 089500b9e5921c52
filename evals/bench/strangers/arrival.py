"""Whether a changed text reaches a model: a mark is put into it, and looked for in what the bound graph sends."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.placeholders import literals
from langgraph_gepa.errors import Error as OurError
from strangers.labels import plain
from strangers.loopback import strings
from strangers.marks import mark, marked, marks
from strangers.running import Runs

Fate = Literal["arrived", "lost", "not sent", "unclear"]
"""Of a module's mark. `lost`: the unbound runs sent the module's text, the bound ones no mark. `not sent`: no unbound
run sent the text. `unclear`: the words that were sent stand in another module's text as well, whose mark arrived."""

_WORDS = 6


@dataclass(frozen=True, slots=True)
class Bound:
    """What came of binding several modules at once: whose marks arrived, who could not be bound and why, and the
    milliseconds each took by itself; the calls, and what is to be noted of their runs."""

    arrived: frozenset[str]
    errors: Mapping[str, str]
    times: Sequence[float]
    calls: Sequence[str]
    notes: Sequence[str]

    @property
    def median(self) -> float | None:
        return statistics.median(self.times) if self.times else None


def bound(found: Survey, modules: Sequence[Module], runs: Runs) -> Bound:
    """Binds every module with a mark of its own, each alone for the time and all at once for the runs."""
    texts, times, errors = {}, [], {}
    for place, module in enumerate(modules):
        text = marked(module, mark(place))
        started = time.process_time()
        try:
            found.bind({module.name: text})
        except (OurError, TypeError, ValueError, AttributeError, KeyError) as failed:
            errors[module.name] = f"{type(failed).__name__}: {failed}"[:300]
            continue
        times.append((time.process_time() - started) * 1000)
        texts[module.name] = text
    notes: list[str] = []
    calls = runs.calls(found.bind(texts), notes) if texts else []
    places = set[int]().union(*map(marks, calls))
    return Bound(frozenset(modules[place].name for place in places), errors, times, calls, notes)


def bound_alone(found: Survey, modules: Sequence[Module], runs: Runs) -> frozenset[str]:
    """The modules whose marks arrive when each is bound by itself: one mark may send the graph past another's text."""
    return frozenset[str]().union(*(bound(found, [one], runs).arrived for one in modules))


def fates(
    found: Survey, modules: Sequence[Module], arrived: AbstractSet[str], before: Sequence[str], runs: Runs
) -> dict[str, Fate]:
    """What becomes of each module's mark; of some it is known to have `arrived`.

    The others are bound together, then one by one.
    """
    sent = [plain(" ".join(strings(json.loads(call)))) for call in before]
    known = arrived | bound(found, [one for one in modules if one.name not in arrived], runs).arrived
    doubtful = [one for one in modules if one.name not in known and any(words_of(one) in said for said in sent)]
    known |= bound_alone(found, doubtful, runs)
    others = [plain(one.text) for one in found.modules if one.name in known]
    return {one.name: _fate(one, known, sent, others) for one in modules}


def _fate(module: Module, arrived: AbstractSet[str], sent: Sequence[str], others: Sequence[str]) -> Fate:
    words = words_of(module)
    if module.name in arrived:
        return "arrived"
    if not words or not any(words in said for said in sent):
        return "not sent"
    return "unclear" if any(words in other for other in others) else "lost"


def words_of(module: Module) -> str:
    """The first words between two placeholders, or the longest such stretch where none has that many."""
    parts = [plain(part) for part in literals(module.text, module.style, module.placeholders)]
    full = next((part for part in parts if len(part.split()) >= _WORDS), None)
    return " ".join((full or max(parts, key=len, default="")).split()[:_WORDS])

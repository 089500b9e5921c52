"""Proves whether a module's new text reaches a model, from rollouts that were run anyway.

A recorded rollout is run again with a mark at the end of each text and the models' replies replayed, which costs no
model call. A text whose mark arrives takes effect. One that arrives without its mark is a copy that was made before the
change, such as a schema that was frozen when a model was bound.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from langchain_core.outputs import ChatGeneration, LLMResult

from langgraph_gepa.adapter.discovery.survey import Survey
from langgraph_gepa.adapter.observed.sightings import seen
from langgraph_gepa.adapter.rollout.marked_replay import Bind, MarkedReplay, Recording
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout
from langgraph_gepa.adapter.tracing.payloads import first_generation
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.reflection.relevance import ran_unseen

_MAX_RECORDINGS = 3
"""How many recordings are kept for a module before it is left undecided."""


class Effects:
    """Decides for each module of `names`, once, whether a new text of it takes effect.

    `keep` takes rollouts as they end and records those that can decide something; `settle` replays them. `bind` makes
    the graph with other texts. `arrived` are the modules whose new texts were seen to reach a model, whether or not the
    recorded calls were attributed to them; `None` until a replay succeeded.
    """

    def __init__(self, survey: Survey, names: Iterable[str], bind: Bind, options: RunnerOptions) -> None:
        self._survey = survey
        self._bind = bind
        self._options = options
        self._names = tuple(names)
        self._undecided = dict.fromkeys(self._names)
        self._kept: Counter[str] = Counter()
        self._recordings: list[Recording] = []
        self._lock = asyncio.Lock()
        self.arrived: set[str] | None = None

    def keep(self, texts: Texts, example: Example, unscored: UnscoredRollout, rollout: Rollout) -> None:
        """Records a rollout that used undecided modules; `rollout` has its calls attributed to modules.

        A rollout is left out if models may have been called without LangChain: they would really be called again.
        """
        used = {name for call in rollout.calls for name in call.modules if self._kept[name] < _MAX_RECORDINGS}
        used &= self._undecided.keys()
        if not used or unscored.error is not None or not all(map(_is_replayable, unscored.watched)):
            return
        if not self._has_unseen_calls(texts, rollout):
            self._kept.update(used)
            self._recordings.append(Recording(texts, example, unscored.watched, rollout.calls, frozenset(used)))

    def _has_unseen_calls(self, texts: Texts, rollout: Rollout) -> bool:
        """Whether a node that uses one of the modules ran, and no call that carries its text was seen."""
        modules = [module for module in self._survey.modules if module.name in self._names]
        carried = seen(rollout.calls, modules, {one.name: texts.get(one.name, one.text) for one in modules})
        return any(module.name not in carried and ran_unseen(module, rollout) for module in modules)

    async def settle(self) -> dict[str, NoEffect]:
        """Returns the modules that the recordings prove to have no effect. None of them is returned again."""
        async with self._lock:
            found: dict[str, NoEffect] = {}
            while self._recordings and self._undecided:
                recording = self._recordings.pop()
                if not recording.used & self._undecided.keys():
                    continue
                replay = MarkedReplay(recording, self._survey, self._bind, self._options)
                verdicts = await replay.verdicts(list(self._undecided))
                if verdicts:
                    self.arrived = (self.arrived or set()) | {
                        name for name, reason in verdicts.items() if reason is None
                    }
                for name, reason in verdicts.items():
                    if reason is None:
                        found.pop(name, None)
                        self._undecided.pop(name, None)
                    else:
                        found[name] = reason
            self._recordings.clear()
            for name in found:
                self._undecided.pop(name, None)
            return found


def _is_replayable(watched: WatchedCall) -> bool:
    """Whether a call can be replayed, as one of a model that completes plain text cannot."""
    return not isinstance(watched.outcome, LLMResult) or isinstance(first_generation(watched.outcome), ChatGeneration)

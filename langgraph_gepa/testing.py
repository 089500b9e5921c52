"""Fakes for the ports of the engine, and the contract of stores as tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Charged,
    ChildrenProposed,
    Event,
    ExamplesDrawn,
    ExampleSetAside,
    GoalsGiven,
    IterationFinished,
    IterationStarted,
    ModelTried,
    ModulesChosen,
    ModulesLeftOut,
    OpinionFinished,
    ReflectionFinished,
    RolloutCarried,
    RolloutFinished,
    RunFinished,
    RunStarted,
    ScaleGiven,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.media import Medium
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.ports import Reply, Store

Score = Callable[[Texts, Example], float | Feedback | Exception]


class FakeEvaluator:
    """An `Evaluator` that scores rollouts by `score` of the texts and the example; an exception fails the candidate.

    Each rollout has one model call per module that is `used` on the example, which carries the module's text and
    answers with the score, and costs `usage`; the nodes that ran are `start` and theirs. `seed` is the modules, or
    their texts by name. `pace` is awaited before a rollout ends, so that a test can hold it or fail it as the world
    does; without it the others get a turn. `started` and `finished` list key of texts and id of example, in order.
    """

    def __init__(
        self,
        seed: Iterable[Module] | Texts,
        score: Score,
        *,
        fingerprint: str = "fake",
        usage: Usage = Usage(10, 5, 0.001),
        check: Callable[[str, str], str | None] = lambda _module, _text: None,
        pace: Callable[[Texts, Example], Awaitable[None]] | None = None,
        used: Callable[[str, Example], bool] = lambda _module, _example: True,
    ) -> None:
        if isinstance(seed, Mapping):
            seed = (Module(name, "prompt", text, nodes=(name,)) for name, text in seed.items())
        self.modules: tuple[Module, ...] = tuple(seed)
        self.fingerprint = fingerprint
        self.started: list[tuple[str, str]] = []
        self.finished: list[tuple[str, str]] = []
        self._score = score
        self._check = check
        self._usage = usage
        self._pace = pace
        self._used = used

    def check(self, module: str, text: str) -> str | None:
        return self._check(module, text)

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        what = (texts_key(texts), example.id)
        self.started.append(what)
        await (asyncio.sleep(0) if self._pace is None else self._pace(texts, example))
        scored = self._score(texts, example)
        error = str(scored) if isinstance(scored, Exception) else None
        scored = 0.0 if isinstance(scored, Exception) else scored
        feedback = scored if isinstance(scored, Feedback) else Feedback(float(scored), error or f"scored {scored}")
        used = {name: text for name, text in texts.items() if self._used(name, example)}
        calls = tuple(_call(name, text, example, feedback) for name, text in used.items())
        self.finished.append(what)
        outputs = None if error else {"score": feedback.score}
        return Rollout(example.id, outputs, feedback, calls, self._usage, 1.0, error, nodes=("start", *used))


def _call(name: str, text: str, example: Example, feedback: Feedback) -> Call:
    messages = [{"role": "system", "content": text}, {"role": "user", "content": str(dict(example.inputs))}]
    answer = {"role": "assistant", "content": str(feedback.score)}
    return Call("model", name, "fake", messages, answer, modules=(name,))


class FakeLanguageModel:
    """A `LanguageModel` that answers from a function of the prompt, or from a script, reply by reply.

    A reply that is an exception is raised. `prompts` lists what was asked, in order, and `media` what was
    sent along with each. A script that is at its end raises `RuntimeError`.
    """

    def __init__(
        self,
        replies: Callable[[str], str | Exception] | Iterable[str | Exception],
        *,
        usage: Usage = Usage(100, 50, 0.01),
    ) -> None:
        self.prompts: list[str] = []
        self.media: list[tuple[Medium, ...]] = []
        self._script = None if callable(replies) else iter(replies)
        self._answer = replies if callable(replies) else self._next
        self._usage = usage

    async def complete(
        self,
        prompt: str,
        *,
        longer: bool = False,  # noqa: ARG002 - the port's name
        media: Sequence[Medium] = (),
    ) -> Reply:
        self.prompts.append(prompt)
        self.media.append(tuple(media))
        await asyncio.sleep(0)
        reply = self._answer(prompt)
        if isinstance(reply, Exception):
            raise reply
        return Reply(reply, self._usage, 1.0)

    def _next(self, _prompt: str) -> str | Exception:
        for reply in self._script or ():
            return reply
        raise RuntimeError(f"the script of replies ends before prompt {len(self.prompts)}")


JOURNAL: tuple[Event, ...] = (
    RunStarted({"planner": "Plan.", "writer": "Write {answer}."}, ("a", "b"), ("c", "d"), ("e",)),
    RolloutFinished(0, "t0", "c", "pareto", 0.0, Usage(7, 3, None), 1.5, "r0", "no answer"),
    CandidateAdmitted(0, Candidate(0, {"planner": "Plan.", "writer": "Write {answer}."})),
    IterationFinished(0, "accepted"),
    IterationStarted(1, (0,), ("a", "b", "a")),
    ModulesChosen(1, 0, ("planner",)),
    RolloutFinished(1, "t0", "a", "feedback", 0.25, Usage(7, 3, 0.001), 1.5, "r1"),
    ReflectionFinished(1, "planner", Usage(700, 300, 0.1), 9.0, "m1"),
    CandidateAdmitted(1, Candidate(1, {"planner": "Plan \N{EN DASH} twice.\0", "writer": "\ud800"}, (0,))),
    IterationFinished(1, "accepted", "", (0.25, 0.5), (0.5, 0.5)),
    IterationStarted(2, (1, 0), ("c",), 0, {"planner": "Plan.", "writer": "\ud800"}),
    IterationFinished(2, "rejected", "no better", (0.5,), (0.25,)),
    RunFinished("30 rollouts spent"),
    Charged("r2", Usage(70, 30, None), "the process died under it"),
    IterationStarted(3, (1,), (), lineage="joint"),
    ExamplesDrawn(3, "t1", "feedback", ("b",)),
    RolloutFinished(3, "t1", "b", "feedback", 0.5, Usage(), 0.0, "r3", reused=True),
    ModulesChosen(3, 1, ("planner", "writer"), ("a", "b")),
    ModulesLeftOut({"planner": "stale", "writer": "breaks"}),
    ChildrenProposed(3, ({"planner": "Plan thrice."},), {"writer": "refused"}, {"writer": "lost {answer}"}, 1),
    Charged("r4", Usage(70, 30, 0.25, 100), "the process died under it"),
    ModelTried(Usage(30, 2, None), 0.5, "m2"),
    ChildrenProposed(3, (), {"writer": "refused"}, {"writer": "lost {answer}"}, refused={"writer": "Write."}),
    IterationFinished(3, "skipped", before=(0.5, 0.5), cause="no_texts"),
    IterationFinished(4, "accepted", "", (0.25,), (0.5,), "stopped", 6),
    Charged("r5", Usage(70, 30, 0.25), "TimeoutError", "failed"),
    ScaleGiven(0.0, -5.0),
    GoalsGiven({"dollars": "min"}),
    RolloutCarried("r6"),
    IterationStarted(5, (0,), (), texts={"planner": "Plan.", "writer": "Write {answer} well."}),
    CandidateAdmitted(5, Candidate(2, {"planner": "Plan.", "writer": "Write {answer} well."}, (0,), given=True)),
    IterationFinished(5, "accepted", cause="start", ran=2),
    OpinionFinished(3, Usage(400, 60, 0.02), 3.0, "o1"),
    ChildrenProposed(
        3,
        ({"planner": "Plan it."},),
        {"writer": "doubted"},
        opinions={"planner": Opinion(0.75), "writer": Opinion(0.1, ("repeats", "bloats"))},
    ),
    ModelTried(Usage(30, 2, None), 0.5, "o0", critic=True),
    ExampleSetAside("pareto", "d", "WorldFailure"),
)
"""A journal with every type of event. It only ever grows at the end: runs kept from old versions begin like it."""

PAID = Rollout(
    "c",
    {"messages": [{"role": "assistant", "content": "\N{SNOWMAN}\0\udfff"}], "n": [1, 2.5, None, True]},
    Feedback(0.25, "wrong", {"planner": "too short"}, {"brevity": 1.0}),
    (Call("tool", "planner", "search", {"query": "x"}, ["y"], None, Usage(), 0.5, ("planner",)),),
    Usage(7, 3, None),
    1.5,
    "no answer",
)
"""A rollout with every field filled in."""


class StoreContract:
    """What every `Store` must do, as tests. Subclass it in a test module, with `open_store`.

    >>> class TestMemoryStore(StoreContract):
    ...     def open_store(self, folder: Path) -> Store:
    ...         return MemoryStore()
    """

    def open_store(self, folder: Path) -> Store:
        """A new store; `folder` is empty, and the test's own."""
        raise NotImplementedError

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        """Nothing was paid for, nothing happened, nothing is set."""
        store = self.open_store(tmp_path)
        _same((list(store.events()), store.settings(), store.paid("r0")), ([], {}, None))
        store.close()

    def test_the_journal_keeps_every_event_in_order(self, tmp_path: Path) -> None:
        """Events come back equal, in the order of appending, each with its time, as often as asked."""
        store = self.open_store(tmp_path)
        for index, event in enumerate(JOURNAL):
            store.append(event, index / 4)
        expected = [(index / 4, event) for index, event in enumerate(JOURNAL)]
        _same(list(store.events()), expected)
        _same(list(store.events()), expected)
        store.close()

    def test_time_may_stand_still_or_jump(self, tmp_path: Path) -> None:
        """The order is that of appending, whatever the clock."""
        store = self.open_store(tmp_path)
        for at in (5.0, 5.0, 1e9, 0.0):
            store.append(RunFinished(str(at)), at)
        _same([at for at, _ in store.events()], [5.0, 5.0, 1e9, 0.0])
        store.close()

    def test_what_is_paid_for_is_found_by_its_key_and_is_in_the_journal(self, tmp_path: Path) -> None:
        """`pay` writes the entry and the event; other keys stay unpaid."""
        store = self.open_store(tmp_path)
        store.pay("r0", dump(PAID), JOURNAL[1], 2.0)
        _same(load(Rollout, store.paid("r0") or ""), PAID)
        _same(list(store.events()), [(2.0, JOURNAL[1])])
        _same(store.paid("r1"), None)
        store.close()

    def test_entries_of_any_size_and_any_characters_come_back(self, tmp_path: Path) -> None:
        """An entry is text, empty or of megabytes, with NUL, with lone surrogates."""
        store = self.open_store(tmp_path)
        entries = ["", "\0a\0", "\ud800 \udfff", "\N{SNOWMAN}" * 1_000_000]
        for index, entry in enumerate(entries):
            store.pay(str(index), entry, JOURNAL[1], 0.0)
        _same([store.paid(str(index)) for index in range(len(entries))], entries)
        store.close()

    def test_a_key_paid_twice_keeps_its_entry_and_counts_twice(self, tmp_path: Path) -> None:
        """What was used stays what it was, and what was spent is never forgotten."""
        store = self.open_store(tmp_path)
        store.pay("r0", "first", JOURNAL[1], 0.0)
        store.pay("r0", "second", JOURNAL[1], 1.0)
        _same((store.paid("r0"), len(list(store.events()))), ("first", 2))
        store.close()

    def test_a_note_lasts_until_its_call_is_paid_or_charged(self, tmp_path: Path) -> None:
        """The last note of a key counts; paying or charging strikes it, and no other."""
        store = self.open_store(tmp_path)
        for key, tokens in (("r0", 1), ("r1", 2), ("r0", 3), ("r2", 4)):
            store.note(key, Usage(tokens, tokens, None if key == "r1" else 0.5, tokens))
        notes = {"r0": Usage(3, 3, 0.5, 3), "r1": Usage(2, 2, None, 2), "r2": Usage(4, 4, 0.5, 4)}
        _same(store.notes(), notes)
        store.pay("r0", "entry", JOURNAL[1], 0.0)
        store.charge("r1", JOURNAL[-1], 1.0)
        store.charge("unknown", JOURNAL[-1], 1.0)
        _same(store.notes(), {"r2": notes["r2"]})
        _same([event for _, event in store.events()], [JOURNAL[1], JOURNAL[-1], JOURNAL[-1]])
        store.close()

    def test_a_restart_leaves_one_event_and_everything_paid_for(self, tmp_path: Path) -> None:
        """The journal begins anew, and goes on from there; entries and notes are as they were."""
        store = self.open_store(tmp_path)
        for index, event in enumerate(JOURNAL[:6]):
            store.append(event, index / 4)
        store.pay("r0", "entry", JOURNAL[1], 2.0)
        store.note("r1", Usage(1, 2, None))
        charged = Charged("", Usage(7, 3, None), "the metric", "restarted")
        store.restart(charged, 3.0)
        _same(
            (list(store.events()), store.paid("r0"), store.notes()),
            ([(3.0, charged)], "entry", {"r1": Usage(1, 2, None)}),
        )
        store.append(JOURNAL[0], 4.0)
        _same(list(store.events()), [(3.0, charged), (4.0, JOURNAL[0])])
        store.close()

    def test_an_iterator_keeps_to_the_journal_it_began_on(self, tmp_path: Path) -> None:
        """Appending while reading neither ends nor prolongs the reading."""
        store = self.open_store(tmp_path)
        store.append(JOURNAL[0], 0.0)
        seen = []
        for at, _ in store.events():
            seen.append(at)
            store.append(JOURNAL[-1], at + 1)
        _same((seen, len(list(store.events()))), ([0.0], 2))
        store.close()

    def test_settings_merge_key_by_key(self, tmp_path: Path) -> None:
        """A key given replaces its whole value; others stay; plain JSON comes back."""
        store = self.open_store(tmp_path)
        first: dict[str, Any] = {"seed": 0, "budget": {"rollouts": 30, "dollars": None}, "graph": "a.py:\N{SNOWMAN}"}
        store.configure(first)
        store.configure({"budget": {"rollouts": 60}})
        store.configure({})
        _same(store.settings(), first | {"budget": {"rollouts": 60}})
        store.close()

    def test_what_goes_in_is_not_what_the_caller_still_holds(self, tmp_path: Path) -> None:
        """Changing a value after handing it over, or after getting it, changes nothing in the store."""
        store = self.open_store(tmp_path)
        texts, limits = {"planner": "Plan."}, {"rollouts": 30}
        store.append(RunStarted(texts, (), ()), 0.0)
        store.configure({"budget": limits})
        texts["planner"], limits["rollouts"] = "", 0
        store.settings()["budget"]["rollouts"] = 1
        _same([event for _, event in store.events()], [RunStarted({"planner": "Plan."}, (), ())])
        _same(store.settings(), {"budget": {"rollouts": 30}})
        store.close()

    def test_closing_twice_is_closing_once(self, tmp_path: Path) -> None:
        """`close` can stand in every `finally`."""
        store = self.open_store(tmp_path)
        store.close()
        store.close()


def _same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found!r}\nis not\n{expected!r}")

"""The process that `kill.py` kills: a real graph whose models are ChatOpenAI over HTTP, and what its runs may have."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, TypedDict

from accounts import REFUSED
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph

from langgraph_gepa.api import optimize
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.example import digest
from langgraph_gepa.errors import WorldFailure
from langgraph_gepa.runs import job
from langgraph_gepa.store.folder import DATABASE

TRAIN = [{"inputs": {"question": f"What is {n} and {n}?"}} for n in range(8)]
VAL = [{"inputs": {"question": f"What is {n} times {n}?"}} for n in range(6)]
PLANNER = "Make a plan for the question. Keep it short."
WRITER = "Answer the question by the plan. Say only the answer."


class State(TypedDict, total=False):
    question: str
    plan: str
    answer: str


def graph(url: str, **settings: Any) -> Any:
    """A synchronous and an asynchronous node with a model call each."""
    model = ChatOpenAI(model="simulated", base_url=url, api_key="none", **settings)

    def plan(state: State) -> State:
        return {"plan": model.invoke([("system", PLANNER), ("user", state["question"])]).text}

    async def write(state: State) -> State:
        said = f"{state['question']}\n{state['plan']}"
        return {"answer": (await model.ainvoke([("system", WRITER), ("user", said)])).text}

    builder = StateGraph(State)
    builder.add_node("plan", plan)
    builder.add_node("write", write)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "write")
    return builder.compile()


def luck(outputs: dict[str, Any]) -> tuple[float, str]:
    """Each answer is good or bad for good; which, nobody can tell from the prompt."""
    score = int(digest(outputs["answer"]), 16) % 5 / 4
    return score, f"worth {score}"


def moody(outputs: dict[str, Any]) -> tuple[float, str]:
    """Scores the same answer differently each time, and a rollout that is run again after a kill as before."""
    with closing(sqlite3.connect(DATABASE)) as db:
        (entries,) = db.execute("SELECT count(*) FROM ledger").fetchone()
    mood = Random(f"{entries}").choice((-0.25, 0.0, 0.25))
    score, feedback = luck(outputs)
    return min(1.0, max(0.0, score / 2 + 0.25 + mood)), feedback


def refusing(inputs: dict[str, Any], outputs: dict[str, Any]) -> tuple[float, str]:
    """Gives no verdict on one example of each set."""
    if inputs["question"].startswith(REFUSED):
        raise WorldFailure("no verdict")
    return luck(outputs)


EXTRAS: dict[str, dict[str, Any]] = {
    "critic": {},
    "repeats": {"repeats": 2},
    "noisy": {"metric": moody},
    "objectives": {"objectives": {"score": 1, "tokens": "min", "prompt_length": "min"}},
    "start": {},
    "refused": {"metric": refusing},
}
"""Arguments of `optimize` by the name of what a run has besides; some depend on the server or the folder."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the runs are run. `extras` names what they have besides (`EXTRAS`), `start` is the run they begin with."""

    search: str
    iterations: int
    concurrency: int
    in_flight: int
    extras: tuple[str, ...] = ()
    start: str | None = None

    @property
    def lanes(self) -> int:
        """Calls under way at once: a rollout makes one after the other, an iteration one for each module it edits."""
        reflections = 2 * self.in_flight
        return max(self.concurrency, reflections) if self.in_flight == 1 else self.concurrency + reflections


def life(folder: str, url: str, way: Way) -> None:
    """What the killed process does: the same call every time."""
    job.WORLD = replace(job.WORLD, first=0.01, outage=0.5)  # no provider is ever down here
    Path(folder).mkdir(exist_ok=True)
    os.chdir(folder)  # where the moody metric looks
    more: dict[str, Any] = {"metric": luck}
    for extra in way.extras:
        more |= EXTRAS[extra]
    if "critic" in way.extras:
        more["critic_lm"] = ChatOpenAI(model="critic", base_url=url, api_key="none")
    optimize(
        graph(url), TRAIN, VAL, reflection_lm=ChatOpenAI(model="reflector", base_url=url, api_key="none"),
        budget=Budget(iterations=way.iterations), run=folder, search=way.search, concurrency=way.concurrency,
        in_flight=way.in_flight, start=way.start, progress=False, **more,
    )  # fmt: skip

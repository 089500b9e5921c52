"""kill -9 at random moments: what was paid for is neither lost nor paid for again.

    python evals/bench/kill.py --kills 50
    python evals/bench/kill.py --kills 50 --search racing --concurrency 8 --in-flight 4
    python evals/bench/kill.py --kills 50 --search racing --concurrency 8 --in-flight 4 --stall 1.5
    python evals/bench/kill.py --kills 6 --search racing --with critic objectives refused

A process optimises a real graph whose models are ChatOpenAI over HTTP; the simulated server lives
in this process and lists what it answers. The process is killed and started again until the run is
done, then another run begins, until there were enough kills. After each kill the run's accounts must
be the server's, but for the calls that were under way: of each rollout or reflection at most the last
one, answered no earlier than just before the process was last seen to run. When a run has ended they
must be exact, and with one iteration in flight it must be the run that nobody interrupted. Prints a
table and exits with 1 when any of that does not hold. `--stall` stops the process for so many seconds
before it is killed, as a busy machine does.

`--with` names what the runs have besides: a `critic`; `repeats` of each rollout, or a `noisy` metric, with which racing
repeats what it is unsure of; `objectives`; the `start` from an earlier run; an example that the judge always `refused`,
which is set aside.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import cast

from accounts import REFUSED, Asked, CountingServer, adds_up, books, last_of_each, not_kept, outcome, paid
from killed import EXTRAS, TRAIN, VAL, Way, graph, life

from langgraph_gepa.api import discover
from langgraph_gepa.core.events import (
    Charged,
    Event,
    ExampleSetAside,
    OpinionFinished,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.runs.arguments import SEARCHES
from langgraph_gepa.search.pool import Pool

JUST = 1.0
"""Seconds before the last sign of life in which an answer may have gone unread."""


@dataclass
class Tally:
    """What was found. The five after the calls must be 0."""

    kills: int = 0
    runs: int = 0
    rollouts: int = 0
    run_again: int = 0
    reflections: int = 0
    opinions: int = 0
    carried: int = 0
    set_aside: int = 0
    charges: int = 0
    kills_with_calls_unknown: int = 0
    most_unknown_tokens: int = 0
    most_under_way: int = 0
    repeated_rollouts: int = 0
    repeated_reflections: int = 0
    repeated_opinions: int = 0
    wrong_accounts: int = 0
    different_runs: int = 0
    moments: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        repeated = self.repeated_rollouts + self.repeated_reflections + self.repeated_opinions
        return not (repeated + self.wrong_accounts + self.different_runs)


class Bench:
    def __init__(
        self, server: CountingServer, kills: int, way: Way, seed: int, folder: Path, stall: float = 0.0
    ) -> None:
        self.server = server
        self.way = way
        self.kills = kills
        self.stall = stall
        self.folder = folder
        self.rng = Random(seed)
        self.processes = multiprocessing.get_context("forkserver")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the fork server must find this very file
        self.processes.set_forkserver_preload([Path(__file__).stem])
        self.tally = Tally()

    def run(self) -> Tally:
        earlier = self.folder / "earlier"
        self._alive(earlier).join()  # the fork server imports everything once
        if "start" in self.way.extras:
            self.way = replace(self.way, start=str(earlier))
        whole = self.folder / "whole"
        began = time.perf_counter()
        self._alive(whole).join()
        lasted = time.perf_counter() - began
        print(f"uninterrupted: {lasted:.1f} s", file=sys.stderr)
        known = books(whole).events
        expected, carried = outcome(known), Pool.replay(known).spent.carried
        while self.tally.kills < self.kills:
            events = self._killed_until_done(self.folder / f"run-{self.tally.runs}", lasted / 4)
            self._count(events)
            self.tally.wrong_accounts += Pool.replay(events).spent.carried != carried
            if self.way.in_flight == 1:
                self.tally.different_runs += outcome(events) != expected
        return self.tally

    def _alive(self, folder: Path) -> BaseProcess:
        process = self.processes.Process(target=life, args=(str(folder), self.server.base_url, self.way))
        process.start()
        return process

    def _killed_until_done(self, folder: Path, longest: float) -> Sequence[Event]:
        """One run. What a life asked for and did not get to keep is lost with it, and must be on the account."""
        self.server.log.clear()
        lost: Counter[str] = Counter()
        missing, ended = 0, False
        given_up: set[str] = set()
        while not ended:
            first, process = len(self.server.log), self._alive(folder)
            moment = self._wait(process, longest)
            killed, ended = time.monotonic(), process.exitcode is not None
            if not ended:
                if self.stall:
                    os.kill(cast("int", process.pid), signal.SIGSTOP)
                    time.sleep(self.stall)
                process.kill()
                process.join()
                self.tally.kills += 1
                self.tally.moments.append(moment)
            elif process.exitcode:
                raise RuntimeError(f"the run failed (exit {process.exitcode})")
            self._settle()
            known = books(folder)
            asked = self.server.log[first:]
            cut = not_kept(asked, Counter(a.name for a in self.server.log) - known.kept - lost)
            lost += Counter(one.name for one in cut)
            self.tally.repeated_rollouts += sum(one.question in given_up for one in asked)
            given_up = set_aside(known.events)
            short = sum(one.tokens for one in self.server.log) - known.tokens - missing
            missing += short
            if ended:
                self._whole(short, cut)
            else:
                # On a busy machine a process may stand still for seconds, with answers before it that it never read.
                self._unknown(short, last_of_each(cut), min(killed, max((a.begun for a in asked), default=killed)))
        return known.events

    def _whole(self, short: int, cut: Sequence[Asked]) -> None:
        """A life that came to the end keeps all it asked for; more was asked for again."""
        self.tally.wrong_accounts += short != 0
        self.tally.repeated_rollouts += sum(one.model == "simulated" and not self._is_refused(one) for one in cut)
        self.tally.repeated_reflections += sum(one.model == "reflector" for one in cut)
        self.tally.repeated_opinions += sum(one.model == "critic" for one in cut)

    def _is_refused(self, asked: Asked) -> bool:
        """Whether it was for a rollout that no run can keep."""
        return bool(asked.question) and "refused" in self.way.extras

    def _unknown(self, short: int, ends: Sequence[Asked], alive: float) -> None:
        """What a killed life's account lacks is exactly some of those under way when it was last alive."""
        recent = [one for one in ends if one.answered > alive - JUST]
        ends = [one for one in ends if one in recent or not self._is_refused(one)]
        under_way = [one.tokens for one in recent]
        right = len(ends) <= self.way.lanes and adds_up(short, under_way)
        if not right:
            print(f"{short} tokens are missing, of calls under way of {under_way}, {len(ends)} ends", file=sys.stderr)
        self.tally.wrong_accounts += not right
        self.tally.kills_with_calls_unknown += short > 0
        self.tally.most_unknown_tokens = max(self.tally.most_unknown_tokens, short)
        self.tally.most_under_way = max(self.tally.most_under_way, len(under_way))

    def _wait(self, process: BaseProcess, longest: float) -> float:
        """Until the process ends or its moment has come: one in five while it may still be starting."""
        began, asked = time.perf_counter(), len(self.server.log)
        if self.tally.kills >= self.kills:
            process.join()
        elif self.rng.random() > 0.2:
            while len(self.server.log) == asked and process.exitcode is None:
                process.join(0.005)
        if process.exitcode is None:
            process.join(self.rng.uniform(0, longest))
        return time.perf_counter() - began

    def _settle(self) -> None:
        """Until the server has nothing left from the dead process."""
        quiet = 0
        while quiet < 5:
            time.sleep(0.01)
            quiet = 0 if self.server.under_way else quiet + 1

    def _count(self, events: Sequence[Event]) -> None:
        rollouts = [e.ledger for e in paid(events) if isinstance(e, RolloutFinished)]
        replies = [e.ledger for e in paid(events) if isinstance(e, ReflectionFinished)]
        opinions = [e.ledger for e in paid(events) if isinstance(e, OpinionFinished)]
        self.tally.runs += 1
        self.tally.rollouts += len(rollouts)
        self.tally.run_again += run_again(events)
        self.tally.reflections += len(replies)
        self.tally.opinions += len(opinions)
        self.tally.carried += Pool.replay(events).spent.carried
        self.tally.set_aside += sum(isinstance(e, ExampleSetAside) for e in events)
        self.tally.charges += sum(isinstance(e, Charged) for e in events)
        self.tally.repeated_rollouts += len(rollouts) - len(set(rollouts))
        self.tally.repeated_reflections += len(replies) - len(set(replies))
        self.tally.repeated_opinions += len(opinions) - len(set(opinions))


def set_aside(events: Sequence[Event]) -> set[str]:
    """The questions of the examples that a run leaves out from now on."""
    sets = {"feedback": TRAIN, "pareto": VAL}
    left_out = {e.subset for e in events if isinstance(e, ExampleSetAside)}
    return {
        example["inputs"]["question"]
        for subset, given in sets.items()
        for example in given
        if subset in left_out and example["inputs"]["question"].startswith(REFUSED)
    }


def run_again(events: Sequence[Event]) -> int:
    """How many rollouts were paid for beyond the first of the same prompts, example and set."""
    pairs = Counter((e.texts, e.example, e.subset) for e in paid(events) if isinstance(e, RolloutFinished))
    return pairs.total() - len(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=12, help="of each run")
    parser.add_argument("--search", choices=list(SEARCHES), default="gepa")
    parser.add_argument("--concurrency", type=int, default=1, help="rollouts at once")
    parser.add_argument("--in-flight", type=int, default=1, help="iterations under way at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.005, help="seconds the simulated model takes to answer")
    parser.add_argument("--stall", type=float, default=0.0, help="seconds that a process stands still before a kill")
    parser.add_argument("--with", dest="extras", nargs="*", choices=list(EXTRAS), default=[], help="what runs have")
    asked = parser.parse_args()
    if "refused" in asked.extras and {"noisy", "start"} & {*asked.extras}:
        # With a start too little is run between two refusals to show that the world is up, and the run stops.
        parser.error("refused goes with neither noisy, as a run has one metric, nor start")
    way = Way(asked.search, asked.iterations, asked.concurrency, asked.in_flight, tuple(asked.extras))
    with tempfile.TemporaryDirectory(prefix="kill-") as folder, CountingServer(asked.latency) as server:
        tally = Bench(server, asked.kills, way, asked.seed, Path(folder), asked.stall).run()
    moments = tally.moments
    print(json.dumps(asdict(tally) | {"moments": f"{min(moments):.3f} to {max(moments):.3f} s into the process"}))
    sys.exit(0 if tally.clean else 1)


if __name__ == "__main__":
    main()
else:
    discover(graph("http://127.0.0.1:1/v1"))  # in the fork server: every process it forks starts warm

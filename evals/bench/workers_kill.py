"""kill -9 of a server and of the client, in a search over two LangGraph Servers: exact accounts, the same prompts.

    python evals/bench/workers_kill.py
    python evals/bench/workers_kill.py --rollouts 60

Graph, models and accounts as in `kill.py`; needs the extra `server`. The search is run in one process first. Then a
client runs it over two processes of `langgraph dev`. After a third of the calls one of them is killed with -9; after
two thirds the client is, while its rollouts go on at the servers; then the first server is started again, on its old
files, and so is the client, until the run is done. Prints what was found and exits with 1 unless

- the run is the one that nobody interrupted, call by call (one iteration in flight),
- no rollout is paid twice in the journal, and what was answered twice belongs to the rollouts that were under way on
  the server when it was killed: nothing is paid twice for the client's own kill,
- every token that a model answered is in the accounts, but for the calls under way on that server, whose answers nobody
  was there to read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from accounts import CountingServer, adds_up, books, outcome, paid
from dev_servers import DevServer, start, wait
from killed import TRAIN, VAL, graph, luck
from langchain_openai import ChatOpenAI

from langgraph_gepa.api import optimize
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import RolloutFinished

LONGEST_ROLLOUT = 5.0
"""Seconds; a rollout makes two calls."""
SERVED = """
from killed import graph, luck
from langgraph_gepa import serve

rollouts = serve(graph({url!r}), metric=luck)
"""


def life(folder: str, url: str, rollouts: int, search: str, workers: list[str]) -> None:
    """What the client does, every time."""
    optimize(
        graph(url), TRAIN, VAL, metric=luck, reflection_lm=ChatOpenAI(model="reflector", base_url=url, api_key="none"),
        budget=Budget(rollouts=rollouts), run=folder, search=search, concurrency=12, in_flight=1, workers=workers,
        progress=bool(workers),
    )  # fmt: skip


class Play:
    """The whole sequence, and what was found of it."""

    def __init__(self, models: CountingServer, folder: Path, rollouts: int, search: str) -> None:
        self.models, self.folder, self.rollouts, self.search = models, folder, rollouts, search
        self.found: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        self._client("local", []).join()
        calls = len(self.models.log)
        self.found["local"] = {"seconds": round(time.monotonic() - began, 1), "calls": calls}
        local = books(self.folder / "local")
        self.models.log.clear()
        program = SERVED.format(url=self.models.base_url)
        servers = [start(self.folder / name, program, jobs=8) for name in ("one", "two")]
        try:
            for server in servers:
                wait(server)
            self._interrupted(servers, calls, program)
        finally:
            for server in servers:
                server.kill()
        remote = books(self.folder / "remote")
        self.found["the same run"] = outcome(remote.events) == outcome(local.events)
        keys = [event.ledger for event in paid(remote.events) if isinstance(event, RolloutFinished)]
        self.found["rollouts"], self.found["paid twice in the journal"] = len(keys), len(keys) - len(set(keys))
        return self.found

    def _interrupted(self, servers: list[DevServer], calls: int, program: str) -> None:
        began = time.monotonic()
        urls = [server.url for server in servers]
        client = self._client("remote", urls)
        self._until(calls // 3, client)
        cut_at = time.monotonic()
        servers[0].kill()
        print(f"one server killed after {len(self.models.log)} calls", file=sys.stderr)
        self._until(2 * calls // 3, client)
        client.kill()
        client.join()
        print(f"the client killed after {len(self.models.log)} calls", file=sys.stderr)
        servers[0] = wait(start(servers[0].folder, program, jobs=8, port=servers[0].port))
        time.sleep(2.0)  # what the client left under way ends at the servers meanwhile
        client = self._client("remote", urls)
        client.join()
        self.found["remote"] = {"seconds": round(time.monotonic() - began, 1), "calls": len(self.models.log)}
        self.found["client ended well"] = client.exitcode == 0
        self._compare(cut_at)

    def _compare(self, cut_at: float) -> None:
        """Holds what the models answered against the journal. The reflection model's first call is no reflection."""
        known, log = books(self.folder / "remote"), [one for one in self.models.log if one.model == "simulated"]
        surplus = Counter(one.name for one in log) - known.kept
        # The server's last calls of each kind, not those that were made again later.
        by_age = sorted(log, key=lambda one: (one.begun > cut_at, -one.begun))
        lost = []
        for one in by_age:
            if surplus[one.name] > 0:
                surplus[one.name] -= 1
                lost.append(one)
        short = sum(one.tokens for one in self.models.log) - known.tokens
        recent = [one for one in lost if cut_at - LONGEST_ROLLOUT < one.begun <= cut_at]
        self.found["calls of rollouts that were cut with the server"] = len(recent)
        self.found["other calls that were paid for twice"] = len(lost) - len(recent)
        self.found["tokens not in the accounts"] = short
        under_way = [one.tokens for one in recent if one.answered > cut_at]
        self.found["calls under way at the kill of the server"] = len(under_way)
        self.found["the missing tokens are theirs"] = adds_up(short, under_way)

    def _client(self, name: str, workers: list[str]) -> BaseProcess:
        arguments = (str(self.folder / name), self.models.base_url, self.rollouts, self.search, workers)
        process = multiprocessing.get_context("spawn").Process(target=life, args=arguments)
        process.start()
        return process

    def _until(self, calls: int, client: BaseProcess) -> None:
        """Waits for so many calls, and then for a moment in which some are under way."""
        while client.exitcode is None and (len(self.models.log) < calls or self.models.under_way < 2):
            time.sleep(0.005)
        if client.exitcode is not None:
            raise RuntimeError(f"the client ended by itself (exit {client.exitcode})")


def is_clean(found: dict[str, Any]) -> bool:
    return (
        found["the same run"]
        and found["client ended well"]
        and not found["paid twice in the journal"]
        and not found["other calls that were paid for twice"]
        and found["the missing tokens are theirs"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=300)
    parser.add_argument("--search", choices=("gepa", "racing"), default="gepa")
    parser.add_argument("--latency", type=float, default=0.2, help="seconds the simulated model takes to answer")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workers-") as folder, CountingServer(asked.latency) as models:
        found = Play(models, Path(folder), asked.rollouts, asked.search).run()
    print(json.dumps(found, indent=2))
    sys.exit(0 if is_clean(found) else 1)


if __name__ == "__main__":
    main()

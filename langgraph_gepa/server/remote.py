"""`RemoteEvaluator`: the engine's evaluator whose rollouts run on servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from langgraph_gepa.adapter.failures.diagnosis import findings
from langgraph_gepa.adapter.failures.reported import ReportedFailure
from langgraph_gepa.adapter.rollout.redaction import Mask, masked_rollout
from langgraph_gepa.adapter.tracing.traces import run_traced
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.reason import NoEffect
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.meter import Attempt, meter, paying
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.engine.purpose import purpose
from langgraph_gepa.errors import PlaceholderError, UsageError
from langgraph_gepa.server.common_description import description_of, not_the_same, refusal
from langgraph_gepa.server.conversation import Place, ServerLostError, ask, forget, joined, threads_of
from langgraph_gepa.server.description import differences
from langgraph_gepa.server.protocol import Reply, Request, Wanted, error_named
from langgraph_gepa.server.workers import Worker, Workers, each

Check = Callable[[str, str], str | None]


class RemoteEvaluator:
    """Runs candidates on servers that serve the same graph; the engine's port `Evaluator`.

    Each rollout has a thread of its own on its server. The thread's id is derived from the `session` and the rollout's
    key in the ledger, so that a rollout which outlives the client is found again and not paid for twice. A server that
    does not answer rests, its rollouts are tried on others, and `notify` is called with a message about it.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        modules: Sequence[Module],
        fingerprint: str,
        parts: Mapping[str, str],
        versions: Mapping[str, str],
        check: Check,
        mask: Mask,
    ) -> None:
        self.modules = tuple(modules)
        self.fingerprint = fingerprint
        self.parts = parts
        self.check = check
        self.notify: Callable[[str], None] = lambda _: None
        self._session = uuid4().hex
        self._workers = workers
        self._versions = versions
        self._mask = mask
        self._asked: set[str] = set()
        self._tidying: set[asyncio.Task[None]] = set()
        self._no_effect: set[str] = set()

    async def begin(self, session: str, notify: Callable[[str], None]) -> None:
        """Starts or resumes a search: looks for rollouts that an earlier process left on the servers."""
        self._session, self.notify = session, notify
        for silent in (one for one in self._workers.all if not one.known):
            notify(f"The server at {silent.url} does not answer. It is tried again later.")
        for worker, found in await each([one for one in self._workers.all if one.known], self._threads):
            if isinstance(found, Exception):
                self._rest(worker, found)
            else:
                worker.left = found

    async def end(self) -> None:
        """Waits until the threads that are no longer needed are deleted on the servers."""
        await asyncio.gather(*self._tidying)

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        """Returns one scored rollout, and raises what the local evaluator raises on its server."""
        attempt = paying()
        thread = None if attempt is None else str(uuid5(UUID(self._session), attempt.key))
        here = (one for one in self._workers.all if thread in one.left and not one.failures)
        worker = next(here, None) or self._workers.next()
        place = Place(worker, thread)
        with self._busy(worker):
            await self._check_again(worker)
            if attempt is not None and (reply := await self._left(place, attempt)) is not None:
                return self._outcome(reply, place, example)
            self._asked |= {thread} if thread else set()
            request = self._request("rollout", texts=texts, example=example, **_labels(example))
            return await self._ask(place, request, example)

    async def without_effect(self) -> Mapping[str, NoEffect]:
        """Returns the modules whose new texts have no effect, each once.

        A server judges by the rollouts that it ran itself. A module is returned if some server proved that its texts
        have no effect and no server saw one arrive.
        """
        request = self._request("effects")
        answers = await each(
            [one for one in self._workers.all if one.known and not one.failures],
            lambda worker: ask(Place(worker), request),
        )
        replies = [reply for _, reply in answers if isinstance(reply, Reply) and reply.error is None]
        arrived = {name for reply in replies for name in reply.arrived}
        found = {name: why for reply in replies for name, why in reply.no_effect.items()}
        found = {name: why for name, why in found.items() if name not in arrived | self._no_effect}
        self._no_effect |= found.keys()
        return found

    async def _ask(self, place: Place, request: Request, example: Example) -> Rollout:
        """Sends a request for a rollout. If it is cancelled, its thread on the server is deleted."""
        try:
            sent = time.time() + place.worker.ahead
            reply = await ask(place, replace(request, sent=sent), session=self._session, report=meter())
        except asyncio.CancelledError:
            self._tidy(place, cancel=True)
            raise
        except (ServerLostError, httpx.HTTPStatusError) as failure:
            raise self._failure(place.worker, failure) from None
        self._mark_answering(place.worker)
        return self._outcome(reply, place, example)

    async def _left(self, place: Place, attempt: Attempt) -> Reply | None:
        """Returns the reply to a request of a process that was killed; `None` if there is none."""
        worker, thread = place.worker, place.thread
        if thread is None or thread not in worker.left:
            return None
        worker.left.discard(thread)
        try:
            reply = await joined(worker, thread)
        except (ServerLostError, httpx.HTTPError):
            await forget(place, cancel=True)
            return None
        attempt.go_on_with_killed()
        attempt.report(reply.spent if reply.rollout is None else reply.rollout.usage)
        return reply

    def _outcome(self, reply: Reply, place: Place, example: Example) -> Rollout:
        """Returns the rollout of a reply, or raises what the evaluator on the server raised."""
        rollout = None if reply.rollout is None else masked_rollout(reply.rollout, self._mask)
        if reply.failure is not None:
            failure = ReportedFailure(replace(reply.failure, text=self._mask(reply.failure.text)))
            if reply.token:
                self._tidy_when_paid(place)
                again = self._request("again", token=reply.token, **_labels(example))
                go_on = partial(self._ask, place, again, example)
                raise Unfinished(failure, go_on=go_on, stands=rollout, ended=reply.ended)
            self._tidy(place)
            raise Unfinished(failure, stands=rollout, ended=reply.ended) if rollout is not None else failure
        if reply.error is not None:
            self._tidy(place)
            error = error_named(*reply.error)
            if not isinstance(error, PlaceholderError):
                raise error
            failed = f"The text cannot be used: {error}"
            return Rollout(example.id, None, Feedback(0.0, failed), error=failed)
        if rollout is None:
            raise UsageError(f"The server at {place.worker.url} returned no rollout. Restart the server.")
        self._tidy_when_paid(place)
        return rollout

    def _request(self, wants: Wanted, **what: Any) -> Request:
        names = tuple(module.name for module in self.modules)
        return Request(wants, self._session, names, **what)

    async def _check_again(self, worker: Worker) -> None:
        """Checks that a server which did not answer before serves the same graph, before it runs anything."""
        if worker.known and not worker.failures:
            return
        try:
            described = await description_of(worker)
            found = await self._threads(worker)
        except (ServerLostError, httpx.HTTPError) as failure:
            raise self._failure(worker, failure) from None
        if different := differences(self.parts, described.parts, self._versions, described.versions):
            self._workers.leave_out(worker)
            self.notify(f"{not_the_same(worker, different)} It is left out.")
            raise ServerLostError(f"the server at {worker.url} serves another graph now")
        worker.known, worker.left = True, found - self._asked
        for thread in found & self._asked:  # they were tried again elsewhere
            self._tidy(Place(worker, thread), cancel=True)
        self._mark_answering(worker)

    async def _threads(self, worker: Worker) -> set[str]:
        return await threads_of(worker, self._session)

    @contextmanager
    def _busy(self, worker: Worker) -> Iterator[None]:
        worker.under_way += 1
        try:
            yield
        finally:
            worker.under_way -= 1

    def _failure(self, worker: Worker, failure: Exception) -> Exception:
        """Rests a server, and returns the failure of the world after which the engine tries again."""
        self._rest(worker, failure)
        if not self._workers.none_answers:
            return ServerLostError(_reason(worker, failure))
        found = findings(failure)
        where = None if found.is_lasting else worker.url
        return ReportedFailure(replace(found, diagnosis=_reason(worker, failure), unreachable_address=where))

    def _rest(self, worker: Worker, failure: Exception) -> None:
        if self._workers.failed(worker):
            self.notify(f"{_reason(worker, failure)} Its rollouts are tried elsewhere, and it is tried again later.")

    def _mark_answering(self, worker: Worker) -> None:
        if worker.failures:
            worker.failures, worker.rests_until = 0, 0.0
            self.notify(f"The server at {worker.url} answers again.")

    def _tidy_when_paid(self, place: Place) -> None:
        if (attempt := paying()) is not None:
            attempt.when_paid.append(lambda: self._tidy(place))

    def _tidy(self, place: Place, *, cancel: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(forget(place, cancel=cancel))
        self._tidying.add(task)
        task.add_done_callback(self._tidying.discard)


def _labels(example: Example) -> dict[str, Any]:
    """What the server needs to label its traces as this process would."""
    run = run_traced()
    return {"run": None if run is None else run.for_example(example), "purpose": purpose()}


def _reason(worker: Worker, failure: Exception) -> str:
    if isinstance(failure, httpx.HTTPStatusError):
        return refusal(worker, failure)
    text = str(failure)
    return f"{text[:1].upper()}{text[1:]}."

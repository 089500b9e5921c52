"""A failure of the world that happened in another process, with what was found out about it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from langgraph_gepa.adapter.failures.causes import chain
from langgraph_gepa.errors import WorldFailure


@dataclass(frozen=True, slots=True)
class Findings:
    """What the process where a failure happened knows of it; the fields are called like the functions that know it.

    `text` is its class and message, and `trouble` and `diagnosis` are sentences for a person.
    """

    text: str
    trouble: str
    diagnosis: str
    is_lasting: bool = False
    is_pressure: bool = False
    is_garbled: bool = False
    retry_after: float | None = None
    unreachable_address: str | None = None


class ReportedFailure(WorldFailure):
    """Stands for a failure that another process reported."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings.text, retry_after=findings.retry_after)
        self.findings = findings


def findings_of(error: BaseException) -> Findings | None:
    """Returns what another process reported about `error`, or about one that led to it, if any did."""
    found: Iterator[ReportedFailure] = (one for one in chain(error) if isinstance(one, ReportedFailure))
    return next((one.findings for one in found), None)

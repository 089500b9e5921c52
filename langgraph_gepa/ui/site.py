"""The replies of the live page to each address, without the HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from langgraph_gepa.errors import RunError
from langgraph_gepa.report.html.runs_page import RunEntry, render_comparison, render_list
from langgraph_gepa.store.folder import DATABASE
from langgraph_gepa.store.stop_file import request_stop
from langgraph_gepa.ui.served_run import ServedRun

LISTED = 200
"""How many runs a list shows at most, the newest first."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request."""

    body: str
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)


# A whole page has its own policy with the hashes of its style and script; a fragment of one may run nothing.
_WHOLE = {"Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'"}
NOT_FOUND = Reply("There is nothing here.", HTTPStatus.NOT_FOUND, "text/plain")


@dataclass
class Site:
    """A run, or a folder of runs.

    `parts` are those of the URL's path after the token. They are compared with names of runs, never used as file paths.
    """

    folder: Path
    _runs: dict[str, ServedRun] = field(default_factory=dict)

    def get(self, parts: Sequence[str], query: Mapping[str, str]) -> Reply:
        """Answers a request that changes nothing."""
        try:
            match parts:
                case [*_, last] if last != "" and self._at([*parts, ""])[0] is not None:
                    address = quote(last)  # with a slash, so that what the page requests lies below it
                    return Reply("", HTTPStatus.PERMANENT_REDIRECT, headers={"Location": f"{address}/"})
                case [""] if not self._is_run:
                    return Reply(render_list(str(self.folder), self._entries()), headers=_WHOLE)
                case ["compare"] if not self._is_run:
                    return self._comparison(query)
            run, rest = self._at(parts)
            return NOT_FOUND if run is None else _of_run(run, rest, query)
        except RunError as error:
            return Reply(str(error), HTTPStatus.NOT_FOUND, "text/plain")

    def post(self, parts: Sequence[str]) -> Reply:
        """Answers the only request that writes something: to stop a run."""
        run, rest = self._at(parts)
        if run is None or rest != "stop":
            return NOT_FOUND
        try:
            request_stop(run.folder)
        except RunError as error:
            return Reply(str(error), HTTPStatus.CONFLICT, "text/plain")
        return Reply("Stopping when the rollouts under way have ended.", kind="text/plain")

    def wait_for_readers(self, patience: float) -> None:
        """Waits until open pages have fetched the final state of their runs, at most `patience` seconds a run."""
        for run in self._runs.values():
            run.wait_for_readers(patience)

    @property
    def _is_run(self) -> bool:
        return (self.folder / DATABASE).exists() or not any(self._folders())

    def _folders(self) -> list[Path]:
        """The folders of runs, the newest first."""
        found = self.folder.glob(f"*/{DATABASE}")
        return [file.parent for file in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)][:LISTED]

    def _at(self, parts: Sequence[str]) -> tuple[ServedRun | None, str]:
        """Returns the run that a path names, and the rest of the path."""
        match parts:
            case [rest] if self._is_run:
                return self._served("", self.folder), rest
            case ["run", name, rest] if not self._is_run:
                folders = {folder.name: folder for folder in self._folders()}
                return (self._served(name, folders[name]) if name in folders else None), rest
        return None, ""

    def _served(self, name: str, folder: Path) -> ServedRun:
        return self._runs.setdefault(name, ServedRun(folder, home="../../" if name else ""))

    def _entries(self) -> list[RunEntry]:
        """The runs of the folder, with the error of those that cannot be read."""
        entries = []
        for folder in self._folders():
            run = self._served(folder.name, folder)
            entries.append(RunEntry(folder.name, f"run/{quote(folder.name)}/", run.page().view, run.running))
        return entries

    def _comparison(self, query: Mapping[str, str]) -> Reply:
        folders = {folder.name: folder for folder in self._folders()}
        names = [query.get("one", ""), query.get("two", "")]
        if not all(name in folders for name in names):
            return NOT_FOUND
        one, two = (
            RunEntry(name, f"run/{quote(name)}/", run.page().view, run.running)
            for name in names
            for run in (self._served(name, folders[name]),)
        )
        if one.view is None or two.view is None:
            return NOT_FOUND
        return Reply(render_comparison(one, two), headers=_WHOLE)


def _of_run(run: ServedRun, rest: str, query: Mapping[str, str]) -> Reply:
    match rest:
        case "":
            page = run.send()
            return Reply(page.html, headers=_WHOLE | {"X-Version": page.version})
        case "state":
            return Reply(json.dumps(run.state()), kind="application/json")
        case "example" | "rollout" | "candidate" | "iteration":
            found = run.fragment(rest, query)
            return NOT_FOUND if found is None else Reply(found)
    return NOT_FOUND

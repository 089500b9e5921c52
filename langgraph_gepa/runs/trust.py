"""Decides which code is loaded because a run's folder names it.

A run names its graph, its metric and its options, and its folder may come from anybody: an archive, a build server, a
shared disk. Code in the folder itself is never loaded. Other code that it names is loaded without a question where this
user started the run (see `signature`). Of somebody else's run the user names the code, or trusts the run's names for
this project after seeing them. A question at the terminal would not do instead: it has to be safe without one too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from langgraph_gepa.adapter.dataflow.text_files import project as project_root
from langgraph_gepa.adapter.loading import files_of
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.checkout import Project
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.runs.signature import sign
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.writeback.changes import is_library

CODE = ("graph", "metric", "proposer", "options")
"""The names in `RunConfig.spec` that name code."""


@dataclass(frozen=True, slots=True)
class NamedCode:
    """Code that a run's folder names: its `role` in the run, its name and the `files` that loading it would run."""

    role: str
    name: str
    files: tuple[Path, ...]

    @classmethod
    def locate(cls, role: str, name: str, folder: Path) -> NamedCode:
        """Finds the files without importing them."""
        return cls(role, name, files_of(name, folder))

    def __str__(self) -> str:
        where = f"in {self.files[-1]}" if self.files else "which is not found here"
        return f"the {self.role} {self.name} ({where})"


def require_outside(codes: Sequence[NamedCode], run: Path) -> None:
    """Raises `UsageError` for code in the run's own folder, links followed."""
    for code in codes:
        if any(file.is_relative_to(run.resolve()) for file in code.files):
            raise UsageError(
                f"Nothing was loaded: {code} lies in the run's own folder. That is data, and no code is loaded from "
                "it, whoever may have put it there."
            )


def trusted_graph(saved: SavedRun, project: Project, *, trust: bool, notify: Callable[[str], None]) -> str:
    """Returns the name of the graph that the run gives, after calling `notify` with where it is loaded from.

    Raises `UsageError` where its code must not be loaded because the run names it.
    """
    code = NamedCode.locate("graph", project.graph_spec(saved.config.graph_spec), project.folder)
    require_outside([code], saved.folder)
    if not (saved.own and (project.moved or _means_the_same(saved, [code]))):
        _require_trust(
            saved,
            [code],
            project.root,
            trust,
            "Name the graph yourself (--graph path/to/file.py:attribute, in Python result.apply('path/to/file.py:"
            "attribute')). Or read that file and what it imports, and take the run's word (--trust, in Python "
            "result.apply(trust=True)).",
        )
    notify(f"Loading {code}, as the run names it.")
    return code.name


def allow_resume(saved: SavedRun, *, trust: bool, notify: Callable[[str], None]) -> None:
    """Allows a run to be resumed with the code that it names after calling `notify` with what is loaded.

    Raises `UsageError` where its code must not be loaded because the run names it. Somebody else's run that is trusted
    becomes this user's own.
    """
    spec, here = dict(saved.config.spec), Path.cwd()
    models = filter(None, (saved.config.reflection_model, saved.config.critic_model))
    codes = [NamedCode.locate(role, str(spec[role]), here) for role in CODE if role in spec]
    require_outside(codes, saved.folder)
    if not (saved.own and _means_the_same(saved, codes)):
        _require_trust(
            saved,
            codes,
            Path(project_root(str(here))),
            trust,
            f"It would also pay for {', '.join(models)} and the graph's models, within the run's budget. "
            f"Start it with words of your own: `langgraph-gepa optimize ... --run {saved.folder}` (in Python "
            "`optimize(..., run=...)`) goes on with it. Or read these files and what they import, and take the run's "
            "word (--trust, in Python resume(run, trust=True)).",
        )
        with closing(open_run(saved.folder, create=False)) as store:
            adopt(store)
    notify(f"Loading {', '.join(map(str, codes))}, as the run names them.")


def adopt(store: Store) -> None:
    """Signs the run in `store` as this user's own."""
    store.configure({"signature": sign(store.settings()["asked"])})


def _means_the_same(saved: SavedRun, codes: Sequence[NamedCode]) -> bool:
    """Whether the names of this user's own run mean here what they meant when it was started.

    A copy of the signed settings may lie in somebody else's folder, beside other files of the same names.
    """
    checkout = saved.config.checkout
    if Path.cwd() == Path(checkout.folder) or not checkout.root:
        return True
    root = Path(checkout.root).resolve()
    return all(file.is_relative_to(root) or is_library(file) for code in codes for file in code.files)


def _require_trust(saved: SavedRun, codes: Sequence[NamedCode], root: Path, trust: bool, fix: str) -> None:
    """Raises `UsageError` unless the user trusts somebody else's run, for code in the project at `root` alone."""
    if not trust:
        names = "\n".join(f"  {code}" for code in codes)
        raise UsageError(
            f"The run in {saved.folder} was not started by you on this machine, so what it names is somebody else's "
            f"word. It would have loaded:\n{names}\nNothing was loaded. {fix}"
        )
    for code in codes:
        if not code.files or not all(file.is_relative_to(root.resolve()) for file in code.files):
            raise UsageError(
                f"Nothing was loaded: {code} is not in {root}, and nothing else is loaded on the word of a run that "
                f"somebody else started. {fix}"
            )

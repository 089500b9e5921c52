"""Which code is loaded on the word of a run's folder.

A run names its graph, its metric and its options, and its folder may come from anybody: an archive, a build server, a
shared disk. Code in the folder itself is never loaded. What else it names is loaded without a question where this user
started the run (see `trust`); of a stranger's run the user names the code, or takes the run's word for this project
once it was shown. A question at the terminal would not do in place of that: what runs without one has to be safe too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from langgraph_gepa.adapter.dataflow.text_files import project
from langgraph_gepa.adapter.loading import files_of
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.checkout import Place
from langgraph_gepa.runs.config import adopt
from langgraph_gepa.runs.run import SavedRun
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.writeback.changes import is_library

Say = Callable[[str], None]

CODE = ("graph", "metric", "options")
"""What of a run is code, by its name in `Asked.spec`."""


@dataclass(frozen=True, slots=True)
class Named:
    """Code that a run's folder names: `what` it is, the `words` for it, and the `files` that loading it would run."""

    what: str
    words: str
    files: tuple[Path, ...]

    @classmethod
    def found(cls, what: str, words: str, folder: Path) -> Named:
        return cls(what, words, files_of(words, folder))

    def __str__(self) -> str:
        where = f"in {self.files[-1]}" if self.files else "which is not found here"
        return f"the {self.what} {self.words} ({where})"


def require_outside(named: Sequence[Named], run: Path) -> None:
    """Raises `UsageError` for code in the run's own folder, links followed."""
    for one in named:
        if any(file.is_relative_to(run.resolve()) for file in one.files):
            raise UsageError(
                f"Nothing was loaded: {one} lies in the run's own folder. That is data, and no code is loaded from it, "
                "whoever may have put it there."
            )


def graph_named(saved: SavedRun, place: Place, *, trust: bool, say: Say) -> str:
    """The words for the graph that the run itself names, which is said before it is loaded from `place`.

    Raises `UsageError` where its code is not loaded on the word of the run.
    """
    named = Named.found("graph", place.words(saved.asked.graph_words), place.folder)
    require_outside([named], saved.folder)
    if not (saved.own and (place.moved or _as_started(saved, [named]))):
        _require_trusted(
            saved,
            [named],
            place.root,
            trust,
            "Name the graph yourself (--graph path/to/file.py:attribute, in Python result.apply('path/to/file.py:"
            "attribute')). Or read that file and what it imports, and take the run's word (--trust, in Python "
            "result.apply(trust=True)).",
        )
    say(f"Loading {named}, as the run names it.")
    return named.words


def admit(saved: SavedRun, *, trust: bool, say: Say) -> None:
    """Lets a run be resumed with the code that it names, which is said before it is loaded.

    Raises `UsageError` where its code is not loaded on the word of the run. A stranger's run that is trusted becomes
    this user's own.
    """
    spec, here = dict(saved.asked.spec), Path.cwd()
    named = [Named.found(what, str(spec[what]), here) for what in CODE if what in spec]
    require_outside(named, saved.folder)
    if not (saved.own and _as_started(saved, named)):
        _require_trusted(
            saved,
            named,
            Path(project(str(here))),
            trust,
            f"It would also pay for {saved.asked.reflection_model} and the graph's models, within the run's budget. "
            f"Start it with words of your own: `langgraph-gepa optimize ... --run {saved.folder}` (in Python "
            "`optimize(..., run=...)`) goes on with it. Or read these files and what they import, and take the run's "
            "word (--trust, in Python resume(run, trust=True)).",
        )
        with closing(open_run(saved.folder, create=False)) as store:
            adopt(store)
    say(f"Loading {', '.join(map(str, named))}, as the run names them.")


def _as_started(saved: SavedRun, named: Sequence[Named]) -> bool:
    """Whether the words of this user's own run mean here what they meant when it was started: a copy of the signed
    words may lie in a stranger's folder, beside other files of the same names."""
    checkout = saved.asked.checkout
    if Path.cwd() == Path(checkout.folder) or not checkout.root:
        return True
    root = Path(checkout.root).resolve()
    return all(file.is_relative_to(root) or is_library(file) for one in named for file in one.files)


def _require_trusted(saved: SavedRun, named: Sequence[Named], root: Path, trust: bool, fix: str) -> None:
    """Raises `UsageError` unless the word of a stranger's run is taken, for code in the project at `root` alone."""
    listed = "\n".join(f"  {one}" for one in named)
    if not trust:
        raise UsageError(
            f"The run in {saved.folder} was not started by you on this machine, so what it names is somebody else's "
            f"word. It would have loaded:\n{listed}\nNothing was loaded. {fix}"
        )
    for one in named:
        if not one.files or not all(file.is_relative_to(root.resolve()) for file in one.files):
            raise UsageError(
                f"Nothing was loaded: {one} is not in {root}, and nothing else is loaded on the word of a run that "
                f"somebody else started. {fix}"
            )

"""Where a run's project lay, and the same project where it lies now."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from langgraph_gepa.agent.files import project
from langgraph_gepa.errors import SourceError
from langgraph_gepa.search.module import Module, Texts
from langgraph_gepa.source.diff import Changes, is_library, plan


@dataclass(frozen=True, slots=True)
class Checkout:
    """A project's `root`, and the `folder` that the files of its modules are told from; empty where a run of an
    earlier version did not note them."""

    root: str = ""
    folder: str = ""

    @classmethod
    def of(cls, modules: Iterable[Module]) -> Checkout:
        """The one that lies here: what holds the files of the modules, installed packages left out."""
        here = Path.cwd()
        files = dict.fromkeys(Path(here, module.file) for module in modules if module.file is not None)
        own = [file for file in files if not is_library(file)]
        nearest = Path(project(str(here)))
        first = Path(project(str(own[0].parent))) if own else nearest
        around = (nearest, first, *first.parents)
        root = next((one for one in around if all(file.is_relative_to(one) for file in own)), nearest)
        return cls(str(root), str(here))

    def within(self, path: str) -> str | None:
        """A path as it goes on from the root; `None` for one that lies elsewhere."""
        whole = Path(self.folder, path)
        if not whole.is_absolute():
            return path
        return str(whole.relative_to(self.root)) if self.root and whole.is_relative_to(self.root) else None


@dataclass(frozen=True, slots=True)
class Moved:
    """The project of a run, as it lay at `run`, in the checkout at `root`. The graph's words are those of the run
    or, `named` anew, taken from the root."""

    run: Checkout
    root: Path
    named: bool = False

    @property
    def folder(self) -> Path:
        """The folder that the graph's words are taken from."""
        below = None if self.named else self.run.within("")
        return self.root / below if below and (self.root / below).is_dir() else self.root

    @property
    def paths(self) -> Sequence[str]:
        """Where Python looks for the project's modules."""
        below = (self.run.within(path) for path in sys.path if Path(path).is_absolute())
        return [str(self.root / path) for path in below if path is not None]

    def words(self, graph: str) -> str:
        """The words for a graph, with the path of a file in them."""
        where, colon, attribute = graph.rpartition(":")
        below = self.run.within(where) if Path(where).is_absolute() else None
        return graph if below is None else f"{self.root / below}{colon}{attribute}"

    def module(self, module: Module) -> Module:
        """A module with its file, unless that lay outside of the project."""
        below = None if module.file is None else self.run.within(module.file)
        return module if below is None else replace(module, file=str(self.root / below))

    def changes(self, modules: Iterable[Module], texts: Texts) -> Changes:
        """What has to change for the source to say `texts`. Raises `SourceError` when a file that it stood in is not
        there."""
        moved = [self.module(module) for module in modules]
        files = dict.fromkeys(m.file for m in moved if m.file and texts.get(m.name, m.text) != m.text)
        missing = [file for file in files if Path(file).is_relative_to(self.root) and not Path(file).is_file()]
        if missing:
            was = f", which lay in {self.run.root}" if self.run.root else ""
            raise SourceError(
                f"There is no {', '.join(missing)}, so nothing is written. "
                f"Give the root of the run's project{was}, as it was when the run was made."
            )
        return plan(moved, texts, self.root)

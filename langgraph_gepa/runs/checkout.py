"""Where the source of a run's project lies: when the run was made (`Checkout`) and now (`Project`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from langgraph_gepa.adapter.dataflow.text_files import project as project_root
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import SourceError
from langgraph_gepa.writeback.changes import Changes, is_library


@dataclass(frozen=True, slots=True)
class Checkout:
    """A project's `root`, and the `folder` to which the files of its modules are relative.

    Both are empty where a run of an earlier version did not note them.
    """

    root: str = ""
    folder: str = ""

    @classmethod
    def here(cls, modules: Iterable[Module]) -> Checkout:
        """The nearest project that holds the files of all modules, installed packages left out."""
        here = Path.cwd()
        files = dict.fromkeys(Path(here, module.file) for module in modules if module.file is not None)
        own = [file for file in files if not is_library(file)]
        nearest = Path(project_root(str(here)))
        first = Path(project_root(str(own[0].parent))) if own else nearest
        candidates = (nearest, first, *first.parents)
        root = next((path for path in candidates if all(file.is_relative_to(path) for file in own)), nearest)
        return cls(str(root), str(here))

    def relative(self, path: str) -> str | None:
        """A path relative to the root; `None` for one that lies elsewhere."""
        whole = Path(self.folder, path)
        if not whole.is_absolute():
            return path
        return str(whole.relative_to(self.root)) if self.root and whole.is_relative_to(self.root) else None


@dataclass(frozen=True, slots=True)
class Project:
    """Where the project of a run lies now: below `root`, outside of which nothing is read or written.

    - `checkout`: where it lay when the run was made; `moved`: whether `root` is another checkout.
    - `folder`: what relative paths are relative to.
    - `run_folder`: holds nothing of the project.
    - `own`: whether this user started the run. What somebody else's run notes tells which file is meant, and never from
      where code is loaded.
    - `trusted`: whether what the run calls a module of the graph is taken for one.
    """

    checkout: Checkout
    root: Path
    folder: Path
    run_folder: Path
    own: bool = True
    trusted: bool = True
    moved: bool = False

    @classmethod
    def here(cls, run: Checkout, modules: Iterable[Module], run_folder: Path, *, own: bool, trusted: bool) -> Project:
        """The project that the working directory belongs to; for the user's own run the one it was made in, if all its
        files lie there."""
        here = Path.cwd()
        root = Path(project_root(str(here)))
        files = [Path(here, module.file).resolve() for module in modules if module.file is not None]
        noted = Path(run.root).resolve()
        if own and run.root and all(file.is_relative_to(noted) or is_library(file) for file in files):
            root = noted
        inside = here.resolve().is_relative_to(run_folder.resolve())
        return cls(run, root.resolve(), root.resolve() if inside else here, run_folder.resolve(), own, trusted)

    @classmethod
    def at(cls, run: Checkout, root: Path, run_folder: Path, *, own: bool, trusted: bool, named: bool) -> Project:
        """Another checkout, by its root. `named` says that the user named the graph anew, from this root."""
        root = root.resolve()
        below = run.relative("") if own and not named else None
        folder = root / below if below and (root / below).is_dir() else root
        return cls(run, root, folder, run_folder.resolve(), own, trusted, moved=True)

    def __post_init__(self) -> None:
        if self.root.is_relative_to(self.run_folder):
            raise SourceError(
                f"{self.root} belongs to the run's own folder, which is data: no code is loaded from it, and none is "
                "written there. Stand in the project, or name its root with root= (--root on the command line)."
            )

    @property
    def import_paths(self) -> Sequence[str]:
        """Where Python looks for the project's modules: never in the run's folder."""
        found = [path for path in sys.path if not Path(path).resolve().is_relative_to(self.run_folder)]
        if not self.moved:
            return found
        below = (self.checkout.relative(path) for path in sys.path if Path(path).is_absolute() and self.own)
        return [*(str(self.root / path) for path in below if path is not None), *found]

    def graph_spec(self, spec: str) -> str:
        """The name of a graph with the path of its file in this checkout."""
        path, colon, attribute = spec.rpartition(":")
        below = self.checkout.relative(path) if self.moved and Path(path).is_absolute() else None
        return spec if below is None else f"{self.root / below}{colon}{attribute}"

    def located(self, module: Module) -> Module:
        """The module with its file in this checkout, unless the file lay outside of the project."""
        below = None if module.file is None or not self.moved else self.checkout.relative(module.file)
        return module if below is None else replace(module, file=str(self.root / below))

    def plan(self, modules: Iterable[Module], texts: Texts) -> Changes:
        """Plans the changes of the source that write `texts` into it.

        Raises `SourceError` when a module's file is missing in another checkout.
        """
        located = [self.located(module) for module in modules]
        if self.moved:
            self._require_files(located, texts)
        from langgraph_gepa.writeback.plan import plan  # libcst, which only this needs, takes long to load

        return plan(located, texts, self.root, self.root if self.moved else self.folder, self._objection)

    def _require_files(self, modules: Iterable[Module], texts: Texts) -> None:
        files = dict.fromkeys(m.file for m in modules if m.file and texts.get(m.name, m.text) != m.text)
        missing = [file for file in files if Path(file).is_relative_to(self.root) and not Path(file).is_file()]
        if missing:
            was = f", which lay in {self.checkout.root}" if self.checkout.root else ""
            raise SourceError(
                f"There is no {', '.join(missing)}, so nothing is written. "
                f"Give the root of the run's project{was}, as it was when the run was made."
            )

    def _objection(self, module: Module, file: Path) -> str | None:
        """Why a file is not written because this run says so, though it lies in the project; `None` when it may be."""
        if file.is_relative_to(self.run_folder):
            return f"it is in the run's own folder ({module.origin})"
        if self.trusted:
            return None
        if any(part.startswith(".") for part in file.relative_to(self.root).parts):
            return f"{module.origin} is hidden, and only the folder of somebody else's run says that it holds a prompt"
        if module.note:
            return (
                f"no code shows that the graph reads it from {module.origin}: "
                "only the folder of somebody else's run says so"
            )
        return None

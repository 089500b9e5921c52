"""Plans the changes of source files that put optimised texts back: the diff, and why a text cannot be written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.writeback.changes import Changes, FileChange, is_library
from langgraph_gepa.writeback.composed import narrowed_to_constant
from langgraph_gepa.writeback.content import Content
from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError, as_written
from langgraph_gepa.writeback.project_files import files_naming, files_with
from langgraph_gepa.writeback.python_reader import parsed

LARGEST = 10_000_000
"""Bytes of the largest file that is edited."""

_HOMELESS = (
    "no file of the project holds it (it stands in a notebook's cell, or is made when the program runs): "
    "copy it from result.prompts"
)
_IN_CELL = re.compile(r"/ipykernel_\d+/|/<[^/]*>$")
"""Names that Jupyter, IPython and Python's console give to the code of cells, of which there is no file."""


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """A module with its new text, which is the old one where it does not change."""

    module: Module
    new: str

    @property
    def edit(self) -> Edit:
        return Edit(self.module.text, self.new, self.module.line, self.module.style)

    @property
    def changed(self) -> bool:
        return self.new != self.module.text


Objection = Callable[[Module, Path], str | None]
"""Says why a file must not be written for a module; `None` where it may be."""


def plan(
    modules: Iterable[Module],
    texts: Texts,
    root: Path | None = None,
    folder: Path | None = None,
    objection: Objection = lambda module, file: None,  # noqa: ARG005 - the arguments of an objection
) -> Changes:
    """Plans what has to change for the source to hold `texts`. Nothing is written.

    `modules` are all modules of the graph as the run found them, also those that do not change: one of them may share
    its place in the source with one that does. A relative `Module.file` is looked for in `folder`, by default `root`.
    Files outside of `root`, after following links, are refused, and those with an `objection`; `root` is by default the
    work tree around the working directory.
    """
    folder = (folder or root or Path.cwd()).resolve()
    root = (root or _work_tree(folder)).resolve()
    refused: dict[str, str] = {}
    stale: dict[str, str] = {}
    done: list[str] = []
    by_file: dict[Path, list[_Rewrite]] = {}
    for module in modules:
        rewrite = _Rewrite(module, as_written(module, texts.get(module.name, module.text)))
        path, reason = _file_for(rewrite, folder, root)
        if path is not None and (refusal := _refusal(module, path, root, objection)) is not None:
            path, reason = None, refusal
        if path is not None:
            by_file.setdefault(path, []).append(rewrite)
        elif rewrite.changed:
            refused[module.name] = reason
    by_file = {path: rewrites for path, rewrites in by_file.items() if any(rewrite.changed for rewrite in rewrites)}
    top = _work_tree(root)
    files: list[FileChange] = []
    for path, rewrites in sorted(by_file.items()):
        file = _FilePlan(path, path.relative_to(top).as_posix(), top, rewrites)
        refused |= file.refused
        stale |= file.stale
        done += file.done
        files += file.changes()
    return Changes(top, tuple(files), refused, stale, tuple(done))


def _refusal(module: Module, file: Path, root: Path, objection: Objection) -> str | None:
    if not file.is_relative_to(root):
        return f"it is written outside of {root} ({module.origin})"
    if file.stat().st_size > LARGEST:
        return f"{module.origin} is larger than any file of prompts"
    return objection(module, file)


class _FilePlan:
    """The plan for one file: which of its texts can be written, and why the others cannot."""

    def __init__(self, path: Path, name: str, project: Path, rewrites: Sequence[_Rewrite]) -> None:
        self.path = path
        self.name = name
        self.project = project
        self.refused: dict[str, str] = {}
        self.stale: dict[str, str] = {}
        self.done: list[str] = []
        self._written: list[tuple[_Rewrite, Edit]] = []
        self._before = path.read_bytes()
        changed = [rewrite for rewrite in rewrites if rewrite.changed]
        try:
            self._content = Content.of(name, self._before)
        except (UnicodeDecodeError, SyntaxError) as error:
            self.refused = {rewrite.module.name: f"{name} cannot be read ({error})" for rewrite in changed}
            return
        spans = {rewrite: self._content.span(rewrite.edit) for rewrite in rewrites}
        parts = {rewrite: self._content.part_spans(rewrite.edit) for rewrite in rewrites}
        for rewrite in changed:
            span = spans[rewrite]
            others = [other for other in rewrites if other is not rewrite and span is not None]
            conflicts = [other for other in others if spans[other] == span and other.new != rewrite.new]
            conflicts += [other for other in others if span in parts[other] and not _follows(other, rewrite)]
            if conflicts:
                names = ", ".join(other.module.name for other in conflicts)
                reason = f"its place in {name} is also the place of {names}, which needs another text there"
                self.refused[rewrite.module.name] = reason
            else:
                self._consider(rewrite)

    def _consider(self, rewrite: _Rewrite) -> None:
        """Files the text under `_written`, `done`, `refused` or `stale`."""
        module = rewrite.module
        try:
            edit = self._edit(rewrite)
            self._content.bytes(self._content.edited([edit]))
        except GoneError:
            if self._content.holds_new(rewrite.edit):
                self.done.append(module.name)
            elif (computed := self._content.computing_code(rewrite.edit)) is not None:
                line, code = computed
                by = f" by `{code}`" if code else ""
                where = f"put together when the program runs ({self.name}:{line}){by}"
                self.refused[module.name] = f"it is {where}: write it there yourself"
            else:
                self.stale[module.name] = f"{module.origin or self.name} no longer holds the text the run started from"
        except UnwritableError as reason:
            self.refused[module.name] = f"{self.name}: {reason}"
        except UnicodeEncodeError as error:
            self.refused[module.name] = f"{self.name}: it cannot be written in {error.encoding}"
        else:
            self._written.append((rewrite, edit))

    def _edit(self, rewrite: _Rewrite) -> Edit:
        """The edit to make: of the text, or of the one constant in it that changes, if nothing else uses that."""
        found = self._content.found(rewrite.edit)
        part = None if found is None else narrowed_to_constant(parsed(self._content.text), rewrite.edit, found.values)
        return part[1] if part is not None and files_naming(self.project, part[0]) == [self.path] else rewrite.edit

    def changes(self) -> Iterator[FileChange]:
        if self._written:
            edits = list(dict.fromkeys(edit for _, edit in self._written))
            after = self._content.bytes(self._content.edited(edits))
            names = tuple(rewrite.module.name for rewrite, _ in self._written)
            yield FileChange(self.path, self.name, self._before, after, names)


def _follows(whole: _Rewrite, part: _Rewrite) -> bool:
    """Whether the new text of `whole`, which contains `part`, is what changing `part` gives."""
    return whole.new == whole.module.text.replace(part.module.text, part.new)


def _file_for(rewrite: _Rewrite, folder: Path, root: Path) -> tuple[Path | None, str]:
    """The file to write a text in, or why there is none.

    A text that is not in its Python file may have been read from another file of the project.
    """
    module = rewrite.module
    if module.hub:
        return None, f"it was pulled from LangSmith's prompt hub ({module.origin}): `push` commits it there"
    path = None if module.file is None else (folder / module.file).resolve()
    if path is not None and _IN_CELL.search(path.as_posix()):
        return None, "it stands in a notebook's cell: copy it from result.prompts"
    if path is not None and not path.is_file():
        where = f"there is no file {module.file} (looked for from {folder})"
        return None, f"{where}: name the root of the project's checkout (root=..., --root)"
    if path is not None and is_library(path):
        return None, f"it is written in an installed package ({module.origin}), which is not the project's to change"
    if rewrite.changed and (path is None or not _may_hold(path, rewrite.edit)):
        found = files_with(_work_tree(root), module.text) or files_with(_work_tree(root), rewrite.new)
        if len(found) == 1:
            return found[0].resolve(), ""
        if len(found) > 1:
            names = ", ".join(Path(os.path.relpath(file, folder)).as_posix() for file in found)
            return None, f"several files hold it ({names}), and which one is read is unclear"
    return path, _HOMELESS


def _may_hold(path: Path, edit: Edit) -> bool:
    if path.stat().st_size > LARGEST:
        return True  # refused later, for its size
    try:
        return Content.of(path.name, path.read_bytes()).may_hold(edit)
    except (UnicodeDecodeError, SyntaxError):
        return True  # refused later, with the reason


def _work_tree(directory: Path) -> Path:
    return next((above for above in (directory, *directory.parents) if (above / ".git").exists()), directory)

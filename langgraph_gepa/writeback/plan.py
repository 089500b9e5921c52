"""What putting optimised texts back into the source would change, and what stands in the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.writeback.changes import Changes, FileChange, is_library
from langgraph_gepa.writeback.composed import narrowed
from langgraph_gepa.writeback.content import Content
from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError, as_written
from langgraph_gepa.writeback.locating import find
from langgraph_gepa.writeback.project_files import homes, named
from langgraph_gepa.writeback.python_reader import parsed

LARGEST = 10_000_000
"""Bytes up to which a file is read to be written."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A module's new text; `new` is its own where it stays."""

    module: Module
    new: str

    @property
    def edit(self) -> Edit:
        return Edit(self.module.text, self.new, self.module.line, self.module.style)

    @property
    def changed(self) -> bool:
        return self.new != self.module.text


Objection = Callable[[Module, Path], str | None]
"""Why a file is not to be written for a module, or `None` when it may be."""


def plan(
    modules: Iterable[Module],
    texts: Texts,
    root: Path | None = None,
    folder: Path | None = None,
    objection: Objection = lambda module, file: None,  # noqa: ARG005 - what an objection is given
) -> Changes:
    """What has to change for the source to say `texts`; nothing is written.

    `modules` are all modules of the graph as they were when the texts were made, so that one which stays
    and shares its place with one that changes is noticed. `Module.file` is taken from `folder`, by default `root`.
    What lies outside of `root`, links followed, is refused, and what there is an `objection` to; `root` is by default
    the work tree that the working directory lies in.
    """
    folder = (folder or root or Path.cwd()).resolve()
    root = (root or _work_tree(folder)).resolve()
    refused: dict[str, str] = {}
    stale: dict[str, str] = {}
    done: list[str] = []
    by_file: dict[Path, list[_Wanted]] = {}
    for module in modules:
        wanted = _Wanted(module, as_written(module, texts.get(module.name, module.text)))
        path, reason = _home(wanted, folder, root)
        if path is not None and (against := _against(module, path, root, objection)) is not None:
            path, reason = None, against
        if path is not None:
            by_file.setdefault(path, []).append(wanted)
        elif wanted.changed:
            refused[module.name] = reason
    by_file = {path: several for path, several in by_file.items() if any(wanted.changed for wanted in several)}
    top = _work_tree(root)
    files: list[FileChange] = []
    for path, several in sorted(by_file.items()):
        file = _File(path, path.relative_to(top).as_posix(), top, several)
        refused |= file.refused
        stale |= file.stale
        done += file.done
        files += file.changes()
    return Changes(top, tuple(files), refused, stale, tuple(done))


def _against(module: Module, file: Path, root: Path, objection: Objection) -> str | None:
    if not file.is_relative_to(root):
        return f"it is written outside of {root} ({module.origin})"
    if file.stat().st_size > LARGEST:
        return f"{module.origin} is larger than any file of prompts"
    return objection(module, file)


class _File:
    """The planning of one file: which of its texts can be written, and why not the others."""

    def __init__(self, path: Path, name: str, project: Path, several: Sequence[_Wanted]) -> None:
        self.path = path
        self.name = name
        self.project = project
        self.refused: dict[str, str] = {}
        self.stale: dict[str, str] = {}
        self.done: list[str] = []
        self._written: list[tuple[_Wanted, Edit]] = []
        self._before = path.read_bytes()
        changed = [wanted for wanted in several if wanted.changed]
        try:
            self._content = Content.of(name, self._before)
        except (UnicodeDecodeError, SyntaxError) as error:
            self.refused = {wanted.module.name: f"{name} cannot be read ({error})" for wanted in changed}
            return
        places = {wanted: self._content.place(wanted.edit) for wanted in several}
        parts = {wanted: self._content.parts(wanted.edit) for wanted in several}
        for wanted in changed:
            place = places[wanted]
            others = [other for other in several if other is not wanted and place is not None]
            rivals = [other for other in others if places[other] == place and other.new != wanted.new]
            rivals += [other for other in others if place in parts[other] and not _follows(other, wanted)]
            if rivals:
                names = ", ".join(other.module.name for other in rivals)
                shared = f"its place in {name} is that of {names} too, which is to say something else"
                self.refused[wanted.module.name] = shared
            else:
                self._consider(wanted)

    def _consider(self, wanted: _Wanted) -> None:
        module = wanted.module
        try:
            edit = self._edit(wanted)
            self._content.bytes(self._content.edited([edit]))
        except GoneError:
            if self._content.says(wanted.edit):
                self.done.append(module.name)
            elif (made := self._content.maker(wanted.edit)) is not None:
                line, code = made
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
            self._written.append((wanted, edit))

    def _edit(self, wanted: _Wanted) -> Edit:
        """What is to be written: of a text joined from constants, the one that changes, where nothing else uses it."""
        found = self._content.found(wanted.edit)
        part = None if found is None else narrowed(parsed(self._content.text), wanted.edit, found.values)
        return part[1] if part is not None and named(self.project, part[0]) == [self.path] else wanted.edit

    def changes(self) -> Iterator[FileChange]:
        if self._written:
            edits = list(dict.fromkeys(edit for _, edit in self._written))
            after = self._content.bytes(self._content.edited(edits))
            names = tuple(wanted.module.name for wanted, _ in self._written)
            yield FileChange(self.path, self.name, self._before, after, names)


def _follows(whole: _Wanted, part: _Wanted) -> bool:
    """Whether a text that is made of another shall say what comes of changing that."""
    return whole.new == whole.module.text.replace(part.module.text, part.new)


def _home(wanted: _Wanted, folder: Path, root: Path) -> tuple[Path | None, str]:
    """The file to write a text in, or why there is none.

    A text that its Python file does not write out may have been read from another file of the project.
    """
    module = wanted.module
    path = None if module.file is None else (folder / module.file).resolve()
    if path is not None and not path.is_file():
        where = f"there is no file {module.file} (looked for from {folder})"
        return None, f"{where}: name the root of the project's checkout"
    if path is not None and is_library(path):
        return None, f"it is written in an installed package ({module.origin}), which is not the project's to change"
    if wanted.changed and (path is None or not _written_in(path, wanted)):
        found = homes(_work_tree(root), module.text) or homes(_work_tree(root), wanted.new)
        if len(found) == 1:
            return found[0].resolve(), ""
        if len(found) > 1:
            names = ", ".join(Path(os.path.relpath(file, folder)).as_posix() for file in found)
            return None, f"several files hold it ({names}), and which one is read is unclear"
    return path, "it has no home in the source: it is made when the program runs, or comes from elsewhere"


def _written_in(path: Path, wanted: _Wanted) -> bool:
    """Whether a Python file may write the text out itself, as it was, as it shall be, or in pieces."""
    if path.stat().st_size > LARGEST:
        return True  # wherever it is read, it is refused
    try:
        content = Content.of(path.name, path.read_bytes())
        if not content.python:
            return True
        find(parsed(content.text), wanted.edit)
    except GoneError:
        return content.says(wanted.edit) or content.computes(wanted.edit)
    except (UnwritableError, UnicodeDecodeError, SyntaxError):
        return True
    return True


def _work_tree(directory: Path) -> Path:
    return next((above for above in (directory, *directory.parents) if (above / ".git").exists()), directory)

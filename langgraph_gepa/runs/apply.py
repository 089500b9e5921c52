"""A run's texts into the project's source, proved by loading the project again.

Run as a program (`python -m langgraph_gepa.runs.apply GRAPH FILE`) it loads a graph in a process of
its own and writes its texts to a file, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.text_files import holds
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.adapter.rollout.fingerprint import graph_parts
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import Error, SourceError, UsageError
from langgraph_gepa.runs.checkout import Place
from langgraph_gepa.runs.session import LOADING
from langgraph_gepa.writeback import file_writing
from langgraph_gepa.writeback.changes import Changes, FileChange
from langgraph_gepa.writeback.edits import as_docstring, as_written

LONGEST = 300
"""Seconds that loading a project may take."""
REFUSED = 3
"""The exit code for a text that may not take its module's place."""


def apply(
    changes: Changes, modules: Mapping[str, Module], texts: Texts, graph: Any, place: Place | None = None
) -> Mapping[str, str]:
    """Writes the planned changes, unless loading `graph` again would yield other texts than `texts`.

    `modules` are those of the graph by name. `graph` is the words for it, or the object where a loaded module holds it
    under a name. `place` is the project, by default that of the working directory. Gives what the graph is made of
    then (`fingerprint.graph_parts`). Raises `SourceError` when the source is not what the plan was made from;
    then, and whatever else goes wrong, every file is byte for byte as it was.
    """
    require_current(changes)
    if not changes.files:
        return {}
    for name in changes.modules:
        if (broken := _broken(modules[name], texts[name])) is not None:
            raise SourceError(f"Nothing is written: the text for {name} cannot be used: {broken}.")
    proof = _Proof(changes, modules, texts, graph if isinstance(graph, str) else words_for(graph), place)
    if not proof.trusted and (unknown := proof.unknown()):
        raise SourceError(f"Nothing is written: {unknown}")
    file_writing.apply(changes, proof.complaint)
    return proof.parts


def require_current(changes: Changes) -> None:
    """Raises `SourceError` when the source no longer holds the texts that were started from."""
    if changes.stale:
        raise SourceError(
            "\n".join(f"{name}: {where}." for name, where in changes.stale.items())
            + "\nNothing is written. Put the source back, or start a new run from what it says now."
        )


def left_out(changes: Changes, prompts: Path) -> list[str]:
    """What is not written, a line for each text with its reason; `prompts` is the file that has all texts."""
    why = {**changes.refused, **changes.stale}
    lines = [f"Not written: {name}: {reason}." for name, reason in why.items()]
    offer = f'It is used without writing by load_prompts(graph, "{prompts}").'
    return [*lines, offer] if lines else []


def nothing(changes: Changes) -> list[str]:
    """Why there is nothing to write, where nothing was left out either."""
    if changes.files or changes.refused or changes.stale:
        return []
    if changes.done:
        return [f"Nothing to write: the source says the new text of {', '.join(changes.done)} already."]
    return ["Nothing to write: the best prompts are those that the run started from."]


def proved(changes: Changes, modules: Mapping[str, Module]) -> list[str]:
    """What was proved of changes that were written."""
    read = [name for name in changes.modules if modules[name].note]
    said = [name for name in changes.modules if not modules[name].note]
    lines = [f"Proved: the graph was loaded again and says the new text of {', '.join(said)}."] if said else []
    return [*lines, *([f"Read when the graph runs, so seen in its file alone: {', '.join(read)}."] if read else [])]


@dataclass(frozen=True, slots=True)
class _Proof:
    """That the project, loaded in a process of its own, says the new texts and otherwise what it said before."""

    changes: Changes
    modules: Mapping[str, Module]
    texts: Texts
    graph: str
    place: Place | None
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether it is this user who says which texts are modules of the graph, and where they are."""
        return self.place is None or self.place.trusted

    def unknown(self) -> str | None:
        """What somebody else's run calls a module, though the graph, loaded as it is, has none that says this.

        Any text of the project might be called one, say a command in a file of settings.
        """
        names = self.changes.modules
        read = _loaded(self.graph, self.place, {name: self.texts[name] for name in names})
        if isinstance(read, str):
            return read
        loaded = read.texts
        wrong = [name for name in names if name not in loaded or not _says(loaded[name], self.modules[name])]
        if not wrong:
            return None
        return f"{self.graph} has no {', '.join(wrong)} that says what the run started from, and the run is not yours."

    def complaint(self) -> str | None:
        """What is wrong when the graph is loaded anew; `None` when it says what is expected, and else what it said
        before."""
        read = _loaded(self.graph, self.place)
        if isinstance(read, str):
            return read
        loaded = read.texts
        self.parts.update(read.parts)
        wrong = [name for file in self.changes.files for name in file.modules if not self._said(name, file, loaded)]
        if wrong:
            return f"{self.graph} does not say the new text of {', '.join(wrong)} when it is loaded."
        others = [module for name, module in self.modules.items() if name not in self.changes.modules]
        for name in self.changes.modules:
            module, text = self.modules[name], self._written(name)
            made = [other.name for other in others if loaded.get(other.name) in _changed_with(other, module, text)]
            if made:
                return f"{', '.join(made)} would change as well, being made of {name}."
        return None

    def _written(self, name: str) -> str:
        return as_written(self.modules[name], self.texts[name])

    def _said(self, name: str, file: FileChange, loaded: Mapping[str, str]) -> bool:
        """Whether the graph says a module's new text: under its name or, where that is gone, under another. A text
        that it was seen to read from a file when it runs, and not before, need only be there."""
        wanted = replace(self.modules[name], text=self._written(name))
        if name in loaded or not self.trusted:
            said = name in loaded and _says(loaded[name], wanted)
        else:
            said = any(_says(text, wanted) for text in loaded.values())
        return said or (self.trusted and bool(wanted.note) and holds(str(file.path), wanted.text))


def _changed_with(other: Module, module: Module, text: str) -> list[str]:
    """What another module would say if its text were made of one that changes."""
    return [other.text.replace(module.text, text)] if module.text in other.text else []


def _broken(module: Module, text: str) -> str | None:
    """Why a text may not take a module's place by what the run knows of that: the graph may know more, such as the
    environment in which jinja2 renders it."""
    known = partial(templates.check, original=module.text, style=module.style, tokens=module.placeholders)
    return None if known(module.text) is not None else known(text)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A graph's texts by module name, and its parts by name."""

    texts: Mapping[str, str]
    parts: Mapping[str, str]


def _loaded(graph: str, place: Place | None, texts: Texts | None = None) -> _Loaded | str:
    """What `graph` says, loaded in a process of its own, or what is wrong with it: that it cannot be loaded, or that
    one of `texts` may not take the place of the module of its name."""
    with tempfile.TemporaryDirectory() as folder:
        out, new = Path(folder) / "texts.json", Path(folder) / "new.json"
        new.write_text(json.dumps(dict(texts or {})), encoding="utf-8")
        command = [sys.executable, "-m", __name__, graph, str(out), str(new)]
        paths = sys.path if place is None else place.paths
        try:
            # The words for the graph are the user's own or were looked at, and no shell reads them.
            done = subprocess.run(  # noqa: S603
                command,
                capture_output=True,
                check=False,
                timeout=LONGEST,
                cwd=None if place is None else place.folder,
                env={
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONPATH": os.pathsep.join(paths),
                    LOADING: "1",
                },
            )
        except subprocess.TimeoutExpired:
            return f"{graph} is not loaded after {LONGEST} seconds."
        if done.returncode or not out.exists():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
            return said[-1] if done.returncode == REFUSED else f"{graph} cannot be loaded: {said[-1]}"
        return _Loaded(**json.loads(out.read_text(encoding="utf-8")))


def _says(text: str, module: Module) -> bool:
    """Whether a text of the graph is the module's; the place of a docstring in the source adds space to it."""
    return text == module.text if module.kind == "prompt" else as_docstring(text) == as_docstring(module.text)


def words_for(graph: Any) -> str:
    """How a graph given as an object can be loaded again. Raises `UsageError` when that cannot be told."""
    script = sys.modules["__main__"]
    others = [(name, module) for name, module in sys.modules.items() if module is not script]
    places = [*others, ("__main__", script)]  # a script does more than make a graph: last of all
    for name, module in places if graph is not None else ():
        file = getattr(module, "__file__", None)
        if file is None:
            continue
        for attribute, value in list(vars(module).items()):
            if value is graph:
                return f"{file if name == '__main__' else name}:{attribute}"
    raise UsageError(
        "How the graph is loaded is not known, so it cannot be proved that it says the new texts. "
        "Name it: result.apply('path/to/file.py:attribute'), or --graph on the command line."
    )


def main(graph: str, out: str, new: str) -> None:
    """Writes a graph's texts and parts as JSON, by name, unless a text in the file `new` may not be among them."""
    try:
        found = survey(load_graph(graph), kinds=("prompt", "tool", "schema"))
    except Error as failure:
        sys.exit(str(failure).replace("\n", " "))
    texts = {module.name: module.text for module in found.modules}
    for name, text in json.loads(Path(new).read_text(encoding="utf-8")).items():
        if name in texts and (broken := found.check(name, text)) is not None:
            print(f"the text for {name} cannot be used: {broken}".replace("\n", " "), file=sys.stderr)
            sys.exit(REFUSED)
    Path(out).write_text(json.dumps({"texts": texts, "parts": graph_parts(found)}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

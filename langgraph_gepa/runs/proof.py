"""Proves a change of the source by loading the project again in a process of its own.

As a program, `python -m langgraph_gepa.runs.proof GRAPH OUT TEXTS`, it is that process: it loads a graph and writes its
texts to the file OUT, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.dataflow.text_files import holds
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.adapter.rollout.fingerprint import graph_parts
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.errors import Error, UsageError
from langgraph_gepa.runs.checkout import Project
from langgraph_gepa.runs.event_loop import LOADING
from langgraph_gepa.writeback.changes import Changes, FileChange
from langgraph_gepa.writeback.edits import as_docstring, as_written

LONGEST = 300
"""Seconds that loading a project may take."""
REFUSED = 3
"""The exit code for a text that may not replace its module's."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Proves that the project, loaded again, has the new texts and is otherwise unchanged.

    `graph` is the name that the graph is loaded by. `parts` is filled with what the graph is made of when it was loaded
    with the changes.
    """

    changes: Changes
    modules: Mapping[str, Module]
    texts: Texts
    graph: str
    project: Project | None
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether this user, and not somebody else's run, says which texts are modules of the graph and where."""
        return self.project is None or self.project.trusted

    def unknown_module(self) -> str | None:
        """Names what somebody else's run calls a module, though the graph, loaded as it is, has no such module.

        Any text of the project might be called one, such as a command in a file of settings.
        """
        names = self.changes.modules
        loaded = _load(self.graph, self.project, {name: self.texts[name] for name in names})
        if isinstance(loaded, str):
            return loaded
        texts = loaded.texts
        wrong = [name for name in names if name not in texts or not _is_text_of(self.modules[name], texts[name])]
        if not wrong:
            return None
        return f"{self.graph} has no {', '.join(wrong)} that says what the run started from, and the run is not yours."

    def complaint(self) -> str | None:
        """Loads the graph again and says what is wrong with its texts; `None` when they are as expected."""
        loaded = _load(self.graph, self.project)
        if isinstance(loaded, str):
            return loaded
        texts = loaded.texts
        self.parts.update(loaded.parts)
        wrong = [name for file in self.changes.files for name in file.modules if not self._has_text(name, file, texts)]
        if wrong:
            return f"{self.graph} does not say the new text of {', '.join(wrong)} when it is loaded."
        others = [module for name, module in self.modules.items() if name not in self.changes.modules]
        for name in self.changes.modules:
            module, text = self.modules[name], self._written(name)
            changed = [
                other.name
                for other in others
                if module.text in other.text and texts.get(other.name) == other.text.replace(module.text, text)
            ]
            if changed:
                return f"{', '.join(changed)} would change as well, being made of {name}."
        return None

    def _written(self, name: str) -> str:
        return as_written(self.modules[name], self.texts[name])

    def _has_text(self, name: str, file: FileChange, texts: Mapping[str, str]) -> bool:
        """Whether the graph has a module's new text: under its name or, where that is gone, under another one.

        A text that the graph was seen to read from a file while it ran, and not before, need only be in the file.
        """
        wanted = replace(self.modules[name], text=self._written(name))
        if name in texts or not self.trusted:
            found = name in texts and _is_text_of(wanted, texts[name])
        else:
            found = any(_is_text_of(wanted, text) for text in texts.values())
        return found or (self.trusted and bool(wanted.note) and holds(str(file.path), wanted.text))


def spec_of(graph: Any) -> str:
    """Returns a name by which a graph given as an object can be loaded again. Raises `UsageError` where it has none."""
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


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A graph's texts by module name, and its parts by name."""

    texts: Mapping[str, str]
    parts: Mapping[str, str]


def _load(graph: str, project: Project | None, texts: Texts | None = None) -> _Loaded | str:
    """Loads `graph` in a process of its own and returns what it is made of.

    Otherwise returns what is wrong: that it cannot be loaded, or that one of `texts` may not replace the text of the
    module of its name.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, new = Path(folder) / "texts.json", Path(folder) / "new.json"
        new.write_text(json.dumps(dict(texts or {})), encoding="utf-8")
        paths = sys.path if project is None else project.import_paths
        environment = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(paths), LOADING: "1"}
        try:
            # The name of the graph is the user's own or was checked, and no shell reads it.
            process = subprocess.run(  # noqa: S603
                [sys.executable, "-m", __name__, graph, str(out), str(new)],
                capture_output=True,
                check=False,
                timeout=LONGEST,
                cwd=None if project is None else project.folder,
                env={**os.environ, **environment},
            )
        except subprocess.TimeoutExpired:
            return f"{graph} is not loaded after {LONGEST} seconds."
        if process.returncode or not out.exists():
            last = (process.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"])[-1]
            return last if process.returncode == REFUSED else f"{graph} cannot be loaded: {last}"
        return _Loaded(**json.loads(out.read_text(encoding="utf-8")))


def _is_text_of(module: Module, text: str) -> bool:
    """Whether a text of the graph is the module's; the place of a docstring in the source adds space to it."""
    return text == module.text if module.kind == "prompt" else as_docstring(text) == as_docstring(module.text)


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

"""A run's texts into the project's source, proved by loading the project again.

Run as a program (`python -m langgraph_gepa.applying GRAPH FILE`) it loads a graph in a process of
its own and writes its texts to a file, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langgraph_gepa.agent.discovery import survey
from langgraph_gepa.agent.files import says
from langgraph_gepa.agent.loading import load_graph
from langgraph_gepa.checkout import Moved
from langgraph_gepa.errors import Error, SourceError, UsageError
from langgraph_gepa.search.module import Module, Texts
from langgraph_gepa.session import LOADING
from langgraph_gepa.source import applying
from langgraph_gepa.source.diff import Changes
from langgraph_gepa.source.seen import as_docstring

LONGEST = 300
"""Seconds that loading a project may take."""


def apply(
    changes: Changes, modules: Mapping[str, Module], texts: Texts, graph: Any, moved: Moved | None = None
) -> None:
    """Writes the planned changes, unless loading `graph` again would yield other texts than `texts`.

    `modules` are those of the graph by name. `graph` is the words for it, or the object where a loaded
    module holds it under a name. `moved` is the project where it lies elsewhere than the run noted. Raises
    `SourceError` when the source is not what the plan was made from; then, and whatever else goes wrong,
    every file is byte for byte as it was.
    """
    require_current(changes)
    if changes.files:
        words = graph if isinstance(graph, str) else _words(graph)
        if moved is not None:
            words = moved.words(words)
            modules = {name: moved.module(module) for name, module in modules.items()}
        expected = {modules[name]: texts[name] for name in changes.modules}
        others = [module for name, module in modules.items() if name not in changes.modules]
        applying.apply(changes, lambda: _complaint(expected, others, words, moved))


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


def _complaint(expected: Mapping[Module, str], others: Sequence[Module], graph: str, moved: Moved | None) -> str | None:
    """What is wrong when `graph` is loaded anew; `None` when it says what is expected, and else what it said before."""
    loaded = _loaded(graph, moved)
    if isinstance(loaded, str):
        return loaded
    wrong = [m.name for m, text in expected.items() if not _says(loaded, m, text) and not _reads(m, text)]
    if wrong:
        return f"{graph} does not say the new text of {', '.join(wrong)} when it is loaded."
    for module, text in expected.items():
        made = [other.name for other in others if loaded.get(other.name) in _changed_with(other, module, text)]
        if made:
            return f"{', '.join(made)} would change as well, being made of {module.name}."
    return None


def _changed_with(other: Module, module: Module, text: str) -> list[str]:
    """What another module would say if its text were made of one that changes."""
    return [other.text.replace(module.text, text)] if module.text in other.text else []


def _loaded(graph: str, moved: Moved | None) -> Mapping[str, str] | str:
    """The texts of `graph` by module name, loaded in a process of its own, or what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "texts.json"
        command = [sys.executable, "-m", __name__, graph, str(out)]
        try:
            # The words for the graph are the user's own, and no shell reads them.
            done = subprocess.run(  # noqa: S603
                command,
                capture_output=True,
                check=False,
                timeout=LONGEST,
                cwd=None if moved is None else moved.folder,
                env={
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONPATH": os.pathsep.join(sys.path if moved is None else [*moved.paths, *sys.path]),
                    LOADING: "1",
                },
            )
        except subprocess.TimeoutExpired:
            return f"{graph} is not loaded after {LONGEST} seconds."
        if done.returncode or not out.exists():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
            return f"{graph} cannot be loaded: {said[-1]}"
        loaded: Mapping[str, str] = json.loads(out.read_text(encoding="utf-8"))
    return loaded


def _says(loaded: Mapping[str, str], module: Module, text: str) -> bool:
    """Whether the graph says the text, under the module's name if that is still there."""
    said = [loaded[module.name]] if module.name in loaded else list(loaded.values())
    if module.kind == "prompt":
        return text in said
    return as_docstring(text) in map(as_docstring, said)


def _reads(module: Module, text: str) -> bool:
    """Whether a text that the graph was seen to read from a file when it runs, and not before, is there."""
    return bool(module.note) and module.file is not None and says(module.file, text)


def _words(graph: Any) -> str:
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


def main(graph: str, out: str) -> None:
    """Writes the texts of a graph as JSON, by module name."""
    try:
        found = survey(load_graph(graph), kinds=("prompt", "tool", "schema")).modules
    except Error as failure:
        sys.exit(str(failure).replace("\n", " "))
    Path(out).write_text(json.dumps({module.name: module.text for module in found}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

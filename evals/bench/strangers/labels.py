"""Labels: where a person found the texts that reach a model, as anchors; and which modules they are.

A label names a file, and in it a constant, class, function or method (`at`), and where that holds
several texts the first words of the one meant (`words`, at most six). Each project has a folder of its own in
`evals/labels`, with an `adapter.py` where its graph cannot be loaded or run as it is.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph_gepa.core.module import Module

_TELLING = 3
"""Words of a text by which it is told in a longer one."""
FOLDER = Path(__file__).resolve().parents[2] / "labels"


@dataclass(frozen=True, slots=True)
class Label:
    """One text. `needs_run` says that walking cannot meet it; `optional` ones count neither way.

    `own` is false for what reaches a model and is no prompt of the project: data, glue, a library's text.
    """

    file: str
    at: str = ""
    words: str = ""
    kind: str = "prompt"
    role: str = "system"
    lives: str = ""
    use: str = ""
    needs_run: bool = False
    optional: bool = False
    own: bool = True

    @property
    def name(self) -> str:
        return f"{self.file}:{self.at}" + (f' "{self.words}"' if self.words else "")


@dataclass(frozen=True, slots=True)
class GraphLabels:
    """One graph, how to run it, and its labels."""

    name: str
    load: str
    texts: tuple[Label, ...]
    runs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Project:
    """One project: `repo` and `commit`, or `packages` it is published in."""

    name: str
    half: str
    repo: str = ""
    commit: str = ""
    packages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    standins: tuple[str, ...] = ()
    graphs: tuple[GraphLabels, ...] = ()

    @property
    def adapter(self) -> Path:
        return FOLDER / self.name / "adapter.py"


def projects() -> Iterator[Project]:
    """Every labelled project, in the order of the split."""
    split = tomllib.loads((FOLDER / "split.toml").read_text(encoding="utf-8"))
    for half, names in split.items():
        for name in names:
            path = FOLDER / name / "labels.toml"
            if path.is_file():
                yield _project(name, half.replace("_", "-"), tomllib.loads(path.read_text(encoding="utf-8")))


def _project(name: str, half: str, read: dict[str, Any]) -> Project:
    shared = {key: tuple(Label(**text) for text in texts) for key, texts in read.pop("shared", {}).items()}
    graphs = []
    for graph in read.pop("graph"):
        texts = [Label(**text) for text in graph.get("texts", ())]
        texts += [label for key in graph.get("also", ()) for label in shared[key]]
        graphs.append(GraphLabels(graph["name"], graph["load"], tuple(texts), tuple(graph.get("run", [{}]))))
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in read.items()}
    return Project(name, half, **lists, graphs=tuple(graphs))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A label found in its file: the lines its text takes, and words that it says."""

    label: Label
    path: Path
    first: int
    last: int
    words: str
    text: str = field(repr=False, default="")

    def says(self, text: str) -> bool:
        return self.words in plain(text)

    def is_in(self, module: Module) -> bool:
        """Whether a longer text says what the label's does, by enough words to tell it."""
        return self.label.kind == module.kind and len(self.words.split()) >= _TELLING and self.says(module.text)

    def holds(self, module: Module, here: Path) -> bool:
        """Whether a module is written where the label points."""
        if module.file is None or (here / module.file).resolve() != self.path:
            return False
        return module.line is None or self.first <= module.line <= self.last

    def is_own(self, root: Path) -> bool:
        """Whether it is a prompt of the project's: labelled so, and not written in an installed package."""
        return self.label.own and (self.path.is_relative_to(root) or self.path.is_relative_to(FOLDER))

    def is_spare(self, root: Path) -> bool:
        """Whether it counts neither way as to whose it is: the older labels do not say it of what is optional."""
        return self.label.optional and self.is_own(root)


def stands_in(module: Module, root: Path) -> bool:
    """Whether a module is written beside the labels, where what stands in for a project's services is."""
    home = FOLDER.resolve()
    return root != home and module.file is not None and (root / module.file).resolve().is_relative_to(home)


class AnchorError(Exception):
    """A label whose file, name or words are not there: the project has changed, or the label is wrong."""


def anchored(label: Label, root: Path) -> Anchor:
    """Finds a label below the project's folder, among the installed packages or beside the labels."""
    for base in (root, *map(Path, sys.path), FOLDER):
        if (base / label.file).is_file():
            path = (base / label.file).resolve()
            break
    else:
        raise AnchorError(f"no file {label.file}")
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        if label.words and label.words not in plain(source):
            raise AnchorError(f"{label.name}: no such words")
        return Anchor(label, path, 1, source.count("\n") + 1, label.words or _telling(source), source)
    found: ast.AST = _named(ast.parse(source), label)
    if label.words:
        found = _saying(found, label)
    first, last = found.lineno, found.end_lineno  # type: ignore[attr-defined]
    text = _static(found)
    return Anchor(label, path, first, last or first, label.words or _telling(text), text)


def _named(tree: ast.AST, label: Label) -> ast.AST:
    found = tree
    for name in filter(None, label.at.split(".")):
        inner = [node for node in _definitions(found) if name in _names(node)]
        if not inner:
            raise AnchorError(f"{label.name}: no {name!r} there")
        found = inner[-1]
    if isinstance(found, ast.Assign | ast.AnnAssign) and found.value is not None:
        return found.value
    return found


def _definitions(tree: ast.AST) -> Iterator[ast.AST]:
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _saying(tree: ast.AST, label: Label) -> ast.expr:
    """The outermost string expression that says the words."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and label.words in plain(_static(node)):
            return node
        todo.extend(ast.iter_child_nodes(node))
    raise AnchorError(f"{label.name}: no such words there")


def _static(node: ast.AST) -> str:
    """The text an expression spells out, with braces for what is filled in."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _static(left) + _static(right)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return ast.get_docstring(node) or "".join(_static(n) for n in ast.walk(node) if isinstance(n, ast.Constant))
        case ast.expr():
            inner = (n for n in ast.walk(node) if n is not node and isinstance(n, ast.Constant | ast.JoinedStr))
            return next(filter(None, map(_static, inner)), "")
    return ""


def plain(text: str) -> str:
    return " ".join(text.split())


def _telling(text: str) -> str:
    """The first six words between two placeholders, or the longest such stretch."""
    parts = [
        plain(part)
        for part in re.split(r"\{[^{}]*\}", text.replace("{{", "\0").replace("}}", "\0"))
        for part in part.split("\0")
    ]
    full = next((p for p in parts if len(p.split()) >= 6), None)
    return " ".join((full or max(parts, key=len)).split()[:6])


def _kinds(label: Label) -> tuple[str, ...]:
    """What a module of this label may be: a prompt in a tool's role is a tool's description, or what one answers."""
    return _KINDS["answer" if label.kind == "prompt" and label.role == "tool" else label.kind]


_KINDS = {
    "prompt": ("prompt",),
    "answer": ("tool", "schema", "prompt"),
    "tool": ("tool", "schema"),
    "schema": ("schema", "tool"),
}


@dataclass(slots=True)
class Matching:
    """`found` maps a label's place in the list to its module; `moved` were found in another place."""

    found: dict[int, Module] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    double: list[tuple[int, Module]] = field(default_factory=list)
    pieces: list[tuple[int, Module]] = field(default_factory=list)
    strange: list[Module] = field(default_factory=list)


def match(anchors: Sequence[Anchor], modules: Iterable[Module], here: Path) -> Matching:
    """Pairs anchors with modules: by place and words, then by words, then by place alone.

    A text that was put together when the graph was built is every label's that it says, if no better is on.
    """
    result = Matching()
    modules = list(modules)
    left = list(modules)
    for rule in (_exactly, _saying_so, _standing_there):
        for index, anchor in sorted(enumerate(anchors), key=lambda pair: not pair[1].label.own):
            if index in result.found:
                continue
            module = next((m for m in left if m.kind in _kinds(anchor.label) and rule(anchor, m, here)), None)
            if module is not None:
                result.found[index] = module
                left.remove(module)
                if rule is _saying_so and module.file is not None:
                    result.moved.add(index)
    for index, anchor in enumerate(anchors):
        if index not in result.found or not result.found[index].on:
            built = next((m for m in modules if _put_together(m) and anchor.is_in(m)), None)
            if built is not None:
                result.found[index] = built
                result.moved.discard(index)
    used = {module.name for module in result.found.values()}
    for module in (module for module in left if module.name not in used):
        same = next((i for i, a in enumerate(anchors) if a.says(module.text)), None)
        near = next((i for i, a in enumerate(anchors) if a.holds(module, here)), None)
        if same is not None:
            result.double.append((same, module))
        elif near is not None and module.line is not None:
            result.pieces.append((near, module))
        else:
            result.strange.append(module)
    return result


def _put_together(module: Module) -> bool:
    """Whether a prompt that is on stands in memory only, where code joined it before the graph was discovered."""
    return module.kind == "prompt" and module.on and module.file is None and not module.note


def _exactly(anchor: Anchor, module: Module, here: Path) -> bool:
    return anchor.holds(module, here) and anchor.says(module.text)


def _saying_so(anchor: Anchor, module: Module, here: Path) -> bool:
    return anchor.says(module.text)


def _standing_there(anchor: Anchor, module: Module, here: Path) -> bool:
    if not anchor.holds(module, here) or module.line is None:
        return False
    told, said = set(plain(anchor.text).split()), set(plain(module.text).split())
    return bool(said) and len(told & said) >= len(said) / 2

"""The texts that a project keeps in files: a whole file, or a value in JSON, in YAML or above a text."""

from __future__ import annotations

import itertools
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from langgraph_gepa.adapter import templates
from langgraph_gepa.core.module import Style

_STYLES: dict[str, Style] = {
    ".jinja": "jinja2",
    ".jinja2": "jinja2",
    ".j2": "jinja2",
    ".mustache": "mustache",
    ".hbs": "mustache",
}
_WHOLE = {".md", ".markdown", ".txt", ".prompt", ".tmpl", ".tpl", ".xml", ".html", *_STYLES}
_VALUES = {".json", ".yaml", ".yml"}
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "build", "dist", "venv"}
_ROOT = ("pyproject.toml", "langgraph.json", "setup.py", "setup.cfg", ".git")
_PERHAPS_ROOT = ("requirements.txt", "Pipfile")
"""What lies in the root of a project that has none of the others, and may lie in a folder of one that has."""
_LARGEST = 200_000
"""Bytes up to which a file is looked into: what is larger is data."""
_MOST = 3_000
"""Files of a project that are looked at."""
_MOST_VALUES = 300
"""Texts of a file up to which it holds prompts: one with more holds data."""
_ABOUT = {"readme", "changelog", "contributing", "license", "history", "news", "todo"}
_WORDS = 4
_PART = 40
"""Characters from which a text is looked for as a part of a file."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in a file, from `line`. `keys` (of lists, indexes) lead to a value; a file that is the text has none.

    `style` is told by the file's name, `plain` where that says nothing; `part` says that it is some lines of it.
    """

    text: str
    file: str
    line: int = 1
    keys: tuple[str, ...] = ()
    style: Style = "plain"
    part: bool = False

    @property
    def name(self) -> str:
        """What the text is called by: its file and keys."""
        return ".".join([self.stem, *self.keys])

    @property
    def stem(self) -> str:
        """The name of its file without any ending."""
        return Path(self.file).name.partition(".")[0]

    @property
    def shape(self) -> tuple[str, int, str]:
        """What the items of a list, and the values of one key in several objects that are alike, have in common."""
        last = self.keys[-1] if self.keys else ""
        return self.file, len(self.keys), "" if last.isdecimal() else last

    @property
    def about(self) -> bool:
        """Whether it is no text to take a part of: a value, or what tells people of the project."""
        return bool(self.keys) or Path(self.file).stem.lower() in _ABOUT


class Files:
    """The texts of the projects that some source files belong to. Nothing is read before it is asked for."""

    def __init__(self, roots: Iterable[str], sources: Iterable[str] = ()) -> None:
        self.roots = tuple(dict.fromkeys(roots))
        self.folders = tuple(dict.fromkeys(str(Path(source).absolute().parent) for source in sources))

    @classmethod
    def of(cls, sources: Iterable[str]) -> Files:
        sources = tuple(sources)
        return cls(roots(sources), sources)

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        paths = dict.fromkeys(path for root in self.roots for path in _paths(root))
        return tuple(text for path in list(paths)[:_MOST] for text in _texts(path))

    @cached_property
    def _by_text(self) -> dict[str, list[Text]]:
        found: dict[str, list[Text]] = {}
        for one in self.texts:
            found.setdefault(one.text.strip(), []).append(one)
        return found

    def nearest(self, texts: Sequence[Text]) -> list[Text]:
        """Those of the texts that stand next to the source: one program's are not another's beside it."""
        depths = {text: max((_together(text.file, one) for one in self.folders), default=0) for text in texts}
        return [text for text in texts if depths[text] == max(depths.values())]

    def home(self, text: str) -> Text | None:
        """The one place that holds `text`: a file that is it, a value, or some whole lines of a file.

        Space around it does not count. `None` when no file does, or several do that are equally near.
        """
        core = text.strip()
        exact = self.nearest(self._by_text.get(core, []))
        if exact:
            return exact[0] if len(exact) == 1 else None
        if len(core) < _PART:
            return None
        parts = self.nearest([one for one in self.texts if not one.about and _lines_of(one.text, core) is not None])
        if len(parts) != 1:
            return None
        return Text(text, parts[0].file, _lines_of(parts[0].text, core) or 1, (), parts[0].style, True)


def _together(file: str, folder: str) -> int:
    """How many folders the paths of a file and of a folder begin with alike."""
    pairs = zip(Path(file).parent.parts, Path(folder).parts, strict=False)
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))


def holds(file: str, text: str) -> bool:
    """Whether a file is a text, holds it as a value, or as whole lines; space around it does not count."""
    core = text.strip()
    return any(core == one.text.strip() or _lines_of(one.text, core) is not None for one in _texts(file))


def roots(files: Iterable[str]) -> Iterator[str]:
    """The project each of these source files belongs to."""
    for file in dict.fromkeys(files):
        if Path(file).is_file():
            yield project(str(Path(file).absolute().parent))


@cache
def project(folder: str) -> str:
    """The root of the project that a folder belongs to: the folder itself where nothing tells."""
    here = Path(folder)
    for above in (here, *here.parents):
        if above.name in ("site-packages", "dist-packages"):  # an installed package is a project of its own
            return str(above / here.relative_to(above).parts[0]) if here != above else folder
        if any((above / name).exists() for name in _ROOT):
            return str(above)
    perhaps = (above for above in (here, *here.parents) if any((above / name).exists() for name in _PERHAPS_ROOT))
    return str(next(perhaps, folder))


def _paths(root: str) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        if "run.db" in names or "pyvenv.cfg" in names:
            below.clear()
            continue
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            if Path(name).suffix.lower() in _WHOLE | _VALUES:
                yield str(Path(folder, name))


def _texts(path: str) -> tuple[Text, ...]:
    try:
        known = Path(path).stat()
    except OSError:
        return ()
    if not stat.S_ISREG(known.st_mode) or known.st_size > _LARGEST:  # a pipe would be waited for
        return ()
    return _read(path, known.st_mtime_ns, known.st_size)


@cache
def _read(path: str, changed: int, size: int) -> tuple[Text, ...]:  # noqa: ARG001 - what makes a file another
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        return ()
    suffix = Path(path).suffix.lower()
    whole: tuple[Text, ...] = ()
    if suffix in _WHOLE:
        whole = (Text(content, path, style=_STYLES.get(suffix, "plain")),) if templates.has_words(content) else ()
        values = _header_values(content)
    else:
        values = _json_values(content) if suffix == ".json" else _yaml_values(content)
    texts = tuple(
        Text(value, path, line, keys) for keys, value, line in values if templates.word_count(value) >= _WORDS
    )
    return (*whole, *texts) if len(texts) <= _MOST_VALUES else whole


def _header_values(content: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """The values above a text, in YAML between two lines of dashes, as a skill has its description there."""
    header = _HEADER.match(content)
    if header is not None:
        yield from ((keys, value, line + 1) for keys, value, line in _yaml_values(header[1]))


def _yaml_values(content: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    try:
        documents = list(yaml.compose_all(content, Loader=_LOADER))
    except (yaml.YAMLError, RecursionError):
        return
    met: set[int] = set()
    todo: list[tuple[tuple[str, ...], yaml.Node]] = [((), document) for document in reversed(documents)]
    while todo:
        keys, node = todo.pop()
        if id(node) in met:  # an alias
            continue
        met.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield keys, node.value, node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            todo += [((*keys, str(key.value)), value) for key, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            todo += [((*keys, str(i)), value) for i, value in reversed(list(enumerate(node.value)))]


def _json_values(content: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    levels: list[str | int] = []  # the key or index that is read, of each object and list around it
    line, at = 1, 0
    for match in _JSON_TOKEN.finditer(content):
        line, at = line + content.count("\n", at, match.start()), match.start()
        match match[0]:
            case "{":
                levels.append("")
            case "[":
                levels.append(0)
            case "}" | "]":
                levels = levels[:-1]
            case ",":
                levels = [*levels[:-1], *(one + 1 if isinstance(one, int) else one for one in levels[-1:])]
            case text:
                try:
                    value = json.loads(text, strict=False)
                except ValueError:
                    continue
                if _JSON_KEY.match(content, match.end()):
                    levels[-1:] = [value]
                else:
                    yield tuple(map(str, levels)), value, line


def _lines_of(content: str, core: str) -> int | None:
    """The line from which `core` stands in the content as whole lines; `None` when it does not."""
    at = content.find(core) if core else -1
    if at < 0:
        return None
    before, after = content[:at].rpartition("\n")[2], content[at + len(core) :].partition("\n")[0]
    return None if before.strip() or after.strip() else content.count("\n", 0, at) + 1


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
_JSON_KEY = re.compile(r"\s*:")

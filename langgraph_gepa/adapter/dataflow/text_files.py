"""Reads the texts that a project keeps in files: whole files, and values in JSON, in YAML or in a front matter."""

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
from langgraph_gepa.core.file_kinds import TEXT_ENDINGS, VALUE_ENDINGS, ending, project_files
from langgraph_gepa.core.module import Style

_STYLES: dict[str, Style] = {
    ".jinja": "jinja2",
    ".jinja2": "jinja2",
    ".j2": "jinja2",
    ".mustache": "mustache",
    ".hbs": "mustache",
}
_ROOT = ("pyproject.toml", "langgraph.json", "setup.py", "setup.cfg", ".git")
_PERHAPS_ROOT = ("requirements.txt", "Pipfile")
"""Files that mark the root of a project only if no folder above it has one of `_ROOT`."""
_LARGEST = 200_000
"""Most bytes of a file that is read: larger ones are data."""
_MOST = 3_000
"""Most files that are read."""
_MOST_VALUES = 300
"""Most texts of a file with prompts: one with more is data."""
_DOCUMENTATION = {"readme", "changelog", "contributing", "license", "history", "news", "todo"}
_WORDS = 4
_PART = 40
"""From this many characters, a text is searched as a part of a file."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in a file, from `line` on.

    `keys` lead to a value, with indexes for lists; a file that is the text has none. `style` follows from the ending of
    the file. `part` means that the text is some lines of the file.
    """

    text: str
    file: str
    line: int = 1
    keys: tuple[str, ...] = ()
    style: Style = "plain"
    part: bool = False

    @property
    def name(self) -> str:
        """The name of the text, from its file and keys."""
        return ".".join([self.stem, *self.keys])

    @property
    def stem(self) -> str:
        """The name of the file without endings."""
        return Path(self.file).name.partition(".")[0]

    @property
    def shape(self) -> tuple[str, int, str]:
        """What the items of one list have in common, and the values of one key in similar objects."""
        last = self.keys[-1] if self.keys else ""
        return self.file, len(self.keys), "" if last.isdecimal() else last

    @property
    def is_indivisible(self) -> bool:
        """Whether no part of the text can be a prompt: it is a value, or documentation such as a readme."""
        return bool(self.keys) or Path(self.file).stem.lower() in _DOCUMENTATION


class Files:
    """The texts of the projects that some source files belong to, read when first used."""

    def __init__(self, roots: Iterable[str], sources: Iterable[str] = ()) -> None:
        self.roots = tuple(dict.fromkeys(roots))
        self.folders = tuple(dict.fromkeys(str(Path(source).absolute().parent) for source in sources))

    @classmethod
    def of(cls, sources: Iterable[str]) -> Files:
        """The texts of the projects of these source files."""
        sources = tuple(sources)
        return cls(roots(sources), sources)

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """Every text in the files."""
        listed = (one for root in self.roots for one in project_files(os.walk(root), TEXT_ENDINGS | VALUE_ENDINGS))
        paths = dict.fromkeys(str(Path(folder, name)) for folder, name in listed)
        return tuple(text for path in list(paths)[:_MOST] for text in _texts(path))

    @cached_property
    def _by_text(self) -> dict[str, list[Text]]:
        found: dict[str, list[Text]] = {}
        for one in self.texts:
            found.setdefault(one.text.strip(), []).append(one)
        return found

    def nearest(self, texts: Sequence[Text]) -> list[Text]:
        """The texts that are nearest to the source files, as programs in neighbouring folders have their own."""
        depths = {text: max((_together(text.file, one) for one in self.folders), default=0) for text in texts}
        return [text for text in texts if depths[text] == max(depths.values())]

    def home(self, text: str) -> Text | None:
        """The only text in files that is `text`: a file, a value, or whole lines of a file.

        Surrounding space is ignored. `None` if there is none, or several are equally near.
        """
        core = text.strip()
        exact = self.nearest(self._by_text.get(core, []))
        if exact:
            return exact[0] if len(exact) == 1 else None
        if len(core) < _PART:
            return None
        parts = self.nearest(
            [one for one in self.texts if not one.is_indivisible and _lines_of(one.text, core) is not None]
        )
        if len(parts) != 1:
            return None
        return Text(text, parts[0].file, _lines_of(parts[0].text, core) or 1, (), parts[0].style, True)


def _together(file: str, folder: str) -> int:
    """How many leading folders two paths have in common."""
    pairs = zip(Path(file).parent.parts, Path(folder).parts, strict=False)
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))


def holds(file: str, text: str) -> bool:
    """Whether a file is a text, or holds it as a value or as whole lines; surrounding space is ignored."""
    core = text.strip()
    return any(core == one.text.strip() or _lines_of(one.text, core) is not None for one in _texts(file))


def roots(files: Iterable[str]) -> Iterator[str]:
    """The root folders of the projects that source files belong to."""
    for file in dict.fromkeys(files):
        if Path(file).is_file():
            yield project(str(Path(file).absolute().parent))


@cache
def project(folder: str) -> str:
    """The root of the project that a folder belongs to; the folder itself if nothing marks a root."""
    here = Path(folder)
    for above in (here, *here.parents):
        if above.name in ("site-packages", "dist-packages"):  # an installed package is a project of its own
            return str(above / here.relative_to(above).parts[0]) if here != above else folder
        if any((above / name).exists() for name in _ROOT):
            return str(above)
    perhaps = (above for above in (here, *here.parents) if any((above / name).exists() for name in _PERHAPS_ROOT))
    return str(next(perhaps, folder))


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
    suffix = ending(Path(path).name)
    whole: tuple[Text, ...] = ()
    if suffix in TEXT_ENDINGS:
        whole = (Text(content, path, style=_STYLES.get(suffix, "plain")),) if templates.has_words(content) else ()
        values = _header_values(content)
    else:
        values = _json_values(content) if suffix == ".json" else _yaml_values(content)
    texts = tuple(
        Text(value, path, line, keys) for keys, value, line in values if templates.word_count(value) >= _WORDS
    )
    return (*whole, *texts) if len(texts) <= _MOST_VALUES else whole


def _header_values(content: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """The values of a front matter: YAML between two lines of dashes, such as the description of a skill."""
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
    levels: list[str | int] = []  # the current key or index of each enclosing object and list
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
    """The first line of `core` in the content, as whole lines; `None` if it is not there."""
    at = content.find(core) if core else -1
    if at < 0:
        return None
    before, after = content[:at].rpartition("\n")[2], content[at + len(core) :].partition("\n")[0]
    return None if before.strip() or after.strip() else content.count("\n", 0, at) + 1


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
_JSON_KEY = re.compile(r"\s*:")

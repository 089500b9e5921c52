"""What the official verifiers of IFBench (58 kinds of constraint) and IFEval (25) say of a reply.

They come in the wheel of lighteval (MIT), which is installed without its heavy dependencies:

    pip install -e ".[ifbench]" && pip install --no-deps lighteval==0.13.0
    python -m nltk.downloader punkt_tab averaged_perceptron_tagger_eng stopwords
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

from langgraph_gepa.errors import UsageError

TASKS = "lighteval.tasks.tasks"
PACKAGES = ("emoji", "langdetect", "nltk", "spacy", "syllapy")  # what lighteval imports only if it finds it
INSTALL = 'pip install -e ".[ifbench]" && pip install --no-deps lighteval==0.13.0'
RESOURCES = {
    "punkt_tab": "tokenizers/punkt_tab",
    "averaged_perceptron_tagger_eng": "taggers/averaged_perceptron_tagger_eng",
    "stopwords": "corpora/stopwords",
}
DOWNLOAD = f"python -m nltk.downloader {' '.join(RESOURCES)}"
ORDINARY = "Birds sing in the morning. They are small, but many people hear them."
CHECKING = Lock()  # metrics run in threads; NLTK's corpora must not be loaded by two of them at once


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one constraint, here in `words`. `met` is `None` if it could not be checked; `reason` says why."""

    words: str
    met: bool | None
    reason: str = ""


def judge(constraint: Mapping[str, Any], query: str, reply: str) -> Verdict:
    """Whether `reply` meets `constraint` (`id`, `arguments`), in the loose sense: any of its `variants` does.

    Raises `UsageError` where the verifiers are not installed.
    """
    kind = constraint["id"]
    given = {name: value for name, value in constraint["arguments"].items() if value is not None}
    label = f"{kind} {given}" if given else str(kind)
    with CHECKING:
        verifier_of = verifiers().get(kind)
        if verifier_of is None:
            return Verdict(label, None, "no official verifier knows this kind")
        try:
            verifier = verifier_of(kind)
            words = verifier.build_description(**given)
            used = verifier.get_instruction_args() or {}
            if "prompt" in used:
                words = verifier.build_description(prompt=query)
            elif replaced := [name for name, value in used.items() if _replaced(value, given.get(name))]:
                return Verdict(label, None, f"its verifier puts a random value in place of {', '.join(replaced)}")
            return Verdict(words, any(_follows(verifier, variant) for variant in variants(reply)))
        except Exception as error:  # noqa: BLE001 - the code of others, which raises what it likes
            return Verdict(label, None, _cause(error))


def _replaced(used: Any, given: Any) -> bool:
    """Verifiers sort lists and strip texts; for a number or a text they do not like they draw another."""
    if isinstance(used, str) and isinstance(given, str):
        return used.strip().lower() != given.strip().lower()
    return isinstance(used, str | int | float) and used != given


def _follows(verifier: Any, text: str) -> bool:
    try:
        return bool(text.strip()) and bool(verifier.check_following(text))
    except Exception:  # noqa: BLE001 - verifiers count on words or sentences and stumble over a text that has none
        verifier.check_following(ORDINARY)  # what fails on any text is not the reply's fault, and raised
        return False


def _cause(error: Exception) -> str:
    if type(error) is LookupError:  # NLTK's error for a resource it does not find, a page long
        return f"a resource of NLTK is missing; run: {DOWNLOAD}"
    return f"its verifier failed: {type(error).__name__}: {error}"


def variants(reply: str) -> Iterator[str]:
    """What the official loose evaluation accepts: without the first line, the last or both, and without asterisks."""
    lines = reply.split("\n")
    for text in (reply, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))):
        yield text
        yield text.replace("*", "")


@cache
def verifiers() -> Mapping[str, Any]:
    """The classes of official verifiers by kind of constraint. Raises `UsageError` where they are not installed."""
    try:
        for package in PACKAGES:
            import_module(package)
        nltk = _without_repeated_downloads(import_module("nltk"))
        for resource in RESOURCES:
            nltk.download(resource)
        ifbench = import_module(f"{TASKS}.ifbench.instructions_registry")
        ifeval = import_module(f"{TASKS}.ifeval.instructions_registry")
    except ImportError as error:
        raise UsageError(
            f"The official verifiers of IFBench and IFEval cannot be loaded ({error}). Run: {INSTALL} && {DOWNLOAD}"
        ) from error
    ifbench.instructions.RESOURCES_DOWNLOADED = True  # else it also fetches a spaCy model that no verifier uses
    import_module(f"{TASKS}.ifeval.instructions_utils").nltk = nltk
    import_module("langdetect").DetectorFactory.seed = 0  # else a short text is now in one language, now in another
    return {**ifeval.INSTRUCTION_DICT, **ifbench.INSTRUCTION_DICT}


def _without_repeated_downloads(nltk: ModuleType) -> Any:
    """NLTK for one module of lighteval's, which downloads its stop words again at every check."""

    @cache
    def download(resource: str) -> None:
        try:
            nltk.data.find(RESOURCES[resource])
        except LookupError:
            nltk.download(resource, quiet=True)

    stand_in: Any = ModuleType("nltk")
    stand_in.download = download
    stand_in.__getattr__ = partial(getattr, nltk)
    return stand_in

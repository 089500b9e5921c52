"""Stand-ins for what a stranger's project needs and this machine has not: providers' models, search, mail.

Every chat model becomes LangChain's OpenAI model talking to the loopback server. Other missing modules
become modules whose every name is a class that takes anything and does nothing; what a project needs
more than that is in its adapter beside its labels.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import types
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

PROVIDERS = {
    "langchain_anthropic": ("ChatAnthropic",),
    "langchain_google_genai": ("ChatGoogleGenerativeAI",),
    "langchain_google_vertexai": ("ChatVertexAI",),
    "langchain_groq": ("ChatGroq",),
    "langchain_ollama": ("ChatOllama",),
    "langchain_deepseek": ("ChatDeepSeek",),
    "langchain_aws": ("ChatBedrock", "ChatBedrockConverse"),
}


def install(url: str, names: Collection[str]) -> None:
    """Sends every model to `url`, and makes `names` importable where they are missing."""
    keys = ("OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE", "GROQ", "TAVILY", "COHERE", "FIREWORKS", "LANGSMITH")
    os.environ.update({f"{key}_API_KEY": "simulated" for key in keys})
    os.environ.update({"OPENAI_BASE_URL": url, "OPENAI_API_BASE": url, "LANGSMITH_TRACING": "false"})
    sys.meta_path.append(_Finder(frozenset(names)))

    import langchain.chat_models.base as chat_models
    import langchain_openai
    import langchain_openai.chat_models.base as openai_models

    class SimulatedChat(langchain_openai.ChatOpenAI):
        """Any provider's model, by way of the loopback server."""

        def __init__(self, *_: Any, **given: Any) -> None:
            kept = {key: given[key] for key in ("temperature", "name", "tags") if key in given}
            super().__init__(model="simulated", base_url=url, api_key="simulated", max_retries=0, **kept)

    # Not the user's code: it must look as installed as the class it stands in for.
    SimulatedChat.__module__ = "langchain_openai.chat_models.base"
    openai_models.BaseChatOpenAI._use_responses_api = lambda self, payload: False  # type: ignore[method-assign]
    chat_models._init_chat_model_helper = lambda *_, **given: SimulatedChat(**given)  # type: ignore[assignment]
    for module, classes in PROVIDERS.items():
        for name in classes if importlib.util.find_spec(module) else ():
            setattr(importlib.import_module(module), name, SimulatedChat)


def canned(**values: Any) -> Any:
    """An object with these attributes, whatever it is called with."""
    return type("Canned", (Standin,), values)


class Standin:
    """Takes anything, is anything, does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        return

    def __repr__(self) -> str:
        return "simulated"

    def __call__(self, *given: Any, **_: Any) -> Any:
        # Used as a decorator it leaves the function alone.
        return given[0] if len(given) == 1 and isinstance(given[0], types.FunctionType) else Standin()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Standin()

    def __iter__(self) -> Any:
        return iter(())

    def __await__(self) -> Any:
        return iter(())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return


class _Module(types.ModuleType):
    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Standin,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nothing else found, by its top name."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.split(".")[0] not in self.names and name not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        made = _Module(spec.name)
        made.__file__ = str(Path(sysconfig.get_path("purelib"), *spec.name.split("."), "__init__.py"))
        return made

    def exec_module(self, module: types.ModuleType) -> None:
        return

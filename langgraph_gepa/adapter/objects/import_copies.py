"""How copied functions import copies of modules: by an `__import__` among builtins of their own."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from langgraph_gepa.adapter.objects import ownership

Names = dict[str, Any]
"""The names in a module."""

Copied = Mapping[int, tuple[Names, ModuleType]]
"""The names in modules, by their identity, with the copies of these modules."""


class Importer:
    """Takes the place of `__import__` for copied functions: gives them the copies of modules in place of these."""

    def __init__(self, before: Any, modules: Copied) -> None:
        self.modules = modules
        self._before = before

    def __call__(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        found = self._before(name, globals, locals, fromlist, level)
        return self._copy(found) if issubclass(type(found), ModuleType) else found

    def by_name(self, import_module: Any) -> Any:
        """The `import_module` of copied functions, in place of this one."""
        return lambda name, package=None: self._copy(import_module(name, package))

    def copy_of(self, module: ModuleType) -> ModuleType:
        if isinstance(self._before, Importer):
            module = self._before.copy_of(module)
        return self._copy(module)

    def _copy(self, module: ModuleType) -> ModuleType:
        _, copy = self.modules.get(id(ownership.names_in(module)), (None, module))
        return copy


class Builtins(dict[str, Any]):
    """The builtins of copied functions: `__import__` is their own, all others are what they are for everybody now."""

    def __init__(self, own: Names, modules: Copied) -> None:
        self.own: Names = own.own if isinstance(own, Builtins) else own
        self.importer = Importer(own["__import__"], modules)
        super().__init__(own, __import__=self.importer)

    def __getitem__(self, name: str) -> Any:
        return self.importer if name == "__import__" else self.own[name]

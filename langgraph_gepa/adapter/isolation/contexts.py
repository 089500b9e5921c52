"""Makes the context of a rollout: what the user gave, with the texts of the graph that is run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from langgraph.pregel import Pregel
from pydantic import BaseModel, ValidationError
from typing_extensions import is_typeddict

from langgraph_gepa.adapter.isolation.input_copies import context_copied
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError


def context_for(graph: Pregel[Any, Any, Any, Any], given: Any, example: Example) -> Any:
    """The context to run `graph` with on `example`.

    `given` is a context, its schema, or a function of the example. Without one, a graph with a schema gets the schema's
    defaults, as in LangGraph Server. A value that is the default of the original schema becomes the default of this
    graph's schema, which may be another text. Raises `UsageError` for a context that the schema does not accept.
    """
    schemas = list(_schemas(graph))
    if isinstance(given, type):
        context = _made(given, {})
    else:
        context = given(example) if callable(given) else context_copied(given)
    if not schemas:
        return context
    schema = next((one for one in schemas if isinstance(context, _original(one) or ())), schemas[0])
    if context is not None and not isinstance(context, Mapping):
        return _of_schema(context, schema)
    as_given = is_typeddict(schema) or issubclass(schema, Mapping)
    if context is not None:
        context = {**context, **_replaced(context, schema)}
        as_given = as_given or schema is not graph.context_schema
    return context or {} if as_given else _made(schema, context or {})


def _schemas(graph: Pregel[Any, Any, Any, Any]) -> Iterator[type]:
    """The context classes of the graph and its subgraphs, which all get the graph's context."""
    for one in (graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))):
        if isinstance(schema := getattr(one, "context_schema", None), type):
            yield schema


def _made(schema: type, values: Mapping[str, Any]) -> Any:
    try:
        return schema(**values)
    except (TypeError, ValidationError) as error:
        problems = " ".join(str(error).split())
        raise UsageError(
            f"The graph's context cannot be made from {dict(values) or 'its defaults'}: {problems}. Give one: "
            f"RunnerOptions(context={schema.__name__}(...)), or a function of the example; on the command line with "
            "--options."
        ) from error


def _of_schema(context: Any, schema: type) -> Any:
    """An instance of the original schema with the defaults and methods of `schema`; other objects unchanged."""
    original = _original(schema)
    if original is None or not isinstance(context, original):
        return context
    clone = copy.copy(context)
    if type(context) is original:
        object.__setattr__(clone, "__class__", schema)
    held = {name: getattr(context, name) for name in _fields(original) if hasattr(context, name)}
    for name, value in _replaced(held, schema).items():
        object.__setattr__(clone, name, value)
    return clone


def _replaced(values: Mapping[str, Any], schema: type) -> dict[str, Any]:
    """New values for those that are a default of the original schema which `schema` replaces."""
    original = _original(schema)
    if original is None:
        return {}
    before, now = _fields(original), _fields(schema)
    return {
        name: default()
        for name, (field, default) in now.items()
        if name in before and name in values and field is not before[name][0] and values[name] == before[name][1]()
    }


def _original(schema: type) -> type | None:
    """The class that a schema is a copy of; `None` if it is no copy."""
    base = schema.__mro__[1]
    same = (base.__module__, base.__qualname__) == (schema.__module__, schema.__qualname__)
    return base if same else None


def _fields(cls: type) -> dict[str, tuple[Any, Callable[[], Any]]]:
    """The fields of a class, each with the function that makes its default."""
    if issubclass(cls, BaseModel):
        fields = cls.__pydantic_fields__.items()
        return {n: (f, partial(f.get_default, call_default_factory=True, validated_data={})) for n, f in fields}
    return {f.name: (f, partial(_default, f)) for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()

"""Classes that a model is given as schemas: pydantic models, typed dicts and dataclasses.

Their texts are the docstring, step `doc`, and the descriptions of fields, steps `described name`. The classes in the
annotation of a field are parts, steps `annotated name class`.
"""

from __future__ import annotations

import copy as copying
import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Annotated, Any, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict, override

from langgraph_gepa.adapter.objects import ownership
from langgraph_gepa.adapter.objects.handler import Copies, Handler, Step


def docstring(cls: type) -> str:
    """The docstring of a class; empty if it was generated."""
    written = vars(cls).get("__doc__") or ""
    if not isinstance(written, str) or (dataclasses.is_dataclass(cls) and written.startswith(f"{cls.__name__}(")):
        return ""
    return cleandoc(written)


def descriptions(cls: type) -> Iterator[tuple[str, str]]:
    """The names and descriptions of the fields that have one."""
    if issubclass(cls, BaseModel):
        yield from ((name, info.description) for name, info in cls.__pydantic_fields__.items() if info.description)
        return
    for name, annotation in hints(cls).items():
        if (text := _described(annotation)) is not None:
            yield name, text


def nested(cls: type) -> Iterator[tuple[Step, type]]:
    """The user's schemas in the annotations of fields."""
    for name, annotation in hints(cls).items():
        for held in dict.fromkeys(_named(annotation)):
            if ownership.own(held.__module__) and (issubclass(held, BaseModel) or is_typeddict(held)):
                yield ("annotated", name, held), held


def named(cls: type) -> list[type]:
    """The classes in the annotations of a class."""
    return list(dict.fromkeys(held for annotation in hints(cls).values() for held in _named(annotation)))


def generated(cls: type) -> bool:
    """Whether a pydantic model was made at run time, as LangChain does for the arguments of a tool."""
    if not (issubclass(cls, BaseModel) and ownership.framework(cls.__module__)):
        return False
    module = ownership.module_named(cls.__module__)
    return module is None or cls.__name__ not in ownership.names_in(module)


def model(cls: type[BaseModel], steps: Mapping[Step, str | None], names: dict[str, Any], copies: Copies) -> type:
    """A subclass with other defaults, descriptions and annotations of fields, and with `names` in its body."""
    fields: dict[str, FieldInfo] = {}
    for step, text in steps.items():
        if step[0] in ("field", "factory", "described", "annotated"):
            name = str(step[1])
            info = fields.setdefault(name, copying.copy(cls.__pydantic_fields__[name]))
            if step[0] == "field":
                info.default = copies.part(info.default) if text is None else text
            elif step[0] == "factory":
                info.default_factory = copies.part(info.default_factory)
            elif step[0] == "described":
                info.description = text
                info._attributes_set = {**info._attributes_set, "description": text}
            elif isinstance(held := step[2], type):
                info.annotation = _exchanged(info.annotation, held, copies.part(held))
    names["__annotations__"] = {name: info.annotation for name, info in fields.items()}
    return types.new_class(cls.__name__, (cls,), {}, lambda body: body.update({**names, **fields}))


class TypedDictClass(Handler):
    """A typed dict. Its copy is no subclass, as nothing checks the type of a typed dict."""

    @override
    def handles(self, value: Any) -> bool:
        return is_typeddict(value) and ownership.own(value.__module__)

    @override
    def parts(self, value: type) -> Iterator[tuple[Step, Any]]:
        return nested(value)

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        annotations = hints(value)
        for step, text in steps.items():
            if step[0] == "described":
                annotations[str(step[1])] = _redescribed(annotations[str(step[1])], text)
            elif step[0] == "annotated" and isinstance(held := step[2], type):
                annotations[str(step[1])] = _exchanged(annotations[str(step[1])], held, copies.part(held))
        text = steps.get(("doc",)) or value.__doc__
        body = {"__annotations__": annotations, "__doc__": text, "__module__": value.__module__}
        copy = type(value)(value.__name__, (), body, total=value.__total__)
        copy.__qualname__ = value.__qualname__
        copy.__required_keys__, copy.__optional_keys__ = value.__required_keys__, value.__optional_keys__
        return copy


def hints(cls: type) -> dict[str, Any]:
    """The annotations of a class's fields by name, evaluated if possible."""
    if issubclass(cls, BaseModel):
        return {name: info.annotation for name, info in cls.__pydantic_fields__.items()}
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation for type checkers may raise anything when evaluated
        return dict(getattr(cls, "__annotations__", {}))


def _described(annotation: Any) -> str | None:
    """The text in `Annotated[str, ..., "text"]`: the third argument, as LangChain reads it."""
    if typing.get_origin(annotation) is Annotated and len(typing.get_args(annotation)) > 2:
        text = typing.get_args(annotation)[2]
        return text if isinstance(text, str) else None
    return None


def _redescribed(annotation: Any, text: str | None) -> Any:
    kept = typing.get_args(annotation)
    return Annotated[(*kept[:2], text, *kept[3:])]


def _named(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        yield annotation
    elif typing.get_origin(annotation) is not typing.Literal:
        for argument in typing.get_args(annotation):
            yield from _named(argument)


def _exchanged(annotation: Any, old: type, new: type) -> Any:
    """The annotation with a class replaced."""
    if annotation is old:
        return new
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    changed = tuple(_exchanged(argument, old, new) for argument in arguments)
    if origin is None or origin is typing.Literal or all(a is b for a, b in zip(arguments, changed, strict=True)):
        return annotation
    if origin is Annotated:
        return Annotated[changed]
    if origin in (Union, types.UnionType):
        return Union[changed]  # noqa: UP007  # made of a tuple
    return annotation.copy_with(changed) if hasattr(annotation, "copy_with") else origin[changed]


HANDLERS: tuple[Handler, ...] = (TypedDictClass(),)

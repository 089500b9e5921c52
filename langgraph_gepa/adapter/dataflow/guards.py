"""The conditions on constant parameters under which a branch is taken."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Sequence

from langgraph_gepa.adapter.dataflow.flow import Given, Guard


def of_test(test: ast.expr, code: int, parameters: Sequence[str]) -> tuple[Guard, ...]:
    """The conditions on parameters when `test` is true; none if it compares with anything but constants."""
    match test:
        case ast.BoolOp(op=ast.And(), values=several):
            return tuple(guard for one in several for guard in of_test(one, code, parameters))
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return opposite(of_test(inner, code, parameters))
        case ast.Name(id=name) if name in parameters:
            return (Guard(Given(code, name), None, True),)
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[other]) if name in parameters:
            values = _constants(op, other)
            positive = isinstance(op, ast.Eq | ast.In | ast.Is)
            return () if values is None else (Guard(Given(code, name), values, positive),)
    return ()


def of_case(subject: ast.expr, case: ast.match_case, code: int, parameters: Sequence[str]) -> tuple[Guard, ...]:
    """The condition on the matched parameter when this case is taken."""
    if not isinstance(subject, ast.Name) or subject.id not in parameters:
        return ()
    values = list(_patterns(case.pattern))
    return () if None in values else (Guard(Given(code, subject.id), frozenset(values), True),)


def opposite(guards: Sequence[Guard]) -> tuple[Guard, ...]:
    """The negation of a single guard; of several, which one fails is not known."""
    return tuple(one._replace(positive=not one.positive) for one in guards) if len(guards) == 1 else ()


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether control never passes from the end of a block to what follows it."""
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


def _constants(op: ast.cmpop, other: ast.expr) -> frozenset[Hashable] | None:
    if isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) and isinstance(other, ast.Constant):
        return None if other.value is None else frozenset({other.value})
    several = other.elts if isinstance(other, ast.Tuple | ast.List | ast.Set) else []
    values = [one.value for one in several if isinstance(one, ast.Constant)]
    listed = isinstance(op, ast.In | ast.NotIn) and len(values) == len(several) and None not in values
    return frozenset(values) if listed and values else None


def _patterns(pattern: ast.pattern) -> Iterator[Hashable | None]:
    match pattern:
        case ast.MatchValue(value=ast.Constant(value=value)):
            yield value
        case ast.MatchSingleton(value=value):
            yield value
        case ast.MatchOr(patterns=several):
            for one in several:
                yield from _patterns(one)
        case _:
            yield None

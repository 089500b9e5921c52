"""Everything this package raises on purpose, and one exception for you to raise.

Error
+-- UsageError          a mistake of the user; the message explains how to fix it
|   +-- GraphError      the graph cannot be found, loaded or bound
|   +-- ExampleError    the examples cannot be used
|   +-- MetricError     the metric raised or returned something that is no score
|   +-- ModelError      the reflection model cannot be made or reached (no key, no such model)
|   +-- RunError        the run's folder cannot be used (in use, corrupt, from a newer version)
|   +-- SourceError     the source is not as the run knew it, or cannot be written
+-- PlaceholderError    a text lost or invented a placeholder
+-- Interrupted         the run was stopped early and can be resumed

WorldFailure            raised by your metric, judge, tool or node: try again, never score. No `Error`.
"""

from __future__ import annotations

from langgraph_gepa.core.printable import visible


class Error(Exception):
    """The root: `except langgraph_gepa.Error` catches everything below.

    A message may quote a model, a provider or a run's folder, and tracebacks are read in terminals: control characters
    are made visible.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(visible(arg) if isinstance(arg, str) else arg for arg in args))


class UsageError(Error):
    """A mistake of the user. The message names the cause and the fix."""


class GraphError(UsageError):
    """The graph cannot be found, loaded or bound."""


class ExampleError(UsageError):
    """The examples cannot be used; the message names the example."""


class MetricError(UsageError):
    """The metric raised, or returned something other than a score; the message names the example."""


class ModelError(UsageError):
    """The reflection model cannot be made or reached."""


class RunError(UsageError):
    """The run's folder cannot be used: in use by another process, corrupt, or from a newer version."""


class SourceError(UsageError):
    """The source no longer holds what the run started from, or cannot be written; it is as it was."""


class PlaceholderError(Error):
    """A text lost or invented a placeholder."""


class Interrupted(Error):
    """The run was stopped before its budget was spent; what was paid for is kept and it can be resumed."""


class WorldFailure(Exception):
    """Raise it, or a subclass, in a metric, judge, tool or node where a failure says nothing about the prompts.

    The call is tried again and the rollout is never scored: `raise WorldFailure("no verdict") from error`. A metric is
    asked again without running the graph again. Tries are about `retry_after` seconds apart where that is given, and
    never less. An example on which a search keeps failing so while others succeed is set aside, and counts for no
    prompts; where none runs beside it, as with `concurrency=1`, only after half an hour. When more than a fifth of a
    set does, or everything for long, the run stops and can be resumed. `error` may be anything, such as an HTTP 400 of
    the judge's; where it is a wrong or missing key, which waiting does not help, the run stops at once.
    """

    def __init__(self, *args: object, retry_after: float | None = None) -> None:
        super().__init__(*args)
        self.retry_after = retry_after

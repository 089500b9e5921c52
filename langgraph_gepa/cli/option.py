"""The arguments and options of the commands, each with its help."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

# `--help` groups options under these titles.
_budget = partial(typer.Option, rich_help_panel="Budget and end")
_search = partial(typer.Option, rich_help_panel="Search")
_reflection = partial(typer.Option, rich_help_panel="Reflection")
_texts = partial(typer.Option, rich_help_panel="Texts to optimise")
_running = partial(typer.Option, rich_help_panel="How the graph is run")

Graph = Annotated[
    str,
    typer.Argument(
        help="path/to/file.py:attribute, package.module:attribute, a name in ./langgraph.json, or the address of a "
        "LangGraph Server that serves its rollouts"
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder")]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[
    str, typer.Option(help="Examples: a .jsonl or .csv file with inputs, outputs, metadata, or langsmith:NAME.")
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only check what is given and describe a rollout. Runs one, unless a tool of the graph may do harm.",
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="The metric: path/to/file.py:function or package.module:function. A graph on a server has its own."
    ),
]
ReflectionModel = Annotated[
    str | None, typer.Option(help="The reflection model: provider:model, such as openai:gpt-5.")
]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of the run; an unfinished one is resumed.")]
Test = Annotated[str | None, typer.Option(help="Held-out examples, run on the first and the best graph only.")]
Track = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A tracker that follows the run, such as opentelemetry. May be given repeatedly; '' on resume ends it.",
    ),
]
Experiments = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        help="Log candidates as experiments on their LangSmith data set when the search ends: best (the seed and the "
        "best one) or all.",
    ),
]
Ui = Annotated[
    bool, typer.Option("--ui", help="Serve the run as a live page to browsers on this machine; prints its address.")
]
Validation = Annotated[
    str | None, typer.Option(help="Validation examples. Without them, half of --train is used for validation.")
]
Watch = Annotated[
    str | None, typer.Option(help="Examples to run the graph on, to see which texts reach a model. Calls its models.")
]

# Of runs that exist.
Candidate = Annotated[
    int | None, typer.Option(min=0, help="Number of the candidate to take in place of the best, as `report` shows it.")
]
Check = Annotated[bool, typer.Option("--check", help="Fail unless the source holds what the run started from.")]
Choose = Annotated[
    str | None,
    typer.Option(metavar="OBJECTIVE", help="Take the best by this objective, such as dollars, within --within."),
]
GraphToLoad = Annotated[
    str | None, typer.Option("--graph", help="The graph of a run from Python or from somebody else.")
]
Root = Annotated[
    Path | None,
    typer.Option(help="Root of the project's checkout, where it is not the one the run was made in.", file_okay=False),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Load the code that somebody else's run names, from the project you stand in."),
]
Within = Annotated[float, typer.Option(min=0.0, help="How far its score may be below the highest, for --choose.")]

Rollouts = Annotated[int | None, _budget(min=1, help="Most runs of the graph the search may pay for.")]
Tokens = Annotated[int | None, _budget(min=1, help="Most tokens, of graph and reflection model together.")]
Dollars = Annotated[float | None, _budget(help="Most dollars, of graph and reflection model together.")]
Seconds = Annotated[float | None, _budget(help="Most seconds of running time.")]
Iterations = Annotated[int | None, _budget(min=1, help="Most iterations of the search.")]
Reflections = Annotated[int | None, _budget(min=1, help="Most replies of the reflection model and the critic.")]
Target = Annotated[
    float | None,
    _budget(help="End when the best prompts have, with 90 % certainty, this score on the validation examples."),
]
Patience = Annotated[int | None, _budget(min=1, help="End after this many iterations without better prompts.")]
Gain = Annotated[
    float | None,
    _budget(
        min=0.0,
        help="End when an iteration is expected to gain less than this share of what one validation example counts. "
        "0 spends the whole budget, even when the best prompts are perfect on every validation example.",
    ),
]

Search = Annotated[str, _search(help="Preset of the search: racing or gepa.")]
Seed = Annotated[int, _search(help="Seed of all random choices of the search.")]
InFlight = Annotated[int | None, _search(min=1, help="Iterations under way at once; 1 is reproducible.")]
Repeats = Annotated[
    str,
    _search(
        help="Rollouts of the same prompts on the same example, of which the mean counts: a number, or auto to repeat "
        "only where scores are noisy and repeating decides which prompts are the best."
    ),
]
Perfect = Annotated[
    float | None, _search(help="The score of a perfect answer, where the metric's scale is not 0 to 1.")
]
FailureScore = Annotated[
    float | None,
    _search(help="The score of a rollout that fails: 0 by default, or the lowest score seen where that is lower."),
]
Goals = Annotated[
    list[str] | None,
    _search(
        "--goal",
        metavar="NAME=AIM",
        help="An objective beside the score: dollars=min (or max) is a separate goal, style=0.5 a weight in the score. "
        "NAME is a named score of the metric, score, tokens, dollars, seconds or prompt_length.",
    ),
]
Start = Annotated[
    list[str] | None,
    _search(
        metavar="SOURCE",
        help="Start with these prompts: an earlier run's folder or a prompts.json. May be given repeatedly.",
    ),
]

CriticModel = Annotated[
    str | None,
    _reflection(help="A model that judges new texts before they are tried: provider:model. By default there is none."),
]
Note = Annotated[
    list[str] | None,
    _reflection(metavar="MODULE=TEXT", help="An instruction for the reflection model: router='Keep it short.'"),
]
Objective = Annotated[str, _reflection(help="What the graph is for, in your words, for the reflection model.")]
Proposer = Annotated[
    str | None,
    _reflection(help="A function that proposes texts in place of a reflection model: path/to/file.py:function."),
]
Records = Annotated[
    int | None,
    _reflection(help="Records that a reflection reads. More than 12 that do not fit its prompt are read in groups."),
]
ReflectionPrompt = Annotated[
    Path | None,
    _reflection(help="A file with a reflection prompt of your own: a template with {text}, {records} and {reply}."),
]
ReflectionTokens = Annotated[int, _reflection(min=1, help="The most tokens of a reflection prompt.")]

Kinds = Annotated[str | None, _texts(help="Kinds of modules, separated by commas: prompt, tool, schema.")]
EveryModule = Annotated[bool, _texts("--all", help="Take in texts that are off by default; --except still holds.")]
Only = Annotated[
    list[str] | None,
    _texts(
        "--only",
        "--modules",
        metavar="PATTERN",
        help="Only these modules: names and patterns such as 'writer*' or 'tool:*', separated by commas.",
    ),
]
Except = Annotated[
    list[str] | None, _texts("--except", metavar="PATTERN", help="Leave these modules out: names and patterns.")
]
Library = Annotated[bool, _texts("--library", help="Take in prompts that are written in installed packages.")]
Frozen = Annotated[
    list[str] | None,
    _texts(metavar="MODULE=TEXT", help="A part of the module's text that every new text must keep."),
]

Concurrency = Annotated[int, _running(min=1, help="Rollouts at once.")]
OwnProject = Annotated[
    bool,
    _running(
        "--own-project/--no-own-project",
        help="With LANGSMITH_TRACING, trace to a LangSmith project of the run's own, or to the one you trace to.",
    ),
]
Options = Annotated[
    str | None,
    _running(help="How rollouts are run, with stand-ins for tools and answers to interrupts: path/to/file.py:options."),
]
Timeout = Annotated[float | None, _running(min=0.1, help="Seconds a rollout may take; 300 by default.")]
Workers = Annotated[
    str | None,
    _running(metavar="URL,URL", help="LangGraph Servers that run the rollouts, with the key in LANGSMITH_API_KEY."),
]

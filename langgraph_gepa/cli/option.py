"""The arguments and options of the commands, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BUDGET, SEARCH, REFLECTION = "Budget and end", "Search", "Reflection"
TEXTS, RUNNING = "Texts to optimise", "How the graph is run"
"""Titles under which `--help` groups options."""

Graph = Annotated[
    str,
    typer.Argument(
        help="path/to/file.py:attribute, package.module:attribute, a name in ./langgraph.json, or the address of a "
        "LangGraph Server that serves its rollouts"
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Check = Annotated[bool, typer.Option("--check", help="Fail unless the source holds what the run started from.")]
Root = Annotated[
    Path | None,
    typer.Option(help="Root of the project's checkout, where it is not the one the run was made in.", file_okay=False),
]
Candidate = Annotated[
    int | None, typer.Option(min=0, help="Number of the candidate to take in place of the best, as `report` shows it.")
]
Choose = Annotated[
    str | None,
    typer.Option(metavar="OBJECTIVE", help="Take the best by this objective, such as dollars, within --within."),
]
Within = Annotated[float, typer.Option(min=0.0, help="How far its score may be below the highest, for --choose.")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Load the code that somebody else's run names, from the project you stand in."),
]
GraphToLoad = Annotated[
    str | None, typer.Option("--graph", help="The graph of a run from Python or from somebody else.")
]
Kinds = Annotated[
    str, typer.Option(help="Kinds of modules, separated by commas: prompt, tool, schema.", rich_help_panel=TEXTS)
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        "--modules",
        metavar="PATTERN",
        help="Only these modules: names and patterns such as 'writer*' or 'tool:*', separated by commas.",
        rich_help_panel=TEXTS,
    ),
]
Except = Annotated[
    list[str] | None,
    typer.Option(
        "--except", metavar="PATTERN", help="Leave these modules out: names and patterns.", rich_help_panel=TEXTS
    ),
]
Library = Annotated[
    bool,
    typer.Option("--library", help="Take in prompts that are written in installed packages.", rich_help_panel=TEXTS),
]
Watch = Annotated[
    str | None, typer.Option(help="Examples to run the graph on, to see which texts reach a model. Calls its models.")
]
Data = Annotated[
    str, typer.Option(help="Examples: a .jsonl or .csv file with inputs, outputs, metadata, or langsmith:NAME.")
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="The metric: path/to/file.py:function or package.module:function. A graph on a server has its own."
    ),
]
Rollouts = Annotated[
    int | None, typer.Option(min=1, help="Most runs of the graph the search may pay for.", rich_help_panel=BUDGET)
]
Tokens = Annotated[
    int | None, typer.Option(min=1, help="Most tokens, of graph and reflection model together.", rich_help_panel=BUDGET)
]
Dollars = Annotated[
    float | None, typer.Option(help="Most dollars, of graph and reflection model together.", rich_help_panel=BUDGET)
]
Seconds = Annotated[float | None, typer.Option(help="Most seconds of running time.", rich_help_panel=BUDGET)]
Iterations = Annotated[int | None, typer.Option(min=1, help="Most iterations of the search.", rich_help_panel=BUDGET)]
Reflections = Annotated[
    int | None, typer.Option(min=1, help="Most replies of the reflection model and the critic.", rich_help_panel=BUDGET)
]
Target = Annotated[
    float | None,
    typer.Option(
        help="The score on the validation examples that ends the search, once 90 % sure.", rich_help_panel=BUDGET
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(min=1, help="Iterations without better prompts after which the search ends.", rich_help_panel=BUDGET),
]
Gain = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Also end when an iteration is expected to gain less than this share of what one validation example "
        "counts; 0 never ends for want of gain, not even where all are perfect.",
        rich_help_panel=BUDGET,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of every random choice of ours.", rich_help_panel=SEARCH)]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of the run; an unfinished one is resumed.")]
Options = Annotated[
    str | None,
    typer.Option(
        help="How rollouts are run, for tools' stand-ins and interrupts: path/to/file.py:options.",
        rich_help_panel=RUNNING,
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="URL,URL",
        help="LangGraph Servers that run the rollouts, with the key in LANGSMITH_API_KEY.",
        rich_help_panel=RUNNING,
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="A tracker that follows the run, such as opentelemetry. May be given repeatedly."
    ),
]
Concurrency = Annotated[int, typer.Option(min=1, help="Rollouts at once.", rich_help_panel=RUNNING)]
InFlight = Annotated[
    int | None, typer.Option(min=1, help="Iterations under way at once; 1 is reproducible.", rich_help_panel=SEARCH)
]
Validation = Annotated[str | None, typer.Option(help="Validation examples; part of --train when left out.")]
Test = Annotated[str | None, typer.Option(help="Held-out examples, run on the first and the best graph only.")]
Proposer = Annotated[
    str | None,
    typer.Option(
        help="In place of a reflection model a function that proposes texts: path/to/file.py:function.",
        rich_help_panel=REFLECTION,
    ),
]
ReflectionModel = Annotated[
    str | None, typer.Option(help="The reflection model: provider:model, such as openai:gpt-5.")
]
CriticModel = Annotated[
    str | None,
    typer.Option(
        help="A model that judges new texts before they are tried: provider:model. By default there is none.",
        rich_help_panel=REFLECTION,
    ),
]
Search = Annotated[str, typer.Option(help="Preset of the search: racing or gepa.", rich_help_panel=SEARCH)]
Repeats = Annotated[
    str,
    typer.Option(
        help="Rollouts of the same prompts on the same example, of which the mean counts: a number, or auto for more "
        "only where scores are noisy and it decides which prompts are the best.",
        rich_help_panel=SEARCH,
    ),
]
Records = Annotated[
    int | None,
    typer.Option(
        help="Records a reflection reads; more than 12 that do not fit its prompt in groups.",
        rich_help_panel=REFLECTION,
    ),
]
Perfect = Annotated[
    float | None,
    typer.Option(help="The score of a perfect answer, where the metric's scale is not 0 to 1.", rich_help_panel=SEARCH),
]
Goals = Annotated[
    list[str] | None,
    typer.Option(
        "--goal",
        metavar="NAME=AIM",
        help="What counts beside the score: dollars=min (or max) for a goal of its own, style=0.5 for a weight in the "
        "score. Known are the metric's named scores, score, tokens, dollars, seconds and prompt_length.",
        rich_help_panel=SEARCH,
    ),
]
FailureScore = Annotated[
    float | None,
    typer.Option(
        help="The score of a rollout that fails: 0 by default, or the lowest score seen where that is lower.",
        rich_help_panel=SEARCH,
    ),
]
Start = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        help="Search on from these prompts: an earlier run's folder or a prompts.json. May be given repeatedly.",
        rich_help_panel=SEARCH,
    ),
]
EveryModule = Annotated[
    bool, typer.Option("--all", help="Also texts that are off by default, but for --except.", rich_help_panel=TEXTS)
]
Objective = Annotated[
    str,
    typer.Option(help="What the graph is for, in your words, for the reflection model.", rich_help_panel=REFLECTION),
]
ReflectionPrompt = Annotated[
    Path | None,
    typer.Option(
        help="A file with a reflection prompt of your own: a template with {text}, {records} and {reply}.",
        rich_help_panel=REFLECTION,
    ),
]
Note = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE=TEXT",
        help="An instruction for the reflection model: router='Keep it short.'",
        rich_help_panel=REFLECTION,
    ),
]
Frozen = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE=TEXT", help="A part of the module's text that no new text may touch.", rich_help_panel=TEXTS
    ),
]
ReflectionTokens = Annotated[
    int, typer.Option(min=1, help="The most a reflection prompt holds, in tokens.", rich_help_panel=REFLECTION)
]
Timeout = Annotated[
    float | None, typer.Option(min=0.1, help="Seconds a rollout may take.  [default: 300]", rich_help_panel=RUNNING)
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only tell what a rollout does: runs one, unless a real tool may do harm."),
]
Ui = Annotated[
    bool, typer.Option("--ui", help="Serve the run as a live page to browsers on this machine; prints its address.")
]

"""The command line: what each command prints, and the code it exits with."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from langchain_openai import ChatOpenAI
from typer.testing import CliRunner
from typer.testing import Result as Ended

import langgraph_gepa
from langgraph_gepa import Budget, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.cli.graph_commands import optimize_command
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.demo.stage import REFLECTOR
from langgraph_gepa.runs.result import Result

OPTIMIZE = (
    "optimize letters --train train.jsonl --val val.jsonl --test test.jsonl --metric letters.py:score "
    "--reflection-lm openai:simulated-editor --run run --rollouts 60 --in-flight 1"
)
COMMANDS = (
    "prompts", "optimize", "resume", "stop", "show", "report", "diff", "apply", "export", "push", "eval", "demo",
    "ui",
)  # fmt: skip


def call(line: str) -> Ended:
    """Runs a command line in this process; the output is no terminal."""
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def run(project: Path) -> Path:
    """A finished run's folder."""
    assert call(OPTIMIZE).exit_code == 0
    return project / "run"


def test_prompts_as_json_has_nine_keys_a_module(project: Path) -> None:
    """`prompts --json` is a list of objects with exactly the keys that programs rely on."""
    done = call("prompts letters --json")
    sort, answer = json.loads(done.stdout)
    line = (project / "letters.py").read_text().splitlines().index('ANSWER = "Answer {name}."') + 1
    assert answer == {
        "name": "answer",
        "kind": "prompt",
        "text": "Answer {name}.",
        "placeholders": ["name"],
        "nodes": ["answer"],
        "file": "letters.py",
        "line": line,
        "evidence": "flows",
        "on": True,
    }
    assert list(sort) == list(answer)
    assert done.exit_code == 0


TOOL = '''
from langchain_core.tools import tool


@tool
def look_up(name: str) -> str:
    """Look a name up."""
    return name


def ask_tools(letter: Letter) -> Letter:
    return {"reply": model.bind_tools([look_up]).invoke([("system", "Be polite."), ("user", letter["letter"])]).text}


desk = StateGraph(Letter).add_node("ask", ask_tools).set_entry_point("ask").compile()
'''


@pytest.mark.parametrize("kinds", ["", " --kinds prompt", " --kinds prompt,tool", " --kinds tool"])
def test_prompts_lists_as_on_what_optimize_with_the_same_kinds_takes_in(project: Path, kinds: str) -> None:
    """Without kinds tools are listed and off."""
    with (project / "letters.py").open("a") as file:
        file.write(TOOL)
    listed = json.loads(call(f"prompts letters.py:desk --json{kinds}").stdout)
    (project / "any_score.py").write_text("def score(outputs): return 1.0\n")
    search = "--metric any_score.py:score --reflection-lm openai:simulated-editor --rollouts 60"
    options = f"--train train.jsonl {search} --dry-run"
    (taken,) = (
        line.split(maxsplit=1)[1]
        for line in call(f"optimize letters.py:desk {options}{kinds}").stdout.splitlines()
        if line.startswith("prompts ")
    )
    assert [one["name"] for one in listed if one["on"]] == taken.split(", ")
    assert any(one["kind"] == "tool" for one in listed) == (kinds != " --kinds prompt")
    assert f"--metric FILE.py:FUNCTION{kinds} --reflection-lm" in call(f"prompts letters.py:desk{kinds}").stdout


def test_prompts_prints_a_plain_table_without_a_terminal(project: Path) -> None:
    """Every module with its text and its place, without colour codes, and nothing on stderr."""
    done = call("prompts letters.py:graph")
    assert "Sort the letter." in done.stdout
    assert "letters.py:" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_prompts_draws_the_graph(project: Path) -> None:
    """`prompts --graph` is Mermaid with every module at its node."""
    done = call("prompts letters.py:graph --graph")
    assert done.stdout.startswith("flowchart TD\n")
    assert "● answer" in done.stdout
    assert done.exit_code == 0


def test_optimize_ends_with_a_summary_and_a_folder(project: Path) -> None:
    """A spent budget is exit code 0; stdout has before and after, stderr a plain line for each iteration."""
    done = call(OPTIMIZE)
    assert done.exit_code == 0
    assert "Held-out test" in done.stdout
    assert done.stdout.rstrip().endswith("langgraph-gepa diff run")
    assert str(Path("run", "report.html")) in done.stdout
    iterations = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(iterations) == len(Result.open("run").view.iterations)
    assert "\x1b" not in done.stdout + done.stderr


def test_a_live_page_that_ends_with_its_run_says_how_to_see_it_again(project: Path) -> None:
    """`--ui` prints the address first, and when the run has ended the command that serves it again."""
    stderr = call(f"{OPTIMIZE} --ui").stderr
    assert stderr.index("Live page: http://127.0.0.1") < stderr.index("langgraph-gepa ui run shows the run again.")


def test_show_as_json_has_all_of_a_run(run: Path) -> None:
    """Modules, candidates with parents and scores, both standings with intervals, and what it cost."""
    data = json.loads(call("show run --json").stdout)
    assert [module["name"] for module in data["modules"]] == ["sort", "answer"]
    assert data["modules"][0]["text"] == "Sort the letter."
    assert data["candidates"][0]["parents"] == []
    assert all(set(one["scores"]) == {f"letter-{n}" for n in range(6, 12)} for one in data["candidates"])
    for standing in (data["seed"], data["best"]):
        assert standing["validation"]["low"] <= standing["validation"]["mean"] <= standing["validation"]["high"]
        assert standing["test"]["n"] == 4
    assert data["best"]["validation"]["mean"] > data["seed"]["validation"]["mean"]
    assert 12 < data["rollouts"] <= 60
    assert data["tests"] == 8
    for amount in ("reflections", "tokens", "seconds"):
        assert data[amount] > 0
    assert "dollars" in data
    assert data["finished"]


def test_show_and_report_and_export_read_a_run(run: Path) -> None:
    """A finished run's summary, its page's path, and its prompts as JSON, to stdout or a file."""
    prompts = dict(Result.open(run).prompts)
    assert "Validation" in call("show run").stdout
    assert Path(call("report run").stdout.strip()).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(call("export run").stdout) == prompts
    assert call("export run -o best.json").stdout.strip() == "best.json"
    assert json.loads(Path("best.json").read_text()) == prompts


def test_goals_are_given_kept_and_compared(project: Path) -> None:
    """They are shown among the settings; a run goes on with the same ones only."""
    goals = "--goal score=1 --goal prompt_length=min"
    assert call(f"{OPTIMIZE} {goals}").exit_code == 0
    shown = json.loads(call("show run --json").stdout)
    assert shown["objectives"] == {"score": 1.0, "prompt_length": "min"}
    assert shown["tradeoffs"]
    assert call("resume run --rollouts 60").exit_code == 0
    assert "the objectives changed" in call(OPTIMIZE).stderr
    assert "write NAME=min" in call(f"{OPTIMIZE} --goal tokens").stderr
    assert "Known: min, max" in call(f"{OPTIMIZE} --goal tokens=low").stderr
    assert "given twice for tokens" in call(f"{OPTIMIZE} --goal tokens=min --goal tokens=max").stderr


def test_another_candidate_is_taken_by_its_number_or_by_a_rule(run: Path) -> None:
    """The seed by its number; with any score allowed the shortest prompts, which no other objective decides."""
    known = json.loads(call("show run --json").stdout)["candidates"]
    assert json.loads(call("export run --candidate 0").stdout) == known[0]["texts"]
    shortest = min(sum(map(len, one["texts"].values())) for one in known)
    chosen = json.loads(call("export run --choose prompt_length --within 1").stdout)
    assert sum(map(len, chosen.values())) == shortest
    assert call("diff run --candidate 0").stdout == ""
    for wrong in ("--candidate 99", "--choose shine", "--candidate 0 --choose tokens"):
        assert call(f"export run {wrong}").exit_code == 2


def test_a_run_in_which_nothing_was_scored_can_be_shown_and_has_no_prompts(project: Path) -> None:
    """One whose metric failed at once: what there is is shown, and what there is not is said in a sentence."""
    assert call(OPTIMIZE.replace("letters.py:score", "letters.py:silent")).exit_code == 2
    assert "none yet" in call("show run").stdout
    assert call("report run").exit_code == 0
    for command in ("export", "diff", "apply"):
        done = call(f"{command} run")
        assert (done.exit_code, "Nothing was scored in run yet" in done.stderr) == (2, True)


def test_prompts_are_not_exported_to_a_folder_that_is_not_there(run: Path) -> None:
    """A path that cannot be written is a mistake like any other."""
    done = call("export run -o nowhere/prompts.json")
    assert (done.exit_code, done.stderr) == (2, "nowhere/prompts.json cannot be written: No such file or directory.\n")


def test_a_dry_run_costs_one_rollout_and_optimises_nothing(project: Path, server: SimulatedServer) -> None:
    """What a rollout would do, then one of them with its calls and score; no folder is made."""
    done = call(f"{OPTIMIZE} --dry-run")
    assert done.exit_code == 0, done.output
    for line in ("prompts   sort, answer", "example   letter-", "call      model", "score     0.000"):
        assert line in done.stdout
    assert server.requests == 2
    assert not (project / "run").exists()


@pytest.mark.parametrize(
    ("option", "wrong", "expected"),
    [
        ("openai:simulated-editor", "opnai:gpt-5", "opnai"),
        ("openai:simulated-editor", "openai:", "does not name a model"),
        ("openai:simulated-editor", "fireworks:llama", "langchain-fireworks"),
        ("--rollouts 60", "--rollouts 3", "is too small"),
        ("--rollouts 60", "--rollouts 60 --target 2", "can never be reached"),
        ("val.jsonl", "wrong.jsonl", "The graph takes none of the inputs of example 'w': 'leter'; did you mean"),
        ("val.jsonl", "missing.jsonl", "missing.jsonl"),
    ],
)
def test_a_dry_run_refuses_what_the_search_refuses(
    project: Path, server: SimulatedServer, option: str, wrong: str, expected: str
) -> None:
    """In the same words, and before its rollout is paid for."""
    (project / "wrong.jsonl").write_text('{"id": "w", "inputs": {"leter": "Letter 1"}}')
    line = OPTIMIZE.replace(option, wrong)
    rehearsed, done = call(f"{line} --dry-run"), call(line)
    assert rehearsed.exit_code == done.exit_code == 2
    assert expected in rehearsed.stderr
    assert rehearsed.stderr == done.stderr
    assert server.requests == 0


@pytest.mark.parametrize(
    ("option", "needed"),
    [
        ("--reflection-lm openai:simulated-editor", "with --reflection-lm."),
        ("--rollouts 60", "with a limit such as --rollouts 500."),
    ],
)
def test_a_dry_run_does_without_what_only_the_search_needs(project: Path, option: str, needed: str) -> None:
    """A first look asks for no budget and no reflection model, and says that the search will."""
    done = call(f"{OPTIMIZE.replace(option, '')} --dry-run")
    assert done.exit_code == 0, done.output
    assert done.stdout.rstrip().endswith(f"Next: the same command without --dry-run, {needed}")


def test_a_dry_run_refuses_the_folder_of_another_run(run: Path, server: SimulatedServer) -> None:
    """And goes ahead with the folder of the same one, which it leaves as it is."""
    before = Result.open(run).pool
    assert call(f"{OPTIMIZE} --dry-run").exit_code == 0
    paid = server.requests
    done = call(f"{OPTIMIZE} --seed 7 --dry-run")
    assert (done.exit_code, server.requests) == (2, paid)
    assert "This folder holds another run: the seed (from 0 to 7) changed" in done.stderr
    assert Result.open(run).pool == before


def test_a_dry_run_has_the_warnings_of_the_search(project: Path) -> None:
    """Of examples in two sets and of inputs that the graph drops, each once; and what the budget is enough for."""
    rows = [
        {**json.loads(line), "id": f"twin-{n}"}
        for n, line in enumerate((project / "train.jsonl").read_text().splitlines())
    ]
    rows[0]["inputs"]["note"] = "lost"
    (project / "val.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = call(f"{OPTIMIZE} --dry-run")
    assert done.exit_code == 0
    notes = [line.removeprefix("note      ") for line in done.stdout.splitlines() if line.startswith("note")]
    assert [note.split(":")[0] for note in notes[:1]] == ["The graph drops these inputs of the examples"]
    assert "5 of 6 validation examples have the inputs of a training example" in done.stdout
    assert "60 rollouts are enough for about " in notes[-1]
    assert len(notes) == len(set(notes)) == 3
    assert "ran       1 of 6 examples" in done.stdout


def test_a_dry_run_whose_rollout_fails_is_no_success(project: Path) -> None:
    """It tells how it failed, and ends as a mistake does: what a CI runs first stops there."""
    done = call(f"{OPTIMIZE.replace('optimize letters ', 'optimize letters.py:asking ')} --dry-run")
    assert done.exit_code == 2
    assert "interrupt" in done.stdout
    assert "The rollout failed" in done.stderr


def test_tokens_and_iterations_limit_a_run_and_its_resumption(project: Path) -> None:
    """Each limit ends the run, and `resume` gives another in its place."""
    line = OPTIMIZE.replace("--rollouts 60", "")
    assert call(f"{line} --tokens 400").exit_code == 0
    assert "400 tokens" in call("show run").stdout
    assert call("resume run --tokens 2000").exit_code == 0
    assert Result.open("run").saved.config.budget.tokens == 2000
    assert call(f"{line.replace('run run', 'run other')} --iterations 1").exit_code == 0
    assert Result.open("other").pool.spent.iterations == 1
    assert call("resume other --iterations 2").exit_code == 0
    assert Result.open("other").pool.spent.iterations == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such pipe on Windows")
@pytest.mark.parametrize("command", ["show run --json", "prompts letters"])
def test_a_reader_that_has_seen_enough_is_no_error(run: Path, command: str) -> None:
    """As in `langgraph-gepa show RUN | head -1`: nothing on stderr, exit code 0."""
    read, write = os.pipe()
    os.close(read)
    line = [sys.executable, "-m", "langgraph_gepa", *command.split()]
    done = subprocess.run(line, stdout=write, stderr=subprocess.PIPE, text=True, cwd=run.parent, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", ["--train=", "--start ", "--run ", "--only=", "--note="])
def test_an_option_with_an_empty_value_is_refused_by_name(project: Path, option: str) -> None:
    """As that of an unset shell variable is; an empty path would otherwise be the working directory."""
    name, sign = option[:-1], option[-1]
    empty = [option] if sign == "=" else [name, ""]
    done = CliRunner().invoke(app, [*OPTIMIZE.replace("--run run", "").split(), *empty])
    assert done.exit_code == 2
    assert f"{name} is empty: give a value, or leave the option out." in done.stderr
    assert not (project / "run").exists()


def test_a_short_option_with_an_empty_value_is_refused_as_well() -> None:
    """`-o ""` names no file."""
    done = CliRunner().invoke(app, ["export", "run", "-o", ""])
    assert (done.exit_code, "-o is empty" in done.stderr) == (2, True)


def test_servers_may_be_given_as_none(project: Path, run: Path) -> None:
    """`resume RUN --workers ''` goes on in this process."""
    assert CliRunner().invoke(app, ["resume", str(run), "--workers", ""]).exit_code == 0


def test_options_are_named_and_known_to_resume(project: Path) -> None:
    """What only a program can say, such as answers to interrupts, the command line takes from a file."""
    (project / "how.py").write_text(
        "from langgraph_gepa import RunnerOptions\noptions = RunnerOptions(on_interrupt=lambda _: 'yes')\n"
    )
    line = OPTIMIZE.replace("optimize letters", "optimize letters.py:asking").replace("60", "24")
    assert "on_interrupt" in call(line).stderr
    assert call(f"{line} --run other --options how.py:options").exit_code == 0
    assert call("resume other --rollouts 30").exit_code == 0
    score = "eval letters.py:asking --data test.jsonl --metric letters.py:score"
    assert call(f"{score} --options how.py:options").exit_code == 0
    wrong = call(f"{score} --options how.py:optoins")
    assert (wrong.exit_code, "RunnerOptions there: how.py:options" in wrong.stderr) == (2, True)


def test_help_waits_for_nothing() -> None:
    """The command line is there before LangGraph, which takes seconds, is."""
    loaded = "import sys, langgraph_gepa.cli; print({'langgraph', 'langchain', 'langchain_core'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_search_loads_neither_libcst_nor_the_client_of_a_model() -> None:
    """A diff needs libcst, and which client there is depends on the graph: both take a while to load."""
    loaded = "import sys, langgraph_gepa.api; print({'libcst', 'openai', 'mlflow', 'wandb'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "line",
    [
        "prompts letters",
        "optimize letters --train train.jsonl --timeout 9",
        "eval letters --data test.jsonl",
        "resume run",
        "demo",
    ],
)
def test_the_first_line_is_there_before_langchain_is(line: str) -> None:
    """On a terminal it says what is being loaded, also where all that follows takes seconds to import."""
    start = "import sys; sys.modules['langchain_core'] = None; from langgraph_gepa.cli import main; main()"  # no import
    terminal = {**os.environ, "FORCE_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", start, *line.split()], capture_output=True, text=True, env=terminal)
    first, _, rest = done.stderr.partition("\n")
    assert f"Loading {line.split()[1] if ' ' in line else 'the demo'} …" in first
    assert "ModuleNotFoundError" in rest


class SilentTracker:
    """A tracker that sends nothing."""

    def __init__(self, run: object) -> None: ...

    def record(self, step: object) -> None: ...

    def end(self, *given: object, **more: object) -> None: ...


def test_trackers_can_be_replaced_when_a_run_is_resumed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--track` begins with others, an empty one ends tracking, and without it the run keeps those it has."""
    module = SimpleNamespace(tracker=lambda: SilentTracker)
    monkeypatch.setitem(sys.modules, "langgraph_gepa.trackers.wandb_run", module)  # wandb itself is not installed
    for option, tracked in ((["--track", "wandb"], ("wandb",)), ([], ("wandb",)), (["--track", ""], ())):
        limit = 1 + Result.open(run).pool.spent.rollouts
        done = CliRunner().invoke(app, ["resume", "run", "--rollouts", str(limit + 20), *option])
        assert (done.exit_code, Result.open(run).saved.config.track) == (0, tracked), done.output
    assert "did you mean 'wandb'" in call("resume run --track wand").stderr


def test_eval_scores_before_and_after(run: Path) -> None:
    """`eval` gives a graph's score, and with a run's prompts beside it, with 95 % intervals."""
    ended = call("eval letters --data test.jsonl --metric letters.py:score --prompts run")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "4 examples, 95 % intervals" in ended.stdout
    scored = json.loads(call("eval letters --data test.jsonl --metric letters.py:score --prompts run --json").stdout)
    assert scored["before"]["mean"] == 0
    assert scored["after"]["mean"] == scored["difference"]["mean"] > 0
    alone = json.loads(call("eval letters --data test.jsonl --metric letters.py:score --json").stdout)
    none = {"after": None, "difference": None, "failures": {}, "repeated": 0, "learned": 0, "failure_score": 0}
    assert alone.pop("usage").keys() == {"input_tokens", "output_tokens", "dollars", "estimated"}
    assert alone == {"before": scored["before"], "repeats": 1, **none}


def test_commands_end_with_what_to_do_next(run: Path) -> None:
    """As a command that can be run as it stands, but for what only the user knows."""
    scored = "eval letters --data test.jsonl --metric letters.py:score"
    search = "optimize letters --train FILE.jsonl --metric FILE.py:FUNCTION"
    ends = {
        "prompts letters": search,
        scored: search,
        f"{scored} --prompts run": "Next: langgraph-gepa ",
        "show run": "langgraph-gepa diff run",
        "report run": "Next: open it in a browser.",
        "diff run": "Next: langgraph-gepa apply run writes",
        "diff run --candidate 1": "Next: langgraph-gepa apply run --candidate 1 writes",
        "export run": "Next: put this into a file, and load_prompts(graph, FILE)",
        "export run --out best.json": "Next: load_prompts(graph, 'best.json')",
        "diff run --candidate 0": "Next: langgraph-gepa report run shows what was tried.",
        "apply run": "Next: run your own tests",
        "diff run ": "Next: run your own tests",
    }
    for line, end in ends.items():
        done = call(line)
        assert (done.exit_code, end in done.output.splitlines()[-1]) == (0, True), (line, done.output)


def test_the_next_command_tells_no_password() -> None:
    """Of an address that holds one; and a path with a space is one word."""
    assert "hunter22" not in optimize_command("https://ada:hunter22@example.com")
    assert "--metric" not in optimize_command("https://example.com")
    assert optimize_command("my graph.py:graph").startswith("langgraph-gepa optimize 'my graph.py:graph' --train ")


def test_eval_is_a_check_for_ci(project: Path) -> None:
    """A score below the limit is exit code 1; each rollout is a line of the file."""
    line = "eval letters --data test.jsonl --metric letters.py:score --repeats 2 --timeout 60 --out scores.jsonl"
    ended = call(f"{line} --fail-under 0")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "4 examples, each run 2 times" in ended.stdout
    assert "cost " in ended.stdout
    rows = [json.loads(row) for row in Path("scores.jsonl").read_text().splitlines()]
    assert [(row["example"], row["prompts"], row["repeat"]) for row in rows[:3]] == [
        ("letter-12", "before", 1), ("letter-12", "before", 2), ("letter-13", "before", 1),
    ]  # fmt: skip
    assert len(rows) == 8
    assert rows[0]["outputs"]["reply"] == "Answer Ada."
    failed = call(f"{line} --fail-under 0.5")
    assert failed.exit_code == 1
    assert failed.stderr.startswith(
        "The mean score, 0, is below --fail-under 0.5.\nNext: langgraph-gepa optimize letters "
    )


MISTAKES = {
    "prompts leters.py:graph": "there is no file leters.py",
    "prompts letters --kinds promts": "did you mean 'prompt'",
    OPTIMIZE.replace("train.jsonl", "tran.jsonl"): "tran.jsonl does not exist",
    OPTIMIZE.replace("letters.py:score", "letters.py:broken"): "example 'letter-",
    OPTIMIZE.replace("letters.py:score", "letters.py:silent"): "example 'letter-",
    OPTIMIZE.replace("openai:simulated-editor", "opnai:gpt"): "provider:model",
    OPTIMIZE.replace("optimize letters", "optimize letters.py:mute"): "No prompt to optimise was found",
    OPTIMIZE.replace("--rollouts 60", ""): "Give at least one",
    OPTIMIZE.replace("60", "23"): "take up to 24",
    OPTIMIZE.replace("--rollouts 60", "--rollouts 0"): "--rollouts",
    OPTIMIZE.replace("--rollouts 60", "--dollars -1"): "a limit is a positive number",
    OPTIMIZE.replace("--rollouts 60", "--seconds 0"): "a limit is a positive number",
    OPTIMIZE + " --timeout 0": "--timeout",
    OPTIMIZE + " --search gepo": "did you mean 'gepa'",
    OPTIMIZE + " --repeats often": 'neither "auto" nor a number',
    OPTIMIZE + " --repeats 0": "at least 1",
    OPTIMIZE + " --modules sorts": "did you mean 'sort'",
    "eval letters --data test.jsonl --metric letters.py:score --prompts nowhere": "No prompts at nowhere",
    "eval letters --data test.jsonl --metric score": "path/to/file.py:function",
    "eval letters --data test.jsonl --metric letters.py:score --out no/scores.jsonl": "its folder does not exist",
    "eval letters --data test.jsonl --metric letters.py:score --fail-under nan": "is not a score",
    "eval letters --data test.jsonl --metric letters.py:score --repeats 0": "--repeats",
    "resume nowhere": "no run",
    "show nowhere": "no run",
    "report .": "no run",
    "export nowhere": "no run",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_exit_code_2_and_a_sentence(project: Path, line: str) -> None:
    """What was asked wrongly ends in a message that names the cause, on stderr, and no traceback."""
    done = call(line)
    assert done.exit_code == 2, done.output
    assert MISTAKES[line] in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert isinstance(done.exception, SystemExit)


def test_a_failing_provider_is_exit_code_3_and_resume_ends_the_run(project: Path, server: SimulatedServer) -> None:
    """A run that was stopped early says how to go on, and goes on."""
    clerk, left = server.models["simulated-clerk"], iter(range(40))

    def broke(request: Request, rng: random.Random) -> Answer:
        if next(left, None) is None:
            raise ApiError(401, "no credit")
        return clerk(request, rng)

    server.models["simulated-clerk"] = broke
    stopped = call(OPTIMIZE)
    assert stopped.exit_code == 3
    assert "no credit" in stopped.stderr
    assert "once that is fixed, the same call, or `langgraph-gepa resume run`" in stopped.stderr
    assert "stopped, resumable" in call("show run").stdout
    server.models["simulated-clerk"] = clerk
    assert call("resume run").exit_code == 0
    assert json.loads(call("show run --json").stdout)["finished"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a single process")
@pytest.mark.parametrize(
    ("by", "code"), [("Ctrl-C", 130), ("the file 'stop' in the run's folder", 3)], ids=["ctrl-c", "stop"]
)
def test_a_run_that_is_stopped_goes_on(by: str, code: int, project: Path, server: SimulatedServer) -> None:
    """Ctrl-C, or `stop` in another process, keeps what was paid for, writes the page, and says how to go on."""
    clerk, middle, go_on = server.models["simulated-clerk"], threading.Event(), threading.Event()

    def hold(request: Request, rng: random.Random) -> Answer:
        if server.requests >= 40:
            middle.set()
            go_on.wait(30)
        return clerk(request, rng)

    server.models["simulated-clerk"] = hold
    command = [sys.executable, "-m", "langgraph_gepa", *OPTIMIZE.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert middle.wait(60)
        if by == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            assert call("stop run").exit_code == 0
        assert process.stderr is not None
        noticed = itertools.takewhile(lambda line: "stopping when the rollouts under way" not in line, process.stderr)
        printed = "".join(noticed)
        go_on.set()
        out, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert f"{by}. What was paid for is kept in run" in stderr, printed
    assert "Traceback" not in printed + stderr
    assert out == ""
    assert {"report.html", "prompts.json"} <= {file.name for file in Path("run").iterdir()}
    before = Result.open("run").pool.spent.rollouts
    assert 6 < before < 60
    assert call("resume run").exit_code == 0
    after = Result.open("run")
    assert before < after.pool.spent.rollouts <= 60
    assert after.view.finished


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` says what the command does and what each of its options means."""
    done = call(f"{command} --help")
    assert done.exit_code == 0
    assert f"Usage: root {command}" in done.stdout.replace("langgraph-gepa", "root")
    assert "--help" in done.stdout


def test_the_version_is_that_of_the_installed_package() -> None:
    """`--version` and `__version__` name the version that pip knows."""
    assert call("--version").stdout == f"langgraph-gepa {langgraph_gepa.__version__}\n"
    assert langgraph_gepa.__version__ == version("langgraph-gepa")


def test_the_help_lists_every_command() -> None:
    """The commands of the design are there, each with a line."""
    ended = call("--help").stdout
    assert [name for name in COMMANDS if name not in ended] == []


def test_the_demo_runs_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key or a network `demo` optimises the support desk, says that its model is simulated, and is done."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    done = call("demo --rollouts 60 --seed 3 --run desk")
    assert done.exit_code == 0
    assert "Simulated model" in done.stdout
    data = json.loads(call("show desk --json").stdout)
    assert (data["seed"]["test"]["n"], data["simulated"]) == (24, True)
    assert call("resume desk --rollouts 80").exit_code == 0
    assert 60 < Result.open("desk").pool.spent.rollouts <= 80


def test_a_run_is_the_demos_by_more_than_its_models_name(project: Path, server: SimulatedServer) -> None:
    """A run of objects whose reflection model is called as the demo's is sent back to the program that made it."""
    server.models[REFLECTOR] = server.models["simulated-editor"]
    sets = {"trainset": "train.jsonl", "valset": "val.jsonl", "metric": "letters.py:score", "run": "run"}
    optimize("letters", **sets, reflection_lm=ChatOpenAI(model=REFLECTOR), budget=Budget(rollouts=30), progress=False)
    ended = call("resume run")
    assert ended.exit_code == 2
    assert "was started from Python with objects" in ended.stderr


def test_the_demo_on_a_real_model_needs_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--real` without a key names the variable to set."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = call(f"demo --real --run {tmp_path / 'run'}")
    assert done.exit_code == 2
    assert "OPENAI_API_KEY" in done.stderr

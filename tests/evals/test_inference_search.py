"""The benchmark of search at inference time: its tasks, its simulated models, and that all ways pay the same."""

from __future__ import annotations

import itertools
import json
import random
import timeit
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from langgraph_gepa.demo.server import Answer, Persona, Request, SimulatedServer

WRITE = "Write the Python function that is asked for. Reply with the code only."


@pytest.fixture
def evals(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("evals/code_writer.py")


@pytest.fixture
def simulated(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("evals/simulated/code_writer.py")


def names_of(*programs: str, **names: Any) -> dict[str, Any]:
    for program in programs:
        exec(program, names)  # noqa: S102 - programs are what is tested
    return names


def passes(program: str, task: dict[str, Any]) -> bool:
    reference = SimpleNamespace(**names_of(task["inputs"]["reference"]))
    try:
        names_of(program, *task["inputs"]["tests"], reference=reference)
    except Exception:  # noqa: BLE001 - whatever a wrong program does
        return False
    return True


def seconds(program: str, speed: str) -> float:
    return min(timeit.repeat(speed, globals=names_of(program), number=1, repeat=9))


def test_references_pass_their_tests(evals: ModuleType) -> None:
    """Ten tasks, each of them solved by its own reference."""
    tasks = evals.tasks()
    assert len({task["id"] for task in tasks}) == 10
    assert all(passes(task["inputs"]["reference"], task) for task in tasks)


def test_a_program_is_right_if_all_care_is_taken(evals: ModuleType, simulated: ModuleType) -> None:
    """Each line of care is needed by a test, with every body, and what is done can be read from the program."""
    for task, sketch in zip(evals.tasks(), simulated.SKETCHES, strict=True):
        assert task["id"] == sketch.name
        care = len(sketch.care)
        for done in itertools.product((False, True), repeat=len(sketch.kinds)):
            program = sketch.program(done)
            assert passes(program, task) == all(done[:care]), (sketch.name, done)
            speed = list(itertools.takewhile(bool, done[care:]))
            assert sketch.done(program) == [*done[:care], *speed, *[False] * (len(done) - care - len(speed))]


def test_tasks_grow_and_so_does_what_speed_can_gain(evals: ModuleType, simulated: ModuleType) -> None:
    """There is more and more to know, and the last body is faster than the first."""
    sizes = [len(sketch.kinds) for sketch in simulated.SKETCHES]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (1, 6)
    for task, sketch in zip(evals.tasks(), simulated.SKETCHES, strict=True):
        speed = task["inputs"]["speed"]
        slow = [True] * len(sketch.care) + [False] * len(sketch.faster)
        assert seconds(sketch.program(slow), speed) > 1.3 * seconds(sketch.program([True] * len(slow)), speed)


@pytest.mark.parametrize(
    ("outputs", "score", "words"),
    [
        ({"passed": 0, "failed": "", "error": "SyntaxError: no"}, 0.0, "Wrong: The program ends in SyntaxError: no"),
        ({"passed": 1, "failed": "assert f(2)", "error": "E: x"}, 0.25, "Wrong: assert f(2) ends in E: x"),
        ({"passed": 2, "seconds": 2.0, "reference_seconds": 2.0}, 0.75, "1.00 times as fast"),
        ({"passed": 2, "seconds": 2.0, "reference_seconds": 6.0}, 5 / 6, "3.00 times as fast"),
        ({"passed": 2, "seconds": 1e9, "reference_seconds": 1e-9}, 0.5, "0.00 times as fast"),
    ],
)
def test_right_comes_first_then_speed(evals: ModuleType, outputs: Any, score: float, words: str) -> None:
    """The slowest right answer scores as high as all tests can, and no answer is perfect."""
    marked = evals.metric({"tests": ["assert f(1)", "assert f(2)"], "speed": "f(3)"}, {"error": "", **outputs})
    assert marked.score == pytest.approx(score)
    assert words in marked.comment


def request(system: str, user: str) -> Request:
    return Request("m", ({"role": "system", "content": system}, {"role": "user", "content": user}))


def share_done(simulated: ModuleType, world: Any, system: str, user: str, name: str) -> list[float]:
    """How often each step is done in 300 answers."""
    sketch = next(one for one in simulated.SKETCHES if one.name == name)
    programs = [simulated.write(world, request(system, user), random.Random(n)).text for n in range(300)]
    done = [sketch.done(simulated.FENCED.search(program)[1]) for program in programs]
    return [sum(step) / len(done) for step in zip(*done, strict=True)]


def test_a_step_is_done_by_luck_or_by_its_rule(simulated: ModuleType) -> None:
    """A rule for all tasks helps wherever it applies, one for a task of its own there alone."""
    shared, own = simulated.WORLDS["shared"], simulated.WORLDS["own"]
    assert share_done(simulated, shared, WRITE, "mean(numbers)", "mean") == pytest.approx([0.25, 0.25], abs=0.08)
    rule = f"{WRITE}\n- {simulated.RULES['empty']}."
    assert share_done(simulated, shared, rule, "mean(numbers)", "mean")[0] > 0.9
    assert share_done(simulated, own, rule, "mean(numbers)", "mean")[0] < 0.4
    rule = f"{WRITE}\n- In mean: {simulated.RULES['empty']}."
    assert share_done(simulated, own, rule, "mean(numbers)", "mean")[0] > 0.9


def test_refinement_keeps_steps_and_finds_the_next(bench: Any, evals: ModuleType, simulated: ModuleType) -> None:
    """What was done stays nearly always; what the feedback is about is done with the insight of the world."""
    world = simulated.World(luck=0.0, insight=0.5)
    task = next(task for task in evals.tasks() if task["id"] == "kth")
    sketch = next(sketch for sketch in simulated.SKETCHES if sketch.name == "kth")
    ask = bench("inference_search").refinement_request
    for done, feedback, expected in (
        ([True, False, False], "Wrong: assert kth([1, 2], 3) is None", [0.95, 0.5, 0.0]),
        ([True, True, False], "Right, and 1.00 times as fast", [0.95, 0.95, 0.5]),
        ([True, True, True], "Right, and 21 times as fast", [0.95, 0.95, 0.95]),
    ):
        words = ask(task, sketch.program(done), feedback)
        assert share_done(simulated, world, WRITE, words, "kth") == pytest.approx(expected, abs=0.1)


def test_a_reflection_understands_a_record_as_refinement_does(simulated: ModuleType) -> None:
    """It writes down the rule for the next step of each program that it understands, and no other."""
    sketch = next(sketch for sketch in simulated.SKETCHES if sketch.name == "kth")
    program = sketch.program([True, False, False])
    record = (
        f"<record><inputs>task: kth(numbers, k)</inputs><calls>replied: ```python\n{program}```</calls>"
        "<feedback>\nWrong: assert kth([1, 2], 3) is None\n</feedback></record>"
    )
    prompt = f"<current_text>\n{WRITE}\n</current_text>{record}"
    for insight, expected in ((1.0, 1.0), (0.5, 0.5), (0.0, 0.0)):
        world = simulated.World(insight=insight)
        replies = [simulated.improve(world, request("", prompt), random.Random(n)).text for n in range(200)]
        found = sum(simulated.RULES["edges"] in reply for reply in replies) / len(replies)
        assert found == pytest.approx(expected, abs=0.15)  # a vague rule is written in its place now and then
        assert not any(simulated.RULES["equal"] in reply for reply in replies)


def test_equal_requests_are_answered_anew(simulated: ModuleType) -> None:
    """As a model does at its usual temperature, and the same again on the next server with the same seed."""
    told = [
        [persona(request("", "x"), random.Random(1)).text for _ in range(5)]
        for persona in (simulated.anew(lambda _, rng: Answer(str(rng.random()))) for _ in range(2))
    ]
    assert told[0] == told[1]
    assert len(set(told[0])) == 5


@pytest.mark.parametrize(("calls", "tasks"), [(217, 10), (10, 10), (23, 4)])
def test_calls_are_shared_out_evenly(bench: Any, calls: int, tasks: int) -> None:
    """All of them are used, and no task has two more than another."""
    shares = bench("inference_search").shares(calls, tasks)
    assert sum(shares) == calls
    assert max(shares) - min(shares) <= 1


@pytest.fixture
def counted(bench: Any, load: Callable[[str], ModuleType]) -> Iterator[tuple[Any, Counter[str]]]:
    """The benchmark on two tasks, and the calls that reach each simulated model."""
    search, code, tasks = (
        bench("inference_search"),
        load("evals/simulated/code_writer.py"),
        load("evals/code_writer.py"),
    )
    calls: Counter[str] = Counter()

    def counting(name: str, persona: Persona) -> Persona:
        def answer(request: Request, rng: random.Random) -> Answer:
            calls[name] += "only to find out whether you can be reached" not in request.user
            return persona(request, rng)

        return answer

    personas = {name: counting(name, one) for name, one in code.personas(code.WORLDS["shared"]).items()}
    with ExitStack() as stack:
        server = stack.enter_context(SimulatedServer(personas))
        variables = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "none", "OPENAI_MODEL": code.WRITER}
        writer = stack.enter_context(search.models(variables))
        report = {"passed": 3, "failed": "", "error": "", "seconds": 1.0, "reference_seconds": 2.0}
        writer.run_apart = lambda order, *rest: json.dumps(report | {"seconds": len(order[2])})
        lm = f"openai:{code.REFLECTION}"
        yield search.Bench(writer, tasks.tasks()[:2], tasks.metric, lm, "racing", 20, 1), calls


def test_all_ways_make_the_same_number_of_calls(bench: Any, counted: tuple[Any, Counter[str]], capsys: Any) -> None:
    """Refinement and sampling get what the search took, reflections included; and a table comes of it."""
    search, (setting, calls) = bench("inference_search"), counted
    scores = search.empty(setting.tasks)
    paid = search.compare(setting, 0, scores)
    assert calls["simulated-writer"] + calls["simulated-reflection"] == 3 * paid
    assert calls["simulated-reflection"] > 0
    assert all(0 <= score < 1 for arm in scores.values() for (score,) in arm.values())
    search.report(scores, [paid], "simulated")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["unique", "mean", "all"]


def test_kernelbench_without_a_key_says_what_it_needs(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its programs cannot be simulated."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SystemExit, match="set OPENAI_API_KEY"):
        bench("inference_search").main(["--tasks", "kernelbench"])

"""Ten tasks for `graphs/code_writer.py`, small to larger, and their metric: right first, then fast.

    tasks()      functions to write, of the project's own invention; any CPU runs them
    metric       half for the tests passed, the other half for the speed of what passes them all

An answer is compared with the reference program of its task and timed against it. `kernelbench.py` has tasks of the
same form for machines with a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from langgraph_gepa import Feedback


def task(name: str, words: str, tests: tuple[str, ...], speed: str, reference: str) -> dict[str, Any]:
    inputs = {"task": words, "tests": list(tests), "speed": speed, "reference": reference.strip("\n")}
    return {"id": name, "inputs": inputs}


def metric(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Feedback:
    """Half of the share of tests passed, or from 0.5 on by the logarithm of the speed: the reference's own gets 0.75.

    It is below 1, so that no task counts as solved and is left alone.
    `outputs` is the final state of `graphs/code_writer.py`.
    """
    if outputs["error"]:
        where = f"{outputs['failed']} ends in" if outputs["failed"] else "The program ends in"
        score = outputs["passed"] / len(inputs["tests"]) / 2
        return Feedback(score, f"Wrong: {where} {outputs['error']}")
    times = outputs["reference_seconds"] / outputs["seconds"]
    speed = f"{inputs['speed']} is {times:.2f} times as fast as the reference"
    return Feedback(1 - 0.5 / (1 + math.log2(1 + times)), f"Right, and {speed}. Make it faster.")


def tasks() -> list[dict[str, Any]]:
    """The ten tasks, in the order of how much there is to get right and to make fast."""
    return [
        task(
            "unique",
            "unique(items): the list of the items without repetitions, in the order in which each first appears.",
            (
                "assert unique([3, 1, 3, 2, 1]) == [3, 1, 2]",
                "assert unique(['b', 'a', 'b']) == ['b', 'a']",
                "assert unique([]) == []",
            ),
            "unique([n * n % 701 for n in range(1000)])",
            """
def unique(items):
    kept = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
""",
        ),
        task(
            "mean",
            "mean(numbers): the arithmetic mean of a list of numbers, and 0 of an empty one.",
            ("assert mean([1, 2, 6]) == 3", "assert mean([-1, 1]) == 0", "assert mean([]) == 0"),
            "mean(list(range(5000)))",
            """
def mean(numbers):
    if not numbers:
        return 0
    total = 0
    count = 0
    for number in numbers:
        total += number
        count += 1
    return total / count
""",
        ),
        task(
            "pairs",
            "pairs(numbers, total): how many pairs of places i < j of a list hold numbers that add up to total.",
            (
                "assert pairs([1, 2, 3, 4], 5) == 2",
                "assert pairs([], 0) == 0",
                "assert pairs([1, 2, 3, 2], 4) == 2",
                "assert pairs([2, 2, 2], 4) == 3",
            ),
            "pairs(list(range(150)) * 2, 149)",
            """
def pairs(numbers, total):
    found = 0
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == total:
                found += 1
    return found
""",
        ),
        task(
            "primes",
            "primes(n): the list of all primes below n, which may be any integer.",
            (
                "assert primes(12)[-4:] == [3, 5, 7, 11]",
                "assert primes(12) == [2, 3, 5, 7, 11]",
                "assert primes(2) == []",
            ),
            "primes(600)",
            """
def primes(n):
    return [k for k in range(2, n) if all(k % d for d in range(2, k))]
""",
        ),
        task(
            "kth",
            "kth(numbers, k): the k-th smallest of the different numbers of a list, where k = 1 is the smallest; None "
            "where there are not that many, or k is below 1.",
            (
                "assert kth([5, 1, 4], 2) == 4",
                "assert kth([3, 1, 2], 1) == 1",
                "assert kth([1, 1, 2], 2) == 2",
                "assert kth([1, 2], 3) is None",
                "assert kth([1, 2], 0) is None",
            ),
            "kth([n * n % 701 for n in range(300)], 150)",
            """
def kth(numbers, k):
    left = list(set(numbers))
    if not 0 < k <= len(left):
        return None
    for _ in range(k - 1):
        left.remove(min(left))
    return min(left)
""",
        ),
        task(
            "longest_run",
            "longest_run(text): the length of the longest run of one letter in a text, capital or not; 0 without text.",
            (
                "assert longest_run('abbbcc') == 3",
                "assert longest_run('abc') == 1",
                "assert longest_run('aAab') == 3",
                "assert longest_run('') == 0",
            ),
            "longest_run(('a' * 40 + 'b') * 15)",
            """
def longest_run(text):
    if not text:
        return 0
    text = text.lower()
    best = []
    for start in range(len(text)):
        end = start
        while end < len(text) and text[end] == text[start]:
            end += 1
        best.append(end - start)
    return max(best)
""",
        ),
        task(
            "anagrams",
            "anagrams(words): the groups of words that are written with the same letters, capital or not. Words are in "
            "small letters, each once; a group has at least two, in alphabetical order, and so have the groups.",
            (
                "assert anagrams(['tea', 'eat', 'cat']) == [['eat', 'tea']]",
                "assert anagrams(['on', 'cat', 'no', 'act']) == [['act', 'cat'], ['no', 'on']]",
                "assert anagrams(['Tea', 'eat']) == [['eat', 'tea']]",
                "assert anagrams(['tea', 'tea']) == []",
            ),
            "anagrams([f'{n % 7}{n // 7 % 7}{n // 49}' for n in range(80)])",
            """
def anagrams(words):
    words = sorted({word.lower() for word in words})
    groups = []
    for word in words:
        group = [other for other in words if sorted(other) == sorted(word)]
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups
""",
        ),
        task(
            "distance",
            "distance(a, b): the least number of letters to insert, delete or replace to make text a into text b, "
            "capital or not, without spaces around them.",
            (
                "assert distance('kitten', 'sitting') == 3",
                "assert distance('', 'abc') == 3",
                "assert distance('Ab', 'aB') == 0",
                "assert distance(' ab', 'ab ') == 0",
            ),
            "distance('sunday', 'monday')",
            """
def distance(a, b):
    a, b = a.lower().strip(), b.lower().strip()

    def rest(i, j):
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        return min(rest(i + 1, j) + 1, rest(i, j + 1) + 1, rest(i + 1, j + 1) + (a[i] != b[j]))

    return rest(0, 0)
""",
        ),
        task(
            "best_sum",
            "best_sum(numbers, k): the largest sum of k neighbours in a list of numbers, some of which may be written "
            "as text ('12'); None where k is below 1 or above the length.",
            (
                "assert best_sum([1, 5, 2, 4], 2) == 7",
                "assert best_sum([3], 1) == 3",
                "assert best_sum([-5, -1, -2], 2) == -3",
                "assert best_sum([1, '2', 3], 2) == 5",
                "assert best_sum([1, 2], 3) is None",
                "assert best_sum([1, 2], 0) is None",
            ),
            "best_sum([n * n % 701 - 350 for n in range(400)], 200)",
            """
def best_sum(numbers, k):
    if not 0 < k <= len(numbers):
        return None
    numbers = [int(number) for number in numbers]
    sums = []
    for start in range(len(numbers) - k + 1):
        total = 0
        for i in range(start, start + k):
            total += numbers[i]
        sums.append(total)
    return max(sums)
""",
        ),
        task(
            "schedule",
            "schedule(jobs): the largest total value of jobs (start, end, value) of which no two overlap; one may "
            "start when another ends. A job may be a list of text, and does not count if it ends before it starts.",
            (
                "assert schedule([(0, 3, 5), (2, 5, 6), (6, 8, 2)]) == 8",
                "assert schedule([(1, 2, 4)]) == 4",
                "assert schedule([(0, 2, 1), (2, 4, 1)]) == 2",
                "assert schedule([['0', '10', '2'], ['1', '9', '1']]) == 2",
                "assert schedule([(0, 1, 1), (5, 2, 9)]) == 1",
                "assert schedule([]) == 0",
            ),
            "schedule([(n * 37 % 400, n * 37 % 400 + 1 + n % 90, n % 11 + 1) for n in range(160)])",
            """
def schedule(jobs):
    jobs = [tuple(int(part) for part in job) for job in jobs]
    jobs = [job for job in jobs if job[0] <= job[1]]
    if not jobs:
        return 0
    jobs.sort(key=lambda job: job[1])
    best = []
    for start, end, value in jobs:
        before = [best[i] for i in range(len(best)) if jobs[i][1] <= start]
        best.append(max([value + max(before, default=0), *best]))
    return best[-1]
""",
        ),
    ]

"""The rows of `discovery.py`: what counts, how it is summed up, and what is not as it should be, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from strangers.loopback import Json


@dataclass(frozen=True, slots=True)
class Count:
    """`part` of `whole`."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part}/{self.whole}" if self.whole else "-"

    def __add__(self, other: Count) -> Count:
        return Count(self.part + other.part, self.whole + other.whole)

    @property
    def rest(self) -> int:
        return self.whole - self.part

    @property
    def share(self) -> str:
        return f"{self.part / self.whole:.3f}" if self.whole else "-"


def counts(row: Json) -> dict[str, Count]:
    """The columns of one row."""
    walked = [label for label in row["labels"] if not label["optional"] and not label["needs_run"]]
    every = [label for label in row["labels"] if not label["optional"]]
    by_kind = {kind: [label for label in walked if label["kind"] == kind] for kind in ("prompt", "tool", "schema")}
    found = [label for label in every if label["found"] and label["reached"]]
    own = [label for label in by_kind["prompt"] if label["own"]]
    written = row.get("written", {})
    watched = row.get("watched", {})
    known = [label for label in watched.get("labels", ()) if not label["optional"]]
    new = [label for label in known if "bound" in label]
    return {
        "own": _found([label for label in walked if label["own"]]),
        "own watched": _found([label for label in known if label["own"]]),
        "watched": Count(sum(label["found"] for label in known), len(known)),
        "watched_true": precision(watched),
        "watched_bound": Count(sum(label["bound"] for label in new), len(new)),
        **{kind: Count(sum(label["found"] for label in labels), len(labels)) for kind, labels in by_kind.items()},
        "on": Count(sum(label["on"] for label in own), len(own)),
        "bound": Count(sum(label.get("bound", False) for label in found), len(found)),
        "written": Count(written.get("back", 0), written.get("of", 0)),
        "true": precision(row),
        "home": Count(
            sum(not label["moved"] for label in every if label["found"]), sum(label["found"] for label in every)
        ),
        **{f"walking {what}": count for what, count in of_what_is_on(row.get("are_on", ())).items()},
        **{f"watching {what}": count for what, count in of_what_is_on(watched.get("are_on", ())).items()},
    }


def _found(labels: Sequence[Json]) -> Count:
    return Count(sum(label["found"] for label in labels), len(labels))


def precision(row: Json) -> Count:
    """Of the prompts that are on, those with a label, be it of a library's text or an optional one."""
    on = sum(label["on"] for label in row.get("labels", ()) if label["kind"] == "prompt") + len(row.get("pieces", ()))
    return Count(on, on + len(row.get("false", ())))


def of_what_is_on(modules: Sequence[Json]) -> dict[str, Count]:
    """Own prompts, of those that the labels decide; marks that were lost, of those that could arrive; and texts that
    no run sent, or of which it is unclear, of all."""
    decided = [module["theirs"] for module in modules if module["theirs"] is not None]
    become = [module["fate"] for module in modules]
    lost, arrived = become.count("lost"), become.count("arrived")
    return {
        "own": Count(sum(decided), len(decided)),
        "lost": Count(lost, lost + arrived),
        "unsent": Count(len(become) - lost - arrived, len(become)),
    }


HEAD = (
    f"{'':79}{'on but not':>17} {'':8} {'on but not':>17}\n"
    f"{'graph':28} {'prompts':>8} {'tools':>7} {'schemas':>8} {'own on':>7} {'bound':>7} {'written':>8} "
    f"{'arrived':>8} {'theirs':>8} {'watched':>8} {'arrived':>8} {'theirs':>8} "
    f"{'first':>7} {'again':>6} {'bind':>6}"
)


def shown(name: str, row: Json) -> str:
    """A row of the table."""
    if "error" in row:
        return f"{name:28} {row['error'].splitlines()[0][:110]}"
    c = counts(row)
    bind = f"{row['bind_ms']:.1f}" if row.get("bind_ms") is not None else "-"
    on = {how: (c[f"{how} lost"].part, c[f"{how} own"].rest) for how in ("walking", "watching")}
    return (
        f"{name:28} {c['prompt']!s:>8} {c['tool']!s:>7} {c['schema']!s:>8} {c['on']!s:>7} {c['bound']!s:>7} "
        f"{c['written']!s:>8} {on['walking'][0]:>8} {on['walking'][1]:>8} {c['watched']!s:>8} "
        f"{on['watching'][0]:>8} {on['watching'][1]:>8} "
        f"{row['discovery_ms']:>7.0f} {row['again_ms']:>6.0f} {bind:>6}"
    )


def totals(title: str, rows: Sequence[Json]) -> str:
    """The sums over several rows, as shares."""
    measured = [row for row in rows if "error" not in row]
    raised = [row["graph"] for row in rows if row.get("discovery")]
    raised += [f"{row['graph']} (watching)" for row in measured if "error" in row["watched"]]
    exceptions = f"  exceptions  {len(raised)} graphs" + (f": {', '.join(raised)}" if raised else "")
    several = [counts(row) for row in measured]
    if not several:
        return f"{title}: no graph could be measured\n{exceptions}"
    whole = {key: sum((c[key] for c in several), Count(0, 0)) for key in several[0]}
    walked = whole["prompt"] + whole["tool"] + whole["schema"]
    marked = sum(row["original_marked"] for row in measured)
    changed = sum(row["steady"] and not row["original_same"] for row in measured)
    restless = sum(not row["steady"] for row in measured)
    slowest = max(measured, key=lambda row: row["discovery_ms"])
    prompt, tool, schema = whole["prompt"], whole["tool"], whole["schema"]
    on, true, bound, written, home = (whole[key] for key in ("on", "true", "bound", "written", "home"))
    return (
        f"{title}: {len(several)} graphs, {walked.whole} texts that walking can meet\n"
        f"  recall      prompts {prompt.share} ({prompt}), tools {tool.share} ({tool}), "
        f"schemas {schema.share} ({schema}), all {walked.share}\n"
        f"  of their own {whole['own'].share} ({whole['own']}) by walking, "
        f"{whole['own watched'].share} ({whole['own watched']}) with watching, those that need a run too\n"
        f"  on          {on.share} of their own prompts ({on}); labelled {true.share} ({true}) of what is on\n"
        f"  what is on  walking: {of_on(whole, 'walking')}\n"
        f"              watching: {of_on(whole, 'watching')}\n"
        f"  bound       {bound.share} ({bound}) of what was found and reached a model\n"
        f"  written     {written.share} ({written}); at its true home {home.share} ({home})\n"
        f"  watching    recall {whole['watched'].share} ({whole['watched']}) of all labels, those that need a run too; "
        f"labelled {whole['watched_true'].share} ({whole['watched_true']}) of what is on; "
        f"bound {whole['watched_bound'].share} ({whole['watched_bound']}) of what only a run showed\n"
        f"  original    {marked} marked calls, {changed} graphs that behave otherwise afterwards; {restless} never "
        f"make the same calls twice, by themselves\n"
        f"{exceptions}\n"
        f"  slowest     first discovery {slowest['discovery_ms']:.0f} ms ({slowest['graph']})"
    )


def of_on(whole: Mapping[str, Count], how: str) -> str:
    own, lost, unsent = (whole[f"{how} {what}"] for what in ("own", "lost", "unsent"))
    return (
        f"own prompts {own.share} ({own}); on but not arrived {lost.part} of {lost.whole} that a run sent; "
        f"{unsent.part} of {unsent.whole} sent by no run, or not told apart"
    )


def explained(row: Json) -> Iterable[str]:
    """One line for everything that is not as it should be."""
    if "error" in row:
        yield row.get("trace", row["error"])
        return
    for label in row["labels"]:
        spare = " (optional)" if label["optional"] else " (needs a run)" if label["needs_run"] else ""
        what, module = f"{label['kind']} {label['name']}{spare}", label["module"]
        if not label["found"]:
            yield f"  missed     {what}, {label['lives']}"
        elif not label["on"]:
            yield f"  greyed     {what}: {module['evidence']} {module['reason']}"
        if label.get("bind_error"):
            yield f"  unbound    {what}: {label['bind_error']}"
        elif label["found"] and label["reached"] and not label.get("bound"):
            yield f"  unbound    {what} as {module['module']}: the mark did not arrive {module['reason']}"
        if not label["reached"] and not label["optional"]:
            yield f"  not run    {what}"
        if label["moved"]:
            yield f"  other home {what}: {module['origin']}"
    for key, title in (("pieces", "piece"), ("greyed", "listed"), ("false_tools", "false tool")):
        for module in row[key]:
            why = f" = {module['double']}" if "double" in module else f" of {module['of']}" if "of" in module else ""
            yield f'  {title:10} {module["module"]} {module["origin"]} "{module["words"]}" {module["evidence"]}{why}'
    yield from on_lines("walking", row["are_on"])
    for name, why in row.get("written", {}).get("lost", {}).items():
        yield f"  not back   {name}: {why}"
    watched = row["watched"]
    if "error" in watched:
        yield f"  watching   {watched['error']}"
    for label in watched.get("labels", ()):
        if not label["found"] and not label["optional"]:
            yield f"  watched    {label['name']}: still missed"
        if label.get("bound") is False or label.get("bind_error"):
            yield f"  watched    {label['name']}: unbound {label.get('bind_error', '')}"
    yield from on_lines("watched", watched.get("are_on", ()))
    for note in watched.get("notes", ()):
        yield f"  watched    {note}"
    if not row["original_same"]:
        yield "  the original's calls after binding are not those before it"
    if not row.get("otherwise_same", True):
        yield "  without the marks the bound graph's calls are not the original's"
    for note in row["notes"]:
        yield f"  note       {note}"


def on_lines(title: str, modules: Sequence[Json]) -> Iterable[str]:
    """One line for everything that is on and should not be, or may be."""
    for module in modules:
        label = f"labelled {module['label']}" if module["label"] else "no label"
        said = f'{module["module"]} {module["origin"]} "{module["words"]}" {module["evidence"]}'
        if module["theirs"] is False:
            yield f"  {title:10} not theirs: {said}, {label}"
        if module["fate"] != "arrived":
            yield f"  {title:10} {FATES[module['fate']]}: {said}, {label}"


FATES = {"lost": "not arrived", "not sent": "sent by no run", "unclear": "not told apart"}

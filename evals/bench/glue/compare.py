"""How much its owner writes to optimise the support desk: with us, with the official gepa package, and with both.

    python evals/bench/glue/compare.py

Runs each on simulated models, to show that it works, and counts its lines of code. It is no
comparison of scores: 120 rollouts are a handful.
"""

import ast
import difflib
import io
import tempfile
import tokenize
from pathlib import Path

import adapter_glue
import gepa_glue
import ours
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langgraph_gepa.demo import helpdesk
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.demo.simulated import reflector, support

HERE = Path(__file__).parent
ROLLOUTS = 120
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
TAGGED = "<current_text>\n<curr_param>\n</current_text>\n<feedback>\n<side_info>\n</feedback>"
"""gepa's data in the tags that the simulated reflection model reads."""


class Silence:
    """A logger for gepa."""

    def log(self, message: str) -> None:
        pass


def lines_of_code(file: Path) -> int:
    """Lines with code on them: no blank lines, comments or docstrings."""
    source = file.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {line for t in tokens if t.type not in NO_CODE for line in range(t.start[0], t.end[0] + 1)}
    return len(lines - {n for text in _docstrings(source) for n in range(text.lineno, (text.end_lineno or 0) + 1)})


def changed_lines(before: Path, after: Path) -> int:
    """Lines of the functions in `after` that are not as in `before`, whatever their layout."""
    old, new = (_functions(file) for file in (before, after))
    compared = (difflib.ndiff(old[name], lines) for name, lines in new.items())
    return sum(line.startswith("+ ") for lines in compared for line in lines)


def _functions(file: Path) -> dict[str, list[str]]:
    source = file.read_text(encoding="utf-8")
    docstrings = {ast.dump(text) for text in _docstrings(source)}
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    for node in found:
        node.body = [statement for statement in node.body if ast.dump(statement) not in docstrings]
    return {node.name: ast.unparse(node).splitlines() for node in found}


def _docstrings(source: str) -> list[ast.stmt]:
    owners = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef))
    return [node.body[0] for node in owners if ast.get_docstring(node) is not None]


def improved() -> dict[str, dict[str, str]]:
    """The prompts that each finds on simulated models."""
    models = {"simulated-agent": support, "simulated-reflector": reflector}
    with SimulatedServer(models) as server, tempfile.TemporaryDirectory() as folder:
        chat = [ChatOpenAI(model=name, base_url=server.base_url, api_key=SecretStr("simulated")) for name in models]
        settings = {"reflection_prompt_template": TAGGED, "logger": Silence()}
        return {
            "ours": ours.improve(*chat, ROLLOUTS, Path(folder, "ours")),
            "gepa": gepa_glue.improve(*chat, ROLLOUTS, Path(folder, "gepa"), **settings),
            "gepa, our adapter": adapter_glue.improve(*chat, ROLLOUTS, Path(folder, "adapter"), **settings),
        }


def main() -> None:
    for name, prompts in improved().items():
        changed = [module for module, text in prompts.items() if text != gepa_glue.SEED[module]]
        print(f"{name}: new prompts for {', '.join(changed) or 'nothing'} after {ROLLOUTS} simulated rollouts")
    for file in ("ours.py", "gepa_glue.py", "adapter_glue.py"):
        print(f"{lines_of_code(HERE / file):>4} lines of code in {file}")
    changes = changed_lines(Path(helpdesk.__file__), HERE / "helpdesk_with_arguments.py")
    print(f"{changes:>4} lines of the graph changed for gepa, 0 for us")


if __name__ == "__main__":
    main()

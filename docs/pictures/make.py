"""Makes the README's pictures of a run of the demo: `python docs/pictures/make.py`, with Chromium on the path.

`terminal.svg` is what the command leaves in the terminal, and `report.png` the first screen of its report.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

HERE = Path(__file__).parent
COMMAND = ("langgraph-gepa", "demo", "--run", "runs/helpdesk")
COLUMNS = 96
WINDOW = (1180, 925)
"""The size of the report's first screen in pixels."""


def main() -> None:
    """Runs the demo in an empty folder, and writes both pictures beside this script."""
    with TemporaryDirectory() as folder:
        printed = run(Path(folder))
        (HERE / "terminal.svg").write_text(drawn(printed, " ".join(COMMAND)), encoding="utf-8")
        photograph(Path(folder) / "runs/helpdesk/report.html", HERE / "report.png")


def run(folder: Path) -> str:
    """Returns what the command leaves in a terminal of so many columns, without the progress that it shows before."""
    program = Path(sys.executable).with_name(COMMAND[0])
    colours = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    done = subprocess.run(
        [program, *COMMAND[1:]], cwd=folder, env=os.environ | colours, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def drawn(printed: str, command: str) -> str:
    """Returns the command and its output with its colours as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
    console.print(Text.from_ansi(printed.rstrip("\n")))
    local = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    local = local.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace")
    picture = console.export_svg(title="langgraph-gepa", code_format=local, unique_id="terminal")
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def photograph(page: Path, picture: Path) -> None:
    """Writes the first screen of `page`, in light colours, as a PNG."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise SystemExit("Chromium takes the picture of the report: install it first (apt-get install chromium).")
    options = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--blink-settings=preferredColorScheme=1",
    )
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    subprocess.run([browser, *options, size, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()

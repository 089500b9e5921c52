import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import SourceError
from langgraph_gepa.writeback.changes import Changes
from langgraph_gepa.writeback.file_writing import apply
from langgraph_gepa.writeback.plan import plan

FILES = {"a.py": 'A = "Old a."\r\n', "b.md": "Old b.\n"}


@pytest.fixture
def changes(repository: Path) -> Changes:
    for name, content in FILES.items():
        (repository / name).write_bytes(content.encode())
    (repository / "a.py").chmod(0o750)
    modules = [Module("a", "prompt", "Old a.", file="a.py", line=1), Module("b", "prompt", "Old b.", file="b.md")]
    return plan(modules, {"a": "New a.", "b": "New b."})


def untouched() -> bool:
    """Whether the folder is as it was, without a file more."""
    found = {path.name: path.read_bytes().decode() for path in Path.cwd().iterdir() if path.is_file()}
    return found == FILES


def test_all_files_are_written_and_keep_their_mode(changes: Changes) -> None:
    """The verifier sees the new texts; then they stay."""
    apply(changes, lambda: None if Path("b.md").read_text() == "New b.\n" else "no")
    assert Path("a.py").read_bytes() == b'A = "New a."\r\n'
    assert stat.S_IMODE(Path("a.py").stat().st_mode) == 0o750
    assert len(list(Path.cwd().iterdir())) == 3


def test_a_complaint_puts_every_file_back(changes: Changes) -> None:
    """The complaint is in the error, and the files are untouched, down to their modification time."""
    times = [Path(name).stat().st_mtime_ns for name in FILES]
    with pytest.raises(SourceError, match="the graph is upset"):
        apply(changes, lambda: "the graph is upset")
    assert untouched()
    assert times == [Path(name).stat().st_mtime_ns for name in FILES]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_puts_every_file_back(changes: Changes, number: signal.Signals) -> None:
    """Ctrl-C while the project is loaded leaves no half of the change, and the handlers as they were."""
    before = signal.getsignal(number)

    def verify() -> None:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        threading.Event().wait(5)

    with pytest.raises(KeyboardInterrupt, match="as they were"):
        apply(changes, verify)
    assert untouched()
    assert signal.getsignal(number) == before


def test_a_file_that_cannot_be_written_puts_the_others_back(changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fails at the second file: the first is put back and the file named."""
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "b.md":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(SourceError, match=r"No space left on device \(.*b.md\)"):
        apply(changes, lambda: None)
    assert untouched()


def test_a_file_changed_since_the_plan_is_not_overwritten(changes: Changes) -> None:
    """An editor that saved in between wins."""
    Path("b.md").write_text("Mine.\n")
    with pytest.raises(SourceError, match=r"b.md changed"):
        apply(changes, lambda: None)
    assert Path("b.md").read_text() == "Mine.\n"
    assert Path("a.py").read_bytes().decode() == FILES["a.py"]


def test_a_link_stays_a_link(repository: Path) -> None:
    """The file behind a symbolic link is written, not the link."""
    (repository / "real.md").write_text("Old.\n")
    (repository / "link.md").symlink_to("real.md")
    apply(plan([Module("a", "prompt", "Old.", file="link.md")], {"a": "New."}), lambda: None)
    assert (repository / "link.md").is_symlink()
    assert (repository / "real.md").read_text() == "New.\n"

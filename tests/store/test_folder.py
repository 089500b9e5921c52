"""Which folders are runs."""

import os
import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from langgraph_gepa.errors import RunError
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.store.stop_file import STOP, request_stop


def test_a_new_folder_becomes_a_run_only_its_owner_reads(tmp_path: Path) -> None:
    """A run holds what the graph saw, so it is private from the start, parents made on the way."""
    folder = tmp_path / "runs" / "helpdesk"
    open_run(folder, create=True).close()
    assert (folder / "run.db").is_file()
    if sys.platform != "win32":
        assert folder.stat().st_mode & 0o777 == 0o700


def test_an_empty_folder_becomes_a_run(tmp_path: Path) -> None:
    """A folder somebody made for the run is taken as it is."""
    open_run(tmp_path, create=True).close()
    assert (tmp_path / "run.db").is_file()


def test_a_run_is_opened_again_with_its_settings(tmp_path: Path) -> None:
    """With or without `create`: the caller sees from the settings that it is there, and whose it is."""
    with closing(open_run(tmp_path / "run", create=True)) as store:
        assert store.settings() == {}
        store.configure({"seed": 7})
    for create, read_only in ((True, False), (False, False), (False, True)):
        with closing(open_run(tmp_path / "run", create=create, read_only=read_only)) as store:
            assert store.settings() == {"seed": 7}


def test_reports_beside_the_database_do_not_matter(tmp_path: Path) -> None:
    """A run's folder holds its report and prompts too."""
    open_run(tmp_path, create=True).close()
    (tmp_path / "report.html").write_text("")
    open_run(tmp_path, create=True).close()


def test_a_start_that_was_killed_can_be_made_again(tmp_path: Path) -> None:
    """A folder with a lock and an empty database is a run that never began."""
    (tmp_path / "run.lock").write_text("process 1 on nowhere")
    (tmp_path / "run.db").touch()
    with pytest.raises(RunError, match="never started"):
        open_run(tmp_path, create=False, read_only=True)
    open_run(tmp_path, create=True).close()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written among somebody's files; the error names one of them."""
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunError, match=r"thesis\.tex"):
        open_run(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("read_only", [True, False])
def test_a_run_that_is_not_there_is_not_made(tmp_path: Path, read_only: bool) -> None:
    """Resuming or showing a mistyped path says so, and makes nothing."""
    for folder in (tmp_path / "typo", tmp_path):
        with pytest.raises(RunError, match="holds no run"):
            open_run(folder, create=False, read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_runs_names_the_newest(tmp_path: Path) -> None:
    """Whoever gives `runs` in place of `runs/first` is shown what could be meant."""
    for n in range(7):
        open_run(tmp_path / f"run-{n}", create=True).close()
        os.utime(tmp_path / f"run-{n}" / "run.db", (n, n))
    newest = ", ".join(str(tmp_path / f"run-{n}") for n in (6, 5, 4, 3, 2))
    with pytest.raises(RunError, match=re.escape(f"The newest of the 7 in its folders: {newest}.")):
        open_run(tmp_path, create=False)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A path that is a file is a mistake, said as one."""
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="Give another folder"):
        open_run(tmp_path / "run", create=True)


def test_a_stop_file_that_cannot_be_made_is_an_error_with_another_way(tmp_path: Path) -> None:
    """As in a folder of somebody else's, which may only be read."""
    with closing(open_run(tmp_path / "run", create=True)):
        (tmp_path / "run" / STOP).symlink_to(tmp_path / "nowhere" / STOP)
        with pytest.raises(RunError, match=r"the file that stops the run, cannot be made.*Press Ctrl-C"):
            request_stop(tmp_path / "run")

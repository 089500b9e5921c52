from pathlib import Path

from langgraph_gepa.writeback.project_files import files_naming, files_with


def test_a_file_that_is_the_text_comes_before_one_that_holds_it(tmp_path: Path) -> None:
    """Without regard to white space around the text; what runs have written is no source."""
    (tmp_path / "a.md").write_text("\nBe kind.\n")
    (tmp_path / "b.yaml").write_text("prompt: Be kind.\nother: Be brief.\n")
    (tmp_path / "c.json").write_text('{"other": "Be brief."}')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.db").touch()
    (tmp_path / "run" / "d.md").write_text("Be kind.")
    assert [path.name for path in files_with(tmp_path, "Be kind.")] == ["a.md"]
    assert [path.name for path in files_with(tmp_path, "Be brief.")] == ["b.yaml", "c.json"]
    assert files_with(tmp_path, "Be") == []


def test_programs_that_name_a_constant_are_found_by_the_whole_name(tmp_path: Path) -> None:
    """A longer name is another one, and a text file is no program."""
    (tmp_path / "a.py").write_text("from b import TONE\n")
    (tmp_path / "b.py").write_text("TONES = 1\n")
    (tmp_path / "c.md").write_text("TONE\n")
    assert [path.name for path in files_naming(tmp_path, "TONE")] == ["a.py"]

"""A demo empties what a demo made, and nothing else."""

from pathlib import Path

import pytest

from ai_finops.demo.workspace import fresh_workspace
from ai_finops.errors import SettingsError


def test_a_new_folder_is_made(tmp_path):
    with fresh_workspace(tmp_path / "var") as home:
        assert home.is_dir()


def test_what_an_earlier_demo_left_is_removed(tmp_path):
    with fresh_workspace(tmp_path / "var") as home:
        (home / "lake").mkdir()
        (home / "lake" / "old").touch()
        (home / "data_docs").symlink_to(home / "lake")
    with fresh_workspace(home):
        assert not (home / "lake").exists()
        assert not (home / "data_docs").is_symlink()


@pytest.mark.parametrize("name", ["lake", "thesis.txt"])
def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(SettingsError, match=f"holds {name}, which no demo made; set AI_FINOPS_HOME"):
        fresh_workspace(tmp_path).__enter__()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_what_somebody_added_beside_a_demo_stays(tmp_path):
    with fresh_workspace(tmp_path / "var") as home:
        (home / "notes.txt").touch()
        (home / "up").mkdir()
    with fresh_workspace(home):
        assert (home / "notes.txt").exists()
        assert (home / "up").exists()


def test_a_build_that_found_nothing_does_not_keep_the_demo_out(tmp_path):
    (tmp_path / "builds").mkdir()
    (tmp_path / "builds" / ".lock").touch()
    with fresh_workspace(tmp_path):
        assert not (tmp_path / "builds").exists()


def test_a_place_that_cannot_be_written_is_named():
    with pytest.raises(SettingsError, match=r"/proc/nobody cannot be written .*set AI_FINOPS_HOME"):
        fresh_workspace(Path("/proc/nobody")).__enter__()


def test_make_up_s_folder_does_not_keep_the_demo_out(tmp_path):
    (tmp_path / "up").mkdir()
    with fresh_workspace(tmp_path):
        pass


def test_two_demos_in_one_folder_are_refused(tmp_path):
    with fresh_workspace(tmp_path / "var") as home, pytest.raises(SettingsError, match="another demo is at work"):
        fresh_workspace(home).__enter__()


def test_a_file_instead_of_a_folder_is_named(tmp_path):
    (tmp_path / "var").touch()
    with pytest.raises(SettingsError, match="var is a file"):
        fresh_workspace(tmp_path / "var").__enter__()

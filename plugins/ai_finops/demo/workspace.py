"""The folder a demo works in: emptied before each run, and never a folder with somebody's real lake."""

from __future__ import annotations

import shutil
from pathlib import Path

from ai_finops.errors import SettingsError

_MARKER = ".made-by-the-demo"


def fresh_workspace(home: Path) -> Path:
    """Empty `home` of what an earlier demo left and return it.

    Raises:
        SettingsError: There is a lake in it that no demo made.
    """
    marker = home / _MARKER
    if (home / "lake").exists() and not marker.exists():
        raise SettingsError(
            f"{home} holds a lake that the demo did not make; set AI_FINOPS_HOME to another folder for the demo"
        )
    home.mkdir(parents=True, exist_ok=True)
    marker.write_text("An ai-finops demo owns this folder and empties it when it starts.\n", encoding="utf-8")
    for entry in home.iterdir():
        if entry != marker:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return home

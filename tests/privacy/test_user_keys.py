"""Keys of users: the same pseudonym for everybody who asks, another in each deployment, and no id in what is kept."""

from __future__ import annotations

import multiprocessing
import stat
from dataclasses import replace

import pytest

from ai_finops.config import Settings
from ai_finops.errors import Fault, LakeError, SettingsError, fault_of
from ai_finops.privacy import user_keys

IDS = [f"user-{number}@example.com" for number in range(40)]


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})


def named(settings: Settings, ids: list[str] = IDS) -> dict[str, str]:
    with user_keys.landing(settings) as keys:
        return keys.pseudonyms(ids)


def _name_each(home: str, ids: list[str]) -> dict[str, str]:
    settings = Settings.from_env({"AI_FINOPS_HOME": home})
    return {each: named(settings, [each])[each] for each in ids}


def test_a_user_keeps_the_pseudonym_and_each_has_another(settings, tmp_path):
    first = named(settings)
    assert named(settings, IDS[::-1]) == first and len(set(first.values())) == len(IDS)
    assert all(len(each) == 34 and each.startswith("u_") for each in first.values())
    elsewhere = named(replace(settings, home=tmp_path / "other"))
    assert not set(elsewhere.values()) & set(first.values())


def test_workers_that_ask_at_once_get_the_same(settings):
    home = str(settings.home)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.starmap(_name_each, [(home, IDS), (home, IDS[::-1]), (home, IDS[20:] + IDS[:20])])
    assert found[0] == found[1] == found[2] == named(settings)


def test_nobody_else_can_read_them_and_they_hold_no_id(settings):
    named(settings)
    folder = settings.home / "privacy"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("secret", "users.sqlite"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert b"example.com" not in (folder / name).read_bytes()


def test_a_key_that_was_deleted_is_overwritten(settings):
    pseudonym = named(settings, IDS[:1])[IDS[0]]
    database = settings.home / "privacy" / "users.sqlite"
    assert pseudonym.encode() in database.read_bytes()
    with user_keys.changing(settings) as keys:
        keys.end_forgetting(IDS[0])
    assert pseudonym.encode() not in database.read_bytes()


def test_another_secret_is_refused(settings):
    given = replace(settings, user_key=b"k" * 32)
    first = named(given)
    assert not (settings.home / "privacy" / "secret").exists()
    with pytest.raises(SettingsError, match=r"AI_FINOPS_USER_KEY is not the secret that .*users\.sqlite was made with"):
        named(replace(settings, user_key=b"l" * 32))
    assert named(given) == first


def test_a_lost_secret_is_not_made_anew(settings):
    named(settings)
    (settings.home / "privacy" / "secret").unlink()
    with pytest.raises(SettingsError, match=r"secret is missing, with which .*users\.sqlite was made"):
        named(settings)


def test_the_secret_of_the_environment():
    key = "0123456789abcdef" * 4
    settings = Settings.from_env({"AI_FINOPS_USER_KEY": key})
    assert settings.user_key == bytes.fromhex(key) and "user_key" not in repr(settings)
    with pytest.raises(SettingsError, match="AI_FINOPS_USER_KEY is too short to keep a secret"):
        Settings.from_env({"AI_FINOPS_USER_KEY": "short"})


def test_a_full_disk_is_said_as_such(settings):
    named(settings, IDS[:1])
    with user_keys.landing(settings) as keys:
        keys._database.execute("pragma max_page_count = 1")  # no more pages than it has
        with pytest.raises(LakeError, match=r"users\.sqlite: database or disk is full") as raised:
            keys.pseudonyms(str(number) for number in range(5000))
        assert fault_of(raised.value) is Fault.DISK_FULL
        assert keys.counts() == (1, 0)

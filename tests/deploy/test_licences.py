"""What is installed is locked by version and hash, and its licence is known and allowed."""

from __future__ import annotations

import re
from email.message import Message

import pytest

from ai_finops.config import REPOSITORY
from ai_finops.deploy import licences

PAGE = REPOSITORY / "docs" / "licences.md"
LOCKS = sorted(REPOSITORY.glob("requirements*.txt"))


def about(licence: str = "", *classifiers: str, expression: str = "") -> Message:
    message = Message()
    for name, value in (("License", licence), ("License-Expression", expression)):
        if value:
            message[name] = value
    for each in classifiers:
        message["Classifier"] = f"License :: OSI Approved :: {each}"
    return message


@pytest.fixture(scope="module")
def listed():
    return licences.rows(page=PAGE.read_text(encoding="utf-8"))


def test_the_page_is_what_locks_and_metadata_say(listed):
    assert PAGE.read_text(encoding="utf-8") == licences.page_of(listed), "docs/licences.md is stale: make licences"


def test_every_licence_is_allowed_or_excepted_by_name(listed):
    assert licences.faults(listed) == []
    names = {name for name, *_ in listed}
    assert len(listed) > 300 and {*licences.EXCEPTIONS, *licences.STATED} <= names
    excepted = {name for name, _, licence, _ in listed if not licences.is_allowed(licence)}
    assert excepted == set(licences.EXCEPTIONS)  # an exception that nobody needs any more goes


def test_what_is_stated_is_what_the_metadata_would_say():
    found = {name: licences.licence_of(each) for (name, _), each in licences._installed(REPOSITORY).items()}
    for name, (licence, _) in licences.STATED.items():
        assert found.get(name) in (None, licence), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_has_one_version_and_hashes(lock):
    text = lock.read_text(encoding="utf-8")
    assert set(licences.FILES) <= {each.name for each in LOCKS}
    entries = re.split(r"\n(?=[^\s#])", "\n" + re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE))
    entries = [each for each in entries if each.strip()]
    assert len(entries) > 20
    for entry in entries:
        first, *hashes = re.sub(r"\\\n\s*", "\n", entry.strip()).split("\n")
        assert re.fullmatch(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?==[\w.!+]+( ; .+)?", first.strip()), first
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each.strip()) for each in hashes), first


def test_locks_are_installed_by_their_hashes_alone():
    texts = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in ("Makefile", "Dockerfile")}
    for name, text in texts.items():
        installs = re.findall(r"(?:pip|uv) (?:--python \S+ )?(?:pip )?install[^\n]*-r requirements[^\n]*", text)
        assert installs, name
        assert all("--require-hashes" in each and "--no-deps" in each for each in installs), name


def test_images_are_of_one_version_or_digest():
    compose = (REPOSITORY / "docker-compose.yaml").read_text(encoding="utf-8")
    images = re.findall(r"^\s+image: (\S+)$", compose, flags=re.MULTILINE)
    images += re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(images) >= 8
    for image in images:
        assert re.fullmatch(r"[a-z0-9/.-]+(:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?|@sha256:[0-9a-f]{64})", image), image


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        (about(expression="MIT OR Apache-2.0"), "MIT OR Apache-2.0"),
        (about("GPL-3.0-only", "MIT License", expression="MIT"), "MIT"),
        (about("Apache-2.0"), "Apache-2.0"),
        (about("MIT License\n\nCopyright (c) somebody"), "MIT"),
        (about("Copyright somebody", "BSD License"), "LicenseRef-BSD"),
        (about("", "MIT License", "Apache Software License"), "MIT AND Apache-2.0"),
        (about("", "MIT License", "Something Else"), None),
        (about("", "OSI Approved"), None),
        (about(), None),
    ],
)
def test_the_licence_of_a_distribution(metadata, licence):
    assert licences.licence_of(metadata) == licence


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MPL-2.0 AND (Apache-2.0 OR GPL-3.0-only)", True),
        ("(MIT AND GPL-3.0-only) OR ISC", True),
        ("MIT AND (GPL-3.0-only OR AGPL-3.0-only)", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("unknown", False),
        ("", False),
        ("MIT MIT", False),
    ],
)
def test_of_alternatives_one_is_enough_and_what_holds_together_holds_together(expression, is_allowed):
    assert licences.is_allowed(expression) == is_allowed


def test_an_unknown_licence_is_a_fault_with_what_to_do():
    (fault,) = licences.faults([("a", "1.0", "unknown", "requirements.txt"), ("psycopg", "3", "LGPL-3.0-only", "x")])
    assert fault.startswith("a 1.0 (requirements.txt) has the licence unknown; allow it, except it by name")


def test_what_is_not_installed_here_keeps_the_licence_of_its_version(tmp_path):
    for name in licences.FILES:
        (tmp_path / name).write_text("nowhere==1.0 \\\n    --hash=sha256:00\n")
    page = licences.page_of([("nowhere", "1.0", "MIT", "requirements.txt")])
    files = ", ".join(licences.FILES)
    assert licences.rows(tmp_path, page=page) == [("nowhere", "1.0", "MIT", files)]
    assert licences.rows(tmp_path, page=page.replace("1.0", "0.9")) == [("nowhere", "1.0", "unknown", files)]

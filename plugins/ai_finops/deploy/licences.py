"""The licence of every distribution that is installed: locked versions and their metadata → docs/licences.md.

A licence is an SPDX expression: what the metadata gives as one, else what its licence field or its classifiers say in words.
Some distributions say nothing that a program can read, or are not installed here; `STATED` names them with the evidence.
`faults` says which are neither allowed nor excepted by name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ai_finops.config import REPOSITORY

FILES = {
    "requirements.txt": ".venv",
    "requirements-services.txt": ".venv-services",
    "requirements-bouncer.txt": ".venv-bouncer",
    "requirements-spark.txt": ".venv",
}
"""Locks, and the environment that each is installed in. `requirements-rivals.txt` is of one bench and left out."""
UNKNOWN = "unknown"
BSD = "LicenseRef-BSD"
"""A BSD licence, of which the metadata does not say how many clauses it has."""
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("MPL-2.0", "PSF-2.0", "Unlicense", "Zlib", BSD),
}
"""MPL-2.0 asks for the source of its own files where they are changed; nothing of it is changed here."""
EXCEPTIONS = {
    "psycopg": "LGPL-3.0-only: installed as published, used through its interface, and whoever runs it can replace it",
    "psycopg-binary": "LGPL-3.0-only: as psycopg, whose C part it is",
    "text-unidecode": "Artistic or GPL-2.0-or-later, as one likes: used under the Artistic License, unchanged",
}
"""Distributions whose licence is none of `ALLOWED`, and why they are used all the same."""
STATED = {
    "async-timeout": ("Apache-2.0", "classifier of the distribution; for Python before 3.11.3"),
    "atheris": ("Apache-2.0", "LICENSE in the distribution"),
    "dbt-spark": ("Apache-2.0", "classifier of the distribution; of Spark's lock"),
    "httpx2-jsfetch": ("BSD-3-Clause", "metadata of the distribution; for Emscripten"),
    "openlineage-sql": ("Apache-2.0", "LICENSE of the repository OpenLineage/OpenLineage"),
    "py4j": (BSD, "classifier of the distribution; of Spark's lock"),
    "pyspark": ("Apache-2.0", "LICENSE of Apache Spark; of Spark's lock"),
    "pywin32": ("PSF-2.0", "classifier of the distribution; for Windows"),
    "pyyaml-ft": ("MIT", "classifier of the distribution; for Python 3.13"),
    "sqlparams": ("MIT", "classifier of the distribution; of Spark's lock"),
    "text-unidecode": ("Artistic-1.0-Perl OR GPL-2.0-or-later", "LICENSE in the distribution"),
}
"""Licence and evidence of what no program can read here."""
_WORDS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": BSD,
    "bsd license": BSD,
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
_SAYS_NOTHING = {"osi approved", "dfsg approved"}
_LOCKED = re.compile(r"^([A-Za-z0-9][^\s;]*==[^\s;\\]+(?: ; [^\\]+?)?)\s*\\?$", flags=re.MULTILINE)
_TITLE = """# Licences

What the locks install: distribution, version, licence (SPDX) and the locks that name it. Written by `make licences`; a test
fails when this page is not what the locks and the installed metadata say, or a licence is neither allowed nor excepted by name
(`plugins/ai_finops/deploy/licences.py`). `LicenseRef-BSD` is a BSD licence whose metadata does not say which. A version for
another Python than the one at hand has the licence of the version that is installed.
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """A distribution that locks name at one version."""

    name: str
    version: str
    files: tuple[str, ...]


def locked(repository: Path = REPOSITORY) -> list[Locked]:
    """Return what the locks name, by name and version."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in FILES:
        for line in _LOCKED.findall((repository / file).read_text(encoding="utf-8")):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            found.setdefault((canonicalize_name(requirement.name), pin.version), []).append(file)
    return [Locked(name, version, tuple(files)) for (name, version), files in sorted(found.items())]


def licence_of(about: Mapping) -> str | None:
    """Return the SPDX expression of a distribution's metadata; None where it does not say."""
    for field in ("License-Expression", "License"):
        said = (about.get(field) or "").strip().partition("\n")[0]  # some put the whole text there
        if said.lower() in _WORDS:
            return _WORDS[said.lower()]
        if said and (expression := _expression(said)):
            return expression
    names = [
        each.rpartition(" :: ")[2].lower() for each in about.get_all("Classifier") or [] if each.startswith("License")
    ]
    names = [each for each in names if each not in _SAYS_NOTHING]
    if not names or any(each not in _WORDS for each in names):
        return None
    return " AND ".join(dict.fromkeys(_WORDS[each] for each in names))


def is_allowed(expression: str) -> bool:
    """Whether a licence is allowed: of alternatives one has to be, of licences that hold together all of them."""
    words = re.findall(r"\(|\)|[^\s()]+", expression)

    def either() -> bool:
        fits = both()
        while words and words[0] == "OR":
            words.pop(0)
            fits = both() or fits
        return fits

    def both() -> bool:
        fits = single()
        while words and words[0] == "AND":
            words.pop(0)
            fits = single() and fits
        return fits

    def single() -> bool:
        word = words.pop(0) if words else ""
        if word == "(":
            fits = either()
            words.pop(0)
            return fits
        fits = word in ALLOWED
        if words and words[0] == "WITH":  # an exception is another licence, which nobody has looked at
            del words[:2]
            return False
        return fits

    return either() and not words


def rows(repository: Path = REPOSITORY, *, page: str = "") -> list[tuple[str, str, str, str]]:
    """Return name, version, licence and locks of each distribution.

    What is not installed here, as on another system, keeps the licence that `page` has for the same version.
    """
    installed = _installed(repository)
    before = {(name, version): licence for name, version, licence, _ in rows_of(page) if licence != UNKNOWN}
    of_name = {name: licence_of(about) for (name, _), about in installed.items()}
    found = []
    for each in locked(repository):
        key = (each.name, each.version)
        licence = licence_of(installed[key]) if key in installed else before.get(key) or of_name.get(each.name)
        licence = STATED[each.name][0] if each.name in STATED else licence or UNKNOWN
        found.append((*key, licence, ", ".join(each.files)))
    return found


def faults(listed: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """Return a sentence for each distribution that is neither allowed nor excepted by name."""
    return [
        f"{name} {version} ({files}) has the licence {licence}; allow it, except it by name with a reason, or do without it"
        for name, version, licence, files in listed
        if name not in EXCEPTIONS and not is_allowed(licence)
    ]


def page_of(listed: Iterable[tuple[str, str, str, str]]) -> str:
    """Return docs/licences.md."""
    lines = [_TITLE, "Allowed: " + ", ".join(f"`{each}`" for each in sorted(ALLOWED)) + ". Excepted:", ""]
    lines += [f"- `{name}`: {reason}." for name, reason in EXCEPTIONS.items()]
    lines += ["", "Not read from installed metadata:", ""]
    lines += [f"- `{name}`: {licence}, by {evidence}." for name, (licence, evidence) in STATED.items()]
    lines += ["", "| Distribution | Version | Licence | Locks |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in listed)]) + "\n"


def rows_of(page: str) -> list[tuple[str, ...]]:
    """Return the rows of a page that `page_of` made."""
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines() if line[:2] == "| "
    ]
    return cells[1:]


def _installed(repository: Path) -> dict[tuple[str, str], metadata.PackageMetadata]:
    found = {}
    for environment in dict.fromkeys(FILES.values()):
        places = [str(each) for each in (repository / environment).glob("lib/python3*/site-packages")]
        for each in metadata.distributions(path=places) if places else ():
            found[canonicalize_name(each.metadata["Name"]), each.version] = each.metadata
    return found


def _expression(said: str) -> str | None:
    try:
        return canonicalize_license_expression(said)
    except InvalidLicenseExpression:
        return None


if __name__ == "__main__":
    place = Path(sys.argv[1])
    listed = rows(page=place.read_text(encoding="utf-8") if place.exists() else "")
    place.write_text(page_of(listed), encoding="utf-8")
    if found_faults := faults(listed):
        sys.exit("\n".join(found_faults))

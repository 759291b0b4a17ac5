"""What kind of fault an error is."""

import errno
import inspect

import pytest

from ai_finops import errors
from ai_finops.errors import (
    AiFinopsError,
    BuildBusy,
    BuildError,
    Fault,
    LakeError,
    SourceBroken,
    SourceForbidden,
    SourceNotReady,
    SourceThrottled,
    SourceUnavailable,
    fault_of,
)
from ai_finops.lake_files import as_lake_error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (SourceThrottled("x"), Fault.THROTTLED),
        (SourceUnavailable("x"), Fault.UNAVAILABLE),
        (SourceNotReady("x"), Fault.NOT_READY),
        (BuildBusy("x"), Fault.BUSY),
        (SourceForbidden("x"), Fault.REFUSED),
        (SourceBroken("x"), Fault.BROKEN),
        (errors.SettingsError("x"), Fault.SETTING),
        (KeyError("x"), Fault.UNEXPECTED),
        (OSError(errno.EIO, "x"), Fault.UNEXPECTED),
    ],
)
def test_each_class_has_its_fault(error, fault):
    assert fault_of(error) == fault


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_found_below_whatever_was_being_written(number):
    with pytest.raises(LakeError) as raised, as_lake_error("write a partition"):
        raise OSError(number, "the words may be in any language")
    assert fault_of(raised.value) == Fault.DISK_FULL
    assert fault_of(BuildError("dbt failed: IO Error: Could not write: No space left on device")) == Fault.DISK_FULL


def test_another_trouble_of_the_disk_is_no_full_one():
    with pytest.raises(LakeError) as raised, as_lake_error("write a partition"):
        raise OSError(errno.EACCES, "Permission denied")
    assert fault_of(raised.value) == Fault.BROKEN


def test_what_was_handled_before_says_nothing_of_an_error():
    try:
        try:
            raise OSError(errno.ENOSPC, "full")
        except OSError:
            raise SourceForbidden("refused") from None
    except SourceForbidden as error:
        assert fault_of(error) == Fault.REFUSED


def test_the_tree_in_the_docstring_names_every_class():
    classes = [name for name, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, AiFinopsError)]
    assert [name for name in classes if name not in errors.__doc__] == []

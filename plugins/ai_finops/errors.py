"""Every error this package raises on purpose.

AiFinopsError
├── SettingsError            a setting is missing or does not parse
│   └── PolicyError          a routing policy says something that cannot be followed: names the line, the key, what is allowed
├── SourceError              something is wrong with where data comes from
│   ├── SourceUnavailable    5xx, timed out: the same call may work later (retry)
│   │   ├── SourceThrottled  asked too often: it works later, and the sooner it is asked again the less (retry, slowly)
│   │   └── SourceNotReady   a delivery is under way: it works once that has ended (retry over an hour)
│   ├── SourceForbidden      credentials refused or expired: a person has to act
│   ├── SourceMissing        no such bucket, namespace or export
│   ├── SourceBroken         it is there and cannot be read: names the object and the place
│   └── PartitionExpired     asked for a day past the source's retention
├── LakeError                the raw lake cannot be read or written
│   └── LakeUnavailable      its bucket did not answer, or another writer came between: the same call may work later (retry)
├── BuildError               dbt or an analysis failed; the published marts are untouched
│   └── BuildBusy            another process writes a build: it works once that has ended (retry)
├── AuditFailed              the candidate marts broke an expectation; the published marts are untouched
├── PublishError             a validated build could not be made current, or what is published cannot be read
│   ├── NothingPublished     there is no published build yet
│   └── OlderBuild           a build that was prepared later is published already, and holds all that this one does
├── ReportError              the week asked for is not in the published marts, or could not be posted
├── RoutingError             there is no call to find a task type for, or no text that a judge needs
├── ReplayError              a routing policy could not be tried on the questions given
├── FinanceError             a month has no costs, does not tie to its bill, or a frozen file was changed
├── PrivacyError             a user could not be forgotten wholly: says what is left
├── AlarmError               alarms could not be put in step, or one did not fire; the published marts are untouched
├── LateError                the marts of a day are not published by the hour at which they are due
└── SampleError              the bundled sample, or what it is built from, cannot be read

Each class says what kind of fault it is; what follows from that (how often and after how long it is tried again, or not at
all) is one table, `orchestrate/retrying.py`.
"""

import errno
from enum import StrEnum


class Fault(StrEnum):
    """Kinds of fault that ask for different answers."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    NOT_READY = "not there yet"
    BUSY = "busy"
    DISK_FULL = "disk full"
    KILLED = "killed"
    UNEXPECTED = "unexpected"
    REFUSED = "refused"
    BROKEN = "broken data"
    SETTING = "wrong setting"


class AiFinopsError(Exception):
    """Base of all: one sentence that says what happened, to which object, and what to do."""

    outcome_status = "failed"
    """How a landing that it ended is recorded."""
    fault = Fault.BROKEN


class SettingsError(AiFinopsError):
    """A setting is missing or does not parse."""

    fault = Fault.SETTING


class PolicyError(SettingsError):
    """A routing policy cannot be followed; the message names file, line and key, and what is allowed."""


class SourceError(AiFinopsError):
    """Something is wrong with where data comes from."""


class SourceUnavailable(SourceError):
    """The source did not answer this time; the same call may work later."""

    fault = Fault.UNAVAILABLE


class SourceThrottled(SourceUnavailable):
    """It was asked too often, or its quota of the moment is used up; the same call works later."""

    fault = Fault.THROTTLED


class SourceNotReady(SourceUnavailable):
    """A delivery is under way; what was landed before stays, and the same call works once it has ended."""

    fault = Fault.NOT_READY


class SourceForbidden(SourceError):
    """Credentials were refused or have expired; a retry will not help."""

    fault = Fault.REFUSED


class SourceMissing(SourceError):
    """The bucket, export or namespace does not exist."""

    fault = Fault.SETTING


class SourceBroken(SourceError):
    """The source is there and cannot be read."""


class PartitionExpired(SourceError):
    """The day asked for is past the source's retention; what was landed before stays."""

    outcome_status = "expired"


class LakeError(AiFinopsError):
    """The raw lake cannot be read or written."""


class LakeUnavailable(LakeError):
    """The lake's bucket did not answer this time, or another writer came between; the same call may work later."""

    fault = Fault.UNAVAILABLE


class BuildError(AiFinopsError):
    """dbt or an analysis failed; the published marts are untouched."""


class BuildBusy(BuildError):
    """Another process writes a build; the same step works once that has ended."""

    fault = Fault.BUSY


class AuditFailed(AiFinopsError):
    """The candidate marts broke an expectation; the published marts are untouched."""


class PublishError(AiFinopsError):
    """A validated build could not be made current, or what is published cannot be read."""


class NothingPublished(PublishError):
    """No build has been published yet; nothing is damaged."""


class OlderBuild(PublishError):
    """A build that was prepared later, of all that this one was made of and more, is published already."""


class LateError(AiFinopsError):
    """The marts of a day are not published by the hour at which they are due."""


class ReportError(AiFinopsError):
    """The week asked for is not in the published marts, or could not be posted."""


class RoutingError(AiFinopsError):
    """Calls could not be told apart by task type: there are none to look at, or what is configured needs texts."""


class ReplayError(AiFinopsError):
    """A routing policy could not be tried: the questions, their marks or a price cannot be read."""


class PrivacyError(AiFinopsError):
    """A user could not be forgotten wholly; what was done stays done, and the same command goes on."""


class AlarmError(AiFinopsError):
    """Alarms could not be put in step with the marts, or one did not fire in its test; the published marts are untouched."""


class SampleError(AiFinopsError):
    """The bundled sample, or what it is built from, cannot be read."""


class FinanceError(AiFinopsError):
    """Finance's files of a month cannot be written, or are not what they were; the published marts are untouched."""


def fault_of(error: BaseException) -> Fault:
    """Return what kind of fault an error is.

    A full disk shows in whatever was being written, so its number or its words are looked for in the whole chain of causes.
    """
    chain, cause = [], error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    if any(_is_disk_full(each) for each in chain):
        return Fault.DISK_FULL
    return error.fault if isinstance(error, AiFinopsError) else Fault.UNEXPECTED


def _is_disk_full(error: BaseException) -> bool:
    number = error.errno if isinstance(error, OSError) else None
    return number in (errno.ENOSPC, errno.EDQUOT) or any(words in str(error) for words in _DISK_FULL_WORDS)


_DISK_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "database or disk is full")
"""Of the system and of SQLite."""

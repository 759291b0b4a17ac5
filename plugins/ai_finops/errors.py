"""Every error this package raises on purpose.

AiFinopsError
├── SettingsError            a setting is missing or does not parse
│   └── PolicyError          a routing policy says something that cannot be followed: names the line, the key, what is allowed
├── SourceError              something is wrong with where data comes from
│   ├── SourceUnavailable    throttled, 5xx, timed out: the same call may work later (retry)
│   ├── SourceForbidden      credentials refused or expired: a person has to act
│   ├── SourceMissing        no such bucket, namespace or export
│   ├── SourceBroken         it is there and cannot be read: names the object and the place
│   └── PartitionExpired     asked for a day past the source's retention
├── LakeError                the raw lake cannot be read or written
├── BuildError               dbt or an analysis failed; the published marts are untouched
├── AuditFailed              the candidate marts broke an expectation; the published marts are untouched
├── PublishError             a validated build could not be made current, or what is published cannot be read
│   └── NothingPublished     there is no published build yet
├── ReportError              the week asked for is not in the published marts, or could not be posted
├── RoutingError             there is no call to find a task type for, or no text that a judge needs
├── ReplayError              a routing policy could not be tried on the questions given
├── FinanceError             a month has no costs, does not tie to its bill, or a frozen file was changed
├── PrivacyError             a user could not be forgotten wholly: says what is left
├── AlarmError               alarms could not be put in step, or one did not fire; the published marts are untouched
└── SampleError              the bundled sample, or what it is built from, cannot be read
"""


class AiFinopsError(Exception):
    """Base of all: one sentence that says what happened, to which object, and what to do."""

    outcome_status = "failed"
    """How a landing that it ended is recorded."""


class SettingsError(AiFinopsError):
    """A setting is missing or does not parse."""


class PolicyError(SettingsError):
    """A routing policy cannot be followed; the message names file, line and key, and what is allowed."""


class SourceError(AiFinopsError):
    """Something is wrong with where data comes from."""


class SourceUnavailable(SourceError):
    """The source did not answer this time; the same call may work later."""


class SourceForbidden(SourceError):
    """Credentials were refused or have expired; a retry will not help."""


class SourceMissing(SourceError):
    """The bucket, export or namespace does not exist."""


class SourceBroken(SourceError):
    """The source is there and cannot be read."""


class PartitionExpired(SourceError):
    """The day asked for is past the source's retention; what was landed before stays."""

    outcome_status = "expired"


class LakeError(AiFinopsError):
    """The raw lake cannot be read or written."""


class BuildError(AiFinopsError):
    """dbt or an analysis failed; the published marts are untouched."""


class AuditFailed(AiFinopsError):
    """The candidate marts broke an expectation; the published marts are untouched."""


class PublishError(AiFinopsError):
    """A validated build could not be made current, or what is published cannot be read."""


class NothingPublished(PublishError):
    """No build has been published yet; nothing is damaged."""


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

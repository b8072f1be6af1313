"""Errors that a user can act on; each ends a command with its exit code and one line.

CarbonAwareError                     1
├── ConfigurationError               78
├── Unreachable                      69
│   ├── BrokerUnreachable
│   ├── LedgerUnreachable
│   └── SourceUnreachable
├── NotFound                         4
├── JobFailed                        3
├── WaitTimedOut                     124
├── PublishFailed                    75
├── BrokenHandler                    70
└── MessageError                     65   kept aside with its reason, never retried
    ├── Undecodable
    └── InvalidJob
"""


class CarbonAwareError(Exception):
    """Something failed; the message is one line with the cause and what to do."""

    exit_code = 1


class ConfigurationError(CarbonAwareError):
    """A setting, a catalogue or a handlers module is wrong."""

    exit_code = 78


class Unreachable(CarbonAwareError):
    """A server that is needed does not answer."""

    exit_code = 69


class BrokerUnreachable(Unreachable):
    """RabbitMQ does not answer or refuses the login."""


class LedgerUnreachable(Unreachable):
    """The ledger's database does not answer or has no tables."""


class SourceUnreachable(Unreachable):
    """A source of carbon intensities gives no usable answer."""


class NotFound(CarbonAwareError):
    """There is no such job."""

    exit_code = 4


class JobFailed(CarbonAwareError):
    """The job that was waited for failed."""

    exit_code = 3


class WaitTimedOut(CarbonAwareError):
    """The job that was waited for did not finish in time."""

    exit_code = 124


class PublishFailed(CarbonAwareError):
    """The broker did not confirm a message in time; it may or may not have been stored."""

    exit_code = 75


class BrokenHandler(CarbonAwareError):
    """Our own code broke over a message; it is tried once more and then kept aside."""

    exit_code = 70


class MessageError(CarbonAwareError):
    """A message cannot be used as it is; trying again cannot help."""

    exit_code = 65


class Undecodable(MessageError):
    """The body is not JSON, or not of the message type that it claims."""


class InvalidJob(MessageError):
    """A submitted job has a wrong, missing or unknown field."""

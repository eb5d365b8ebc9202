"""What stops a job: one exception type, one stable code and one clear line each.

The command line prints `error[CODE]: message` and `help: ...`, and exits with 2.
"""


class PortError(Exception):
    """The job could not be done: bad usage, unreadable model, broken table.

    Args:
        code: Stable kebab-case name of the kind of error, such as `model-truncated`.
        message: One line that says what is wrong, naming file, node or field.
        help: What to do next, one line; may be empty.
    """

    def __init__(self, code: str, message: str, help: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help

    def __reduce__(self) -> tuple[type["PortError"], tuple[str, str, str]]:
        """Lets it pass between processes, which `Exception` would rebuild from the message."""
        return type(self), (self.code, self.message, self.help)


class ModelError(PortError):
    """The model file cannot be used."""


class TableError(PortError):
    """A capability table cannot be used."""


class UsageError(PortError):
    """The request itself is wrong: an unknown target, a malformed option."""


class OpsetError(PortError):
    """A model cannot be expressed in the operator set version that was asked for."""

"""All that a worker can run: the user's handlers, and the commands that its settings allow."""

from collections.abc import Mapping, Sequence

from services.worker_pool.commands import COMMAND_TYPE, check_commands, command_handler
from shared.errors import ConfigurationError
from shared.handlers import Handler, load_handlers


def registered(
    module_name: str, commands: Sequence[str], command_timeout_seconds: float | None = None
) -> Mapping[str, Handler]:
    """Collect the handlers by job type.

    Args:
        module_name: the user's handlers module; empty for none.
        commands: exact paths of the executables that the type `command` may run; none switches
            it off.
        command_timeout_seconds: limit of one command, for jobs that bring none.

    Raises:
        ConfigurationError: there is nothing to run, or something that cannot be.
    """
    if not module_name and not commands:
        raise ConfigurationError(
            "HANDLERS is not set; name the module with your job handlers, "
            "such as HANDLERS=myjobs.handlers"
        )
    found = dict(load_handlers(module_name)) if module_name else {}
    if commands:
        check_commands(commands)
        if COMMAND_TYPE in found:
            raise ConfigurationError(
                f"COMMANDS: {module_name} has a handler for {COMMAND_TYPE!r} of its own; "
                "rename it, or leave COMMANDS empty"
            )
        found[COMMAND_TYPE] = command_handler(commands, command_timeout_seconds)
    return found

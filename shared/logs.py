"""The one place that configures logs: sentences with fields, to standard error."""

import logging
import sys

import structlog

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configure_logs(service: str, level: str = "INFO", *, as_json: bool | None = None) -> None:
    """Send structlog and the standard library's logging to stderr, pretty or as JSON.

    Args:
        service: bound to every line.
        level: name of the lowest level shown; an unknown name means INFO.
        as_json: one JSON object a line; by default where stderr is no terminal.
    """
    number = getattr(logging, level.upper()) if level.upper() in _LEVELS else logging.INFO
    json_lines = not sys.stderr.isatty() if as_json is None else as_json
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    # The broker's client repeats every lost connection with a traceback; ours says it in a line.
    for noisy in ("aio_pika", "aiormq", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(number, logging.CRITICAL))
    logging.captureWarnings(capture=True)
    structlog.contextvars.bind_contextvars(service=service)

"""The `carbon-aware` command."""


def main() -> None:
    """Run the command line; everything heavy is imported only now."""
    from services.cli.app import run  # noqa: PLC0415 - help must stay fast

    run()

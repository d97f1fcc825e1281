"""The command ``tocsin``."""

_INTERRUPTED = 130  # as `tocsin.cli.shared.Exit` has it, which is not loaded yet


def main() -> None:
    """Load the program and run it; a Ctrl-C ends it without a word, even while it loads."""
    try:
        from tocsin.cli.main import main as run  # noqa: PLC0415 - takes a second

        run()
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None

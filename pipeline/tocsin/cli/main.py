"""The program: every command, in the groups in which people look for them."""

import sys

import typer

from tocsin.cli import (
    backtest,
    benchmark,
    config,
    data,
    inspect,
    models,
    roles,
    secrets,
    story,
    suggest,
    topics,
)
from tocsin.cli.shared import Exit, configure_logging, let_set

app = typer.Typer(
    name="tocsin",
    help="Tocsin watches streams of sensor readings and rings when something is wrong.",
    epilog="Try it:  tocsin demo      Is everything there?  tocsin doctor",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # locals may hold secrets
)

for command, group in (
    (story.demo, "Try it"),
    (data.simulate, "Try it"),
    (data.replay, "Try it"),
    (backtest.backtest, "Try it"),
    (roles.run, "Operate"),
    (roles.page, "Operate"),
    (roles.detect, "Operate"),
    (roles.sink, "Operate"),
    (roles.notify, "Operate"),
    (roles.retrain, "Operate"),
    (suggest.suggest, "Operate"),
    (data.train, "Operate"),
    (secrets.secrets, "Operate"),
    (secrets.tokens, "Operate"),
    (inspect.check, "Inspect"),
    (inspect.doctor, "Inspect"),
    (inspect.version, "Inspect"),
):
    app.command(rich_help_panel=group)(command)
app.command(cls=benchmark.ListingCommand, rich_help_panel="Try it")(benchmark.benchmark)
app.add_typer(topics.app, name="topics", rich_help_panel="Operate")
app.add_typer(models.app, name="models", rich_help_panel="Operate")
app.add_typer(config.app, name="config", rich_help_panel="Inspect")
let_set(app)


@app.callback()
def prepare() -> None:
    """Let every command say what it logs on standard error, so that standard output is data."""
    configure_logging()


def main() -> None:
    """Run the command line; a broken pipe is no failure of ours."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(Exit.OK) from None

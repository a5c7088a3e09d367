"""Command groups: a command with commands of its own, made alike in every package.

Knows no command.
"""

import typer


def command_group(about: str | None = None) -> typer.Typer:
    """An empty group with its line of help; it stands in no shell's completion by itself."""
    return typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        # A traceback would show what is being read: complaints.
        pretty_exceptions_enable=False,
        help=about,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

"""Reads a command's flags with tyro, and turns what it refuses into one line.

tyro offers its parse errors as data, but in a module that it calls private (`tyro._errors`). Where a release has none, the text of its
framed message is used as it is, without the frame.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import inspect
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from samekind.core.errors import InputError

if TYPE_CHECKING:
    from samekind.commands import Command

_FRAME = dict.fromkeys(map(ord, "│╭╮╰╯─|+"), " ")


def parse(flags: type[Command], name: str, arguments: Sequence[str], stdout: TextIO) -> Command | None:
    """The command with its flags, or `None` after `--help`.

    Args:
        flags: the command's dataclass.
        name: of the command.
        arguments: those behind the name.
        stdout: takes the text of `--help`.

    Raises:
        InputError: the arguments do not fit.
    """
    import tyro

    complaint = io.StringIO()
    try:
        with _refusals(flags, name), contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(stdout):
            return tyro.cli(
                flags,
                prog=f"samekind {name}",
                description=_description(flags),
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            return None
        _refuse(" ".join(complaint.getvalue().translate(_FRAME).split()), name)


def _description(flags: type[Command]) -> str:
    """The docstring in full (tyro's own reading leaves the example out), and what a command adds to it from the code."""
    epilog = getattr(flags, "epilog", None)
    return "\n\n".join([inspect.getdoc(flags) or "", *([epilog()] if epilog else [])])


def _refusals(flags: type[Command], name: str) -> AbstractContextManager[None]:
    """Raises tyro's parse errors as `InputError` while it is open; does nothing where tyro has no such hook."""
    try:
        from tyro import _errors as tyro_errors
    except ImportError:
        return contextlib.nullcontext()

    def hook(event: Any, /) -> None:
        if message := _message(event, flags, name):
            _refuse(message, name)

    return _hooked(tyro_errors, hook)


@contextlib.contextmanager
def _hooked(tyro_errors: Any, hook: Any) -> Iterator[None]:
    with tyro_errors.on_parse_error(hook):
        yield


def _refuse(message: str, name: str) -> NoReturn:
    hint = f"samekind {name} --help shows every flag"
    raise InputError(message or "the arguments could not be read", hint=hint) from None


def _message(event: Any, flags: type[Command], name: str) -> str:
    """One line for a parse error of tyro's; empty for one that is not known here."""
    match type(event).__name__:
        case "MissingArgs":
            return f"samekind {name} needs {', '.join(_name(missing.arg) for missing in event.missing_arguments)}"
        case "UnrecognizedArgs":
            unknown = [token for token in event.tokens if token.startswith("-")] or event.tokens[:1]
            named = [f"{token}{_suggestion(token, flags)}" for token in unknown]
            return f"unknown argument{'s' if len(named) > 1 else ''} {', '.join(named)}"
        case "BadValue":
            return f"{_name(event.argument)} needs a value"
        case "InvalidChoice":
            return f"{_name(event.argument)} must be one of {', '.join(event.choices)}, got {event.value!r}"
        case "InstantiationFailure" if event.argument is not None:
            return f"{_name(event.argument)} {_unreadable(event)}"
    return ""


def _name(argument: Any) -> str:
    """`ARTEFACT` of a positional argument, `--k` of a flag."""
    if not argument.is_positional():
        return str(argument.lowered.name_or_flags[0])
    # the metavar of a choice is the list of the choices
    return str(argument.field.intern_name.upper() if argument.lowered.choices else argument.lowered.metavar)


def _suggestion(token: str, flags: type[Command]) -> str:
    known = [f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(flags)]
    near = difflib.get_close_matches(token, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _unreadable(event: Any) -> str:
    """Python's own words for a number that is none, in ours; any other reason as it is."""
    reason, metavar = event.message, str(event.argument.lowered.metavar)
    unknown = re.search(r"\[('[^\[\]]*')\] does not match choices", reason)
    if unknown and "|" in metavar:  # a number or a word
        return f"must be {metavar.replace('|', ' or ')}, got {unknown[1]}"
    for theirs, ours in (
        ("invalid literal for int()", "a whole number"),
        ("could not convert string to float", "a number"),
    ):
        if theirs in reason:
            return f"must be {ours}, got {reason.rpartition(': ')[2]}"
    return f"cannot be read: {reason}"

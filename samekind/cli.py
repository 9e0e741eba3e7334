"""The command `samekind`: finds the command, lets tyro read its flags, and turns failures into one clear line.

Failures that a user can mend (`SamekindError`, and the operating system's refusals) leave with exit code 2, a bug leaves with its
traceback and 1, Ctrl-C with 130. `SAMEKIND_DEBUG=1` shows the traceback of every failure.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Sequence

from samekind import __version__
from samekind.console import Console
from samekind.core.cores import limit_threads
from samekind.core.errors import InputError, SamekindError
from samekind.encodings import write_anything
from samekind.signs_of_life import signs_of_life

USER_ERROR, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; the process' own if left out.

    Returns:
        The exit code: 0, 1 (a bug, with traceback), 2 (bad input), 130 (Ctrl-C).
    """
    prepare()
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda console: _dispatch(arguments, console), as_json="--json" in arguments)


def prepare() -> None:
    """Readies a process for commands; before torch is imported."""
    # Read by OpenMP then. Threads that spin while they wait take the core that they wait for as soon as anything else runs, our own view
    # workers included: a training step took 2.6 s beside a busy process, and 0.35 s with threads that sleep.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    limit_threads()
    write_anything()


def guarded(work: Callable[[Console], None], *, as_json: bool = False) -> int:
    """Runs `work` and turns the failures that a user can mend into one line each."""
    process = os.environ.get("RANK", "0")  # as accelerate and torchrun number them
    follows = process != "0"
    console = Console(as_json=as_json, follows=follows, speaker=f"process {process}" if follows else "")
    try:
        # Libraries that print must not spoil the answer: while a command works, their stdout is our stderr.
        with contextlib.redirect_stdout(console.stderr) if as_json else contextlib.nullcontext():
            work(console)
        console.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains when it flushes
        return PIPE_CLOSED
    except KeyboardInterrupt:
        if not console.follows:
            console.fail("interrupted", "run the same command to continue")
        return INTERRUPTED
    except (SamekindError, OSError) as error:
        if os.environ.get("SAMEKIND_DEBUG") or not _mendable(error):
            raise
        message = str(error) if isinstance(error, SamekindError) else _os_message(error)
        if not getattr(error, "is_told_elsewhere", False):
            console.fail(message, getattr(error, "hint", ""))
        return USER_ERROR
    return 0


def _dispatch(arguments: list[str], console: Console) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview(), file=console.stdout)
        return
    if arguments[0] == "--version":
        console.answer({"version": __version__}, f"samekind {__version__}")
        return
    from samekind.commands import COMMANDS

    name = arguments[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean: samekind {near[0]}" if near else f"commands are {', '.join(COMMANDS)}"
        raise InputError(f"unknown command {name!r}", hint=hint)
    run_command(arguments, console)


def run_command(arguments: Sequence[str], console: Console) -> None:
    """Runs a command that there is, the first of the words, with the others as its flags; says how where they ask for help."""
    from samekind.arguments import parse
    from samekind.commands import COMMANDS

    try:
        command = parse(COMMANDS[arguments[0]], arguments[0], arguments[1:], console.stdout)
    except InputError as error:
        error.is_told_elsewhere = console.follows  # the first process was given the same flags
        raise
    if command is not None:
        with signs_of_life(console, arguments[0]):
            command.run(console)


def _overview() -> str:
    from samekind.commands import COMMANDS

    summaries = {name: (command.__doc__ or "").splitlines()[0] for name, command in COMMANDS.items()}
    width = max(map(len, summaries)) + 2
    lines = [f"  {name:{width}}{summary}" for name, summary in summaries.items()]
    return "\n".join(
        [
            "usage: samekind COMMAND …",
            "",
            "Find images of the same kind, and see which of your negatives were of the same kind all along.",
            "",
            *lines,
            "",
            "samekind COMMAND --help shows a command's flags and an example; --json makes it answer in JSON; --version.",
        ]
    )


def _mendable(error: Exception) -> bool:
    return isinstance(error, SamekindError) or (isinstance(error, OSError) and error.strerror is not None)


def _os_message(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)

"""Files out of a Debian package, without root and without installing it: `apt-get download`, then `dpkg-deb -x`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from samekind.core.errors import DownloadError
from samekind.core.progress import NoProgress, Progress

_SECONDS = 600


def unpack_package(package: str, work: Path, progress: Progress | None = None) -> Path:
    """Downloads a package and unpacks it below `work`; apt itself resumes a download that was cut short.

    Args:
        package: name of the package.
        work: a folder that may be kept between attempts.
        progress: shows what is going on.

    Returns:
        the folder that holds the package's tree (`usr/…`).

    Raises:
        DownloadError: apt is not there, or cannot fetch the package.
    """
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        raise DownloadError("apt-get is not installed")
    work.mkdir(parents=True, exist_ok=True)
    work = work.resolve()
    say = (progress or NoProgress()).print
    try:
        _run([apt, "download", package], work)
    except DownloadError:
        say(f"Reading Debian's package lists to find {package}")
        options = _private_lists(work)
        _run([apt, *options, "update"], work)
        _run([apt, *options, "download", package], work)
    archives = sorted(work.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
    if not archives:
        raise DownloadError(f"apt-get left no {package}_*.deb")
    tree = work / "tree"
    _run([dpkg, "-x", str(archives[-1]), str(tree)], work)
    return tree


def _private_lists(work: Path) -> list[str]:
    """Options that let apt keep lists of its own below `work`, for machines whose lists are missing or not ours to refresh."""
    state, cache = work / "apt" / "state", work / "apt" / "cache"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    status = state / "status"
    status.touch()
    settings = {
        "Dir::State": state,
        "Dir::State::status": status,
        "Dir::Cache": cache,
        "APT::Sandbox::User": "root",  # as root, apt would drop to a user who may not enter our folder
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - apt and dpkg by their full paths, with names of ours
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DownloadError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise DownloadError(f"{Path(command[0]).name}: {lines[-1]}")

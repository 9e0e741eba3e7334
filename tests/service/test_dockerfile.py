from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import samekind as sk
from samekind.arguments import parse
from samekind.commands.serving.serve import Serve
from samekind.service.app import create_app
from samekind.service.guard import OPEN

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(name: str) -> list[str]:
    """What follows each instruction of that name."""
    return [line.partition(" ")[2].strip() for line in TEXT.splitlines() if line.split(" ")[0] == name]


def test_the_image_starts_a_command_that_there_is_at_the_port_it_exposes() -> None:
    """Its arguments are flags of `samekind serve`; without a token they are refused, since others reach a container."""
    program, name, *arguments = json.loads(instructions("ENTRYPOINT")[-1])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert (program in scripts, name) == (True, "serve")
    command = parse(Serve, name, arguments, sys.stdout)
    assert isinstance(command, Serve)
    assert (command.host, str(command.artefact)) == ("0.0.0.0", instructions("VOLUME")[-1])  # noqa: S104 - in a container
    assert instructions("EXPOSE") == [str(command.port)]


def test_the_health_check_asks_what_needs_no_token(index: sk.Index) -> None:
    """A path that the guard leaves open and a route answers, at the command's own port."""
    (check,) = instructions("HEALTHCHECK")
    words = json.loads(check.partition("CMD ")[2])
    compile(words[-1], "HEALTHCHECK", "exec")
    (url,) = re.findall(r"'(http[^']+)'", words[-1])
    assert urlsplit(url).path in OPEN
    assert urlsplit(url).path in create_app(index).routes.openapi()["paths"]
    assert [str(urlsplit(url).port)] == instructions("EXPOSE")


def test_the_image_runs_as_another_user_than_root_from_the_extras_that_there_are() -> None:
    """The last user is not root, and was made; each extra is one of pyproject.toml, for both kinds of FAISS."""
    (user,) = instructions("USER")
    (run,) = instructions("RUN")
    assert user not in ("root", "0")
    assert f" {user} " in run.partition("useradd")[2]
    (given,) = re.findall(r'"\.\[(.+)\]"', run)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for kind in ("cpu", "gpu"):
        assert set(given.replace("${FAISS}", kind).split(",")) <= set(extras)


def test_the_build_is_given_all_that_the_package_is_made_of() -> None:
    """The rooms that `samekind/` links to, what pyproject.toml reads, and the constraints."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    rooms = {path.readlink().name for path in (ROOT / "samekind").iterdir() if path.is_symlink()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sent >= rooms | {"samekind", "src", "pyproject.toml", "constraints.txt", project["readme"]}
    assert sent >= set(project["license-files"])
    assert [name for name in sent if not (ROOT / name).exists()] == []

"""What the command line says of itself, in `--help`, README and docs, is what there is."""

from __future__ import annotations

import inspect
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

import samekind
from samekind.commands import COMMANDS
from samekind.training.config.presets import PRESETS, preset_agreements, preset_differences
from tests.end_to_end.helpers import call

ROOT = Path(samekind.__file__).parents[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_parses(command: str) -> None:
    """Each command's help has an example, and every flag in it exists."""
    shown = call(command, "--help")
    assert shown.code == 0
    examples = [line.strip() for line in shown.out.splitlines() if line.strip().startswith(f"samekind {command} ")]
    assert examples
    for example in examples:
        assert_flags_exist(example)


def test_commands_of_readme_and_docs_exist() -> None:
    """Every `samekind …` line in README and docs names a command and flags that exist; README shows every command."""
    pages = {path: path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")]}
    shown = [
        line for text in pages.values() for line in re.findall(r"^\$? ?(samekind [^#\n]*)", text, flags=re.MULTILINE)
    ]
    overview = re.findall(r"^\| `(samekind [^`]*)`", pages[ROOT / "README.md"], flags=re.MULTILINE)
    assert {line.split()[1] for line in overview} == set(COMMANDS)
    table = (
        pages[ROOT / "docs/searching.md"]
        .partition("| you want | `samekind search artifacts/photos …` |")[2]
        .partition("\n\n")[0]
    )
    searches = re.findall(r"\| `([^`]*)`", table)
    assert len(searches) >= 11, "a row for each way to search"
    for line in [
        *overview,
        *shown,
        *(f"samekind search artifacts/photos {flags}" for flags in searches),
    ]:
        assert_flags_exist(line)


def test_links_of_readme_and_docs_lead_somewhere() -> None:
    """Every link to a file of the repository finds it, and its heading if it names one."""
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not link.startswith("http") and (not target.exists() or (anchor and anchor not in headings(target))):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert not broken


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where it is shown."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_docs_and_help_show_what_the_presets_set() -> None:
    """Each setting in which presets differ, with all values, and nothing else; help also has what is alike in all, once."""
    text, shown = (ROOT / "docs/training.md").read_text(), call("train", "--help").out
    values = {
        name: ["–" if value is None else str(value) for value in each] for name, each in preset_differences().items()
    }
    lines = ["| | " + " | ".join(f"`{name}`" for name in PRESETS) + " |", "|---" * (len(PRESETS) + 1) + "|"]
    lines += [f"| `{name}` | {' | '.join(each)} |" for name, each in values.items()]
    assert "\n" + "\n".join(lines) + "\n\n" in text
    rows = [line.split() for line in shown.splitlines()]
    assert list(PRESETS) in rows
    assert all([name, *each] in rows for name, each in values.items())
    flat = " ".join(shown.split())
    assert all(f"{name} {value}" in flat for name, value in preset_agreements().items())
    assert "beta" in preset_agreements()
    assert values["pool"] == ["4", "4", "1", "4", "4"]


def assert_flags_exist(line: str) -> None:
    """Fails if a command line names a command or flag that there is not."""
    words = shlex.split(line.partition("|")[0].partition(">")[0])
    if words[1] == "--version":
        return
    flags = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert flags - {"--help"} <= flags_of(words[1]), line


@cache
def flags_of(command: str) -> set[str]:
    """The flags that a command's help names."""
    return set(re.findall(r"^[^\w-]*(--[a-z][a-z-]*)", call(command, "--help").out, flags=re.MULTILINE))


def test_a_setting_is_declared_once_and_has_its_flag_by_that() -> None:
    """`train` has a flag for each setting whose rule names one, and for no other."""
    rules = samekind.TrainConfig.rules()
    named = {"--" + name.replace("_", "-") for name, rule in rules.items() if rule.flag}
    own = {"--corpus", "--out", "--preset", "--verdicts", "--data-dir", "--resume", "--force", "--json"}
    own |= {"--layout", "--labels", "--several", "--exclude"}
    own |= {"--frames", "--max-pixels", "--depth"}
    assert flags_of("train") == named | own
    assert "--batch-size" in named
    assert "--projector-dim" not in named


def test_overview_and_version() -> None:
    """`samekind` alone lists the commands with their first sentence; `--version` prints the package's."""
    overview = call().out
    for name, command in COMMANDS.items():
        assert f"{name} " in overview
        assert (inspect.getdoc(command) or "").splitlines()[0] in overview
    assert call("--version").out == f"samekind {samekind.__version__}\n"

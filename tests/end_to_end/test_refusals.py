"""Every mistake becomes one clear line, on stderr or as JSON, before anything is begun or overwritten."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from pathlib import Path

import pytest

import samekind
from samekind.cli import main
from samekind.commands.train import Train
from tests.end_to_end.helpers import call, refused


def test_other_settings_in_the_same_folder_are_refused(photos: Path, artefact: Path) -> None:
    """A run with another setting does not overwrite the artefact unless `--force` is given; the refusal names the setting."""
    train = ("train", "--corpus", photos, "--preset", "smoke", "--out", artefact)
    for flag, value in (
        ("--seed", 7),
        ("--learning-rate", 0.003),
        ("--strength", "light"),
        ("--whitening", 0),
        ("--precision", "float32"),
    ):
        assert f"another {flag[2:].replace('-', '_')} (" in refused(*train, flag, value)


def test_an_index_of_another_encoder_is_refused(artefact: Path, photos: Path, query: Path, tmp_path: Path) -> None:
    """After training again in the same folder the old index does not answer for the new encoder."""
    copy = tmp_path / "artefact"
    shutil.copytree(artefact, copy)
    again = call(
        "train", "--corpus", photos, "--preset", "smoke", "--epochs", 1, "--seed", 5, "--workers", 0, "--out", copy, "--force"
    )  # fmt: skip
    assert again.code == 0, again.err
    assert "encoder" in refused("search", copy, query)


@pytest.mark.parametrize("k", [0, -3])
def test_k_must_be_positive(artefact: Path, query: Path, k: int) -> None:
    """k = 0 and k = −3 are refused with the value."""
    assert str(k) in refused("search", artefact, query, "--k", k)
    assert str(k) in refused("audit", artefact, "--k", k)


def test_bad_images_are_refused(artefact: Path, photos: Path, tmp_path: Path) -> None:
    """Missing, empty, truncated and non-image queries are refused by name."""
    for name in ("truncated.jpg", "empty.png", "text.png", "missing.png"):
        assert name in refused("search", artefact, photos / "dots" / name)
    assert "folder" in refused("search", artefact, tmp_path)


def test_bad_corpora_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    """A missing path, an empty folder, a folder of text files and an unknown name write nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    out = tmp_path / "out"
    for corpus in (tmp_path / "missing", tmp_path / "empty", tmp_path / "texts", "fashion-mnits"):
        line = refused("train", "--corpus", corpus, "--preset", "smoke", "--out", out)
        assert Path(str(corpus)).name in line
        assert not out.exists()


def test_what_is_no_encoder_is_refused_with_what_to_write(photos: Path, tmp_path: Path) -> None:
    """Wherever an encoder is named: for an index, for an export and as a guide; nothing is begun."""
    junk, out = tmp_path / "junk.pth", tmp_path / "out"
    junk.write_text("hello")
    guided = ("train", "--corpus", photos, "--preset", "smoke", "--treatment", "eliminate", "--detector", "guide")
    for name, complaint in ((photos, "is a folder of images"), (junk, "no file of weights"), ("lite1", "'lite1'")):
        assert complaint in refused("index", "--corpus", photos, "--encoder", name, "--out", out)
        assert complaint in refused("export", name, "--onnx", tmp_path / "e.onnx")
        assert complaint in refused(*guided, "--guide", name, "--out", tmp_path / "guided")
    assert not out.exists()


def test_bad_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    """Unknown presets and objectives and numbers out of range are refused before anything is loaded."""
    train = ("train", "--corpus", photos, "--out", tmp_path / "out")
    assert "nosuch" in refused(*train, "--preset", "nosuch")
    assert "nosuch" in refused(*train, "--objective", "nosuch")
    for flag, value in (
        ("--temperature", 0),
        ("--epochs", 0),
        ("--batch-size", 1),
        ("--tau-plus", 1.5),
        ("--seed", -1),
        ("--train", "last-0"),
        ("--layer-decay", 2),
        ("--batch-norm", "melted"),
        ("--ema", 1),
    ):
        assert str(value) in refused(*train, flag, value)
    assert "no verdicts" in refused("train", "--corpus", "nowhere", "--out", tmp_path / "out", "--confirmed", "drop")
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_refused_before_any_work(photos: Path, tmp_path: Path) -> None:
    """`--out` below a file cannot be made, which is said at once."""
    (tmp_path / "file").write_text("")
    line = refused("train", "--corpus", photos, "--preset", "smoke", "--out", tmp_path / "file" / "out")
    assert "cannot write" in line


def test_missing_artefacts_are_refused(tmp_path: Path, query: Path) -> None:
    """Every command that reads an artefact names the missing one, and so it does for a folder that holds none."""
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    for folder in (missing, empty):
        for command in (("search", folder, query), ("audit", folder), ("evaluate", folder), ("demo", folder)):
            assert folder.name in refused(*command)
        assert folder.name in refused("index", "--corpus", query.parent, "--encoder", folder, "--out", folder)


@pytest.mark.parametrize("flag", ["--html", "--csv"])
def test_an_audit_that_cannot_be_written_is_not_begun(
    artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    """A folder in the file's place, none where it would be, and a file where its folder would be: one line each, before the audit."""
    monkeypatch.setattr(samekind.Index, "audit", None)
    (tmp_path / "file").write_text("")
    assert "it is a folder" in refused("audit", artefact, flag, tmp_path)
    assert "there is no folder" in refused("audit", artefact, flag, tmp_path / "nowhere" / "out")
    assert "there is no folder" in refused("audit", artefact, flag, tmp_path / "file" / "out")


def test_usage_errors_are_one_line() -> None:
    """What tyro frames in a box becomes one line; unknown commands name the nearest one."""
    assert "--kk" in refused("search", "a", "b", "--kk", "3")
    assert "ARTEFACT" in refused("search")
    assert refused("search", "a", "b", "--k", "x") == "error: --k must be N or all, got 'x'"
    train = ("train", "--corpus", "a", "--out", "b")
    assert refused(*train, "--epochs", "1.5") == "error: --epochs must be a whole number, got '1.5'"
    assert refused(*train, "--temperature", "hot") == "error: --temperature must be a number, got 'hot'"
    assert "serch" in refused("serch", "a")
    assert "no image" in refused("search", "a")
    assert "no corpus" in refused("index", "--out", "a")


USAGE_ERRORS = [
    (("audit", "x", "--k", "abc"), "--k must be a whole number, got 'abc'"),
    (("audit", "x", "--k"), "--k needs a value"),
    (("audit", "x", "--kk", "3"), "unknown argument --kk (did you mean --k?)"),
    (("audit", "x", "--zzz"), "unknown argument --zzz"),
    (("audit",), "samekind audit needs ARTEFACT"),
    (("train", "--preset", "smoke"), "samekind train needs --corpus, --out"),
    (("audit", "x", "--zz", "1", "--yy", "2"), "unknown arguments --zz, --yy"),
    (("verdicts", "nosuch", "a", "b"), "error: ACTION must be one of export, import, agreement, got 'nosuch'"),
]


@pytest.mark.parametrize(("arguments", "line"), USAGE_ERRORS)
def test_usage_errors_say_which_argument_and_what_was_expected(arguments: tuple[str, ...], line: str) -> None:
    """tyro's parse errors are read as data."""
    assert refused(*arguments).endswith(line)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("arguments", [arguments for arguments, _ in USAGE_ERRORS])
def test_without_tyros_hook_a_usage_error_is_one_line_all_the_same(
    arguments: tuple[str, ...], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of tyro without that private module costs the wording and nothing else, in whatever encoding its frame is drawn."""
    monkeypatch.setitem(sys.modules, "tyro._errors", None)
    monkeypatch.delattr("tyro._errors")
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(list(arguments)) == 2
    error, hint = err.getvalue().splitlines()
    assert error.startswith("error: ")
    assert not set(error) & set("│╭╮╰╯─|")
    assert hint == f"hint: samekind {arguments[0]} --help shows every flag"


def test_errors_as_json(tmp_path: Path) -> None:
    """With `--json` every kind of refusal is one object with `error` and `hint`, and stderr is silent."""
    for arguments in (("audit", tmp_path / "nowhere"), ("audit",), ("audit", "a", "--k", "x"), ("nosuch",)):
        called = call(*arguments, "--json")
        assert called.code == 2
        assert set(called.answer) == {"error", "hint"}
        assert "\n" not in called.answer["error"]
        assert called.err == ""


def test_ctrl_c_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command leaves with 130 and says how to go on."""

    def interrupted(self: Train, console: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Train, "run", interrupted)
    called = call("train", "--corpus", "x", "--out", "y")
    assert called.code == 130
    assert called.err.splitlines() == ["error: interrupted", "hint: run the same command to continue"]


def test_a_full_disk_is_one_line_and_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operating system refuses is told in a line; anything unexpected is not hidden."""

    def full(self: Train, console: object) -> None:
        raise OSError(28, "No space left on device", "meta.json")

    def broken(self: Train, console: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Train, "run", full)
    assert refused("train", "--corpus", "x", "--out", "y") == "error: meta.json: No space left on device"
    monkeypatch.setattr(Train, "run", broken)
    with pytest.raises(ZeroDivisionError):
        call("train", "--corpus", "x", "--out", "y")

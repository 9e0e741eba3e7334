"""The facade: what is public, that it costs nothing to import, and that stub and runtime agree."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

import samekind

STUB = Path(samekind.__file__).with_suffix(".pyi")
HEAVY = {
    "torch",
    "faiss",
    "lancedb",
    "albumentations",
    "torchvision",
    "timm",
    "open_clip",
    "sklearn",
    "pandas",
    "pyarrow",
}
NOT_FOR_SEARCH = {
    "accelerate", "albumentations", "jinja2", "open_clip", "pandas", "plotly", "sklearn", "streamlit", "tensorboard", "timm", "torchvision",
}  # fmt: skip


def imported_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running `code`."""
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_every_public_name_resolves() -> None:
    """Each name of `__all__` can be had, so no table entry points to a module that lacks it."""
    for name in samekind.__all__:
        assert getattr(samekind, name) is not None, name


def test_all_equals_the_visible_names() -> None:
    """`dir()` shows `__all__` and nothing else, also after names have been used."""
    assert samekind.SamekindError is not None
    assert sorted(dir(samekind)) == sorted(samekind.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name says so instead of failing in the import machinery."""
    with pytest.raises(AttributeError, match="no attribute 'Indexx'"):
        getattr(samekind, "Indexx")  # noqa: B009 - mypy would refuse the plain attribute


def test_the_stub_names_what_the_runtime_has() -> None:
    """The `.pyi` imports every public name from the module that the runtime takes it from."""
    homes, renamed = {}, {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            homes.update({alias.asname: node.module for alias in node.names})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id != "__all__":
            homes[node.target.id] = None
        elif isinstance(node, ast.Assign):
            renamed[ast.unparse(node.targets[0])] = ast.unparse(node.value)
    assert set(homes) == set(samekind.__all__)
    assert {name: home for name, home in homes.items() if home is not None} == vars(samekind)["_HOMES"]
    assert renamed == vars(samekind)["_RENAMED"]


def test_importing_the_facade_is_cheap() -> None:
    """`import samekind` and its error classes load none of the heavy packages."""
    assert not imported_by("import samekind; samekind.SamekindError, samekind.TrainConfig") & HEAVY


def test_importing_what_search_needs_spares_what_training_needs() -> None:
    """A cold search pays for torch, faiss and lancedb, and for nothing that only training or the app uses."""
    loaded = imported_by("import samekind; samekind.Index, samekind.Encoder, samekind.SearchResult")
    assert not loaded & NOT_FOR_SEARCH


def test_a_run_is_thrown_away_or_resumed_but_not_both(tmp_path: Path) -> None:
    """Refused before a corpus is looked for."""
    with pytest.raises(samekind.InputError, match="throws a run away") as caught:
        samekind.train("nowhere", out=tmp_path, force=True, resume=True)
    assert "choose one" in caught.value.hint


def test_the_version_has_one_source() -> None:
    """The installed distribution has the version that the package names."""
    try:
        installed = importlib.metadata.version("samekind")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("samekind is not installed here, only importable")
    assert installed == samekind.__version__


def test_the_package_ships_its_types() -> None:
    """`py.typed` at the top covers every room: without it a user's type checker sees `Any`."""
    assert STUB.with_name("py.typed").is_file()


@pytest.mark.parametrize(("old", "current"), vars(samekind)["_RENAMED"].items())
def test_a_name_of_the_last_release_still_works_and_says_what_it_is_now(old: str, current: str) -> None:
    """Deprecated names are the current objects, with a warning that names them."""
    with pytest.warns(DeprecationWarning, match=f"samekind.{current}$"):
        assert getattr(samekind, old) is getattr(samekind, current)
    assert old not in samekind.__all__


def test_every_public_name_comes_from_a_module_of_ours() -> None:
    """A bare alias of a builtin type has no module that a wheel could be asked for."""
    for name in samekind.__all__:
        module = getattr(getattr(samekind, name), "__module__", "samekind")
        assert module.partition(".")[0] == "samekind", name


def test_a_search_with_lite0_imports_no_library_of_models(tmp_path: Path) -> None:
    """Neither timm (2 s) nor open_clip, albumentations or torchvision: encoder, index and a query image alone."""
    from PIL import Image

    Image.new("RGB", (120, 100), "teal").save(tmp_path / "photo.png")
    corpus = samekind.Corpus.from_folder(tmp_path)
    samekind.build_index(corpus, "lite0", tmp_path / "artefact")
    code = (
        "import samekind\n"
        f"hit, = samekind.Index.open({str(tmp_path / 'artefact')!r}).search({str(tmp_path / 'photo.png')!r}, k=1)\n"
        "assert hit.similarity > 1 - 1e-5"
    )
    assert not imported_by(code) & NOT_FOR_SEARCH


def test_only_a_training_with_verdicts_has_their_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that `train` hands on."""
    rates: list[float] = []

    def run(corpus: object, config: samekind.TrainConfig, folder: Path, **rest: object) -> None:
        rates.append(config.learning_rate)

    monkeypatch.setattr("samekind.training.run.train.train", run)
    monkeypatch.setattr("samekind.indexer.labeling.people.current_answers.read_link_constraints", lambda path: None)
    for verdicts in (tmp_path, None):
        samekind.train("digits", "adapter", tmp_path, verdicts=verdicts, probe=False)
    assert rates == [3e-4, 1e-4]

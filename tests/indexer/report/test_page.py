"""The HTML report: it fetches nothing, runs nothing, says what the audit found, and has a word where there is no figure."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ArtefactError
from samekind.core.text import visible_percent
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.indexer.report import by_rank, settings
from samekind.indexer.report.pictures import hardest_pairs
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder

HARD = {"objective": "hard", "temperature": 0.2, "beta": 1.0}
EVIL = "<script>alert('x')</script> & \"Bag\""
EPOCH = {
    "epoch": 1, "loss": 5.0, "knn_accuracy": 0.8, "mi_bound": 1.0, "mi_cap": 5.5, "base_rate": 0.1, "gradient_share": 0.26,
    "false_negative_rate": {"1": 0.42, "10": 0.37, "100": None},
}  # fmt: skip
FETCHES = {
    "src",
    "href",
    "srcset",
    "data",
    "action",
    "poster",
    "background",
    "formaction",
    "cite",
    "longdesc",
    "manifest",
}
VOID = {"meta", "img"}


class Page(HTMLParser):
    """Elements, texts and pictures of a page; every element that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Counts."""
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The last one opened."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keeps texts, not the style sheet."""
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    def values(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value for attribute, value in self.attributes if attribute == name]


def _index(folder: Path, labels: Sequence[str | None] | None, count: int = 30) -> Index:
    save_encoder(FakeEncoder(), folder, config=HARD)
    base = pictures(count - 2)
    near = base[1].copy()
    near[0, 0] ^= 1
    return build_index(Corpus.from_arrays(np.concatenate([base, base[:1], near[None]]), labels), FakeEncoder(), folder)


def _page(index: Index, out: Path, k: int = 4) -> tuple[str, Page]:
    index.audit(k=k).to_html(out, index)
    text = out.read_text()
    return text, Page(text)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index whose classes are named to do harm, with an epoch of training."""
    folder = tmp_path_factory.mktemp("run")
    index = _index(folder, [(EVIL, "Coat", "Shirt")[i % 3] for i in range(30)])
    (folder / "metrics.jsonl").write_text(json.dumps(EPOCH) + "\n")
    return index


def test_the_page_fetches_nothing_and_runs_nothing(evil: Index, tmp_path: Path) -> None:
    """No script, link, frame or handler; all that is referred to is in the page; its policy forbids the rest."""
    text, page = _page(evil, tmp_path / "out.html")
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video", "source"} & set(
        page.names
    )
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    referred = [value for name, value in page.attributes if name.rpartition(":")[2] in FETCHES]
    assert referred
    assert all(value.startswith("data:image/") for value in referred)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|@font-face", re.sub(r"data:image/[^\"]+", "", text))
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert len(text) < 5_000_000


def test_names_are_text_wherever_they_stand(evil: Index, tmp_path: Path) -> None:
    """A class called `<script>` is shown as it is called, in tables, heat map and cards."""
    text, page = _page(evil, tmp_path / "out.html")
    assert "<script" not in text
    assert page.texts.count(EVIL) >= 4


def test_ids_notes_and_settings_are_text_too(tmp_path: Path) -> None:
    """A file, a verdict's note and a setting that try to end their attribute or element stay inside it."""
    photos = tmp_path / "photos" / "Coat"
    photos.mkdir(parents=True)
    hostile = "\"><img src=x onerror=alert(1)>'.png"
    for name, pixels in zip((hostile, "b.png", "c.png"), pictures(3), strict=True):
        Image.fromarray(pixels[..., 0]).save(photos / name)
    save_encoder(FakeEncoder(), tmp_path / "run", config={**HARD, "seed": "</td><script>"})
    index = build_index(Corpus.from_folder(photos.parent), FakeEncoder(), tmp_path / "run")
    text, page = _page(index, tmp_path / "out.html")
    assert "<script" not in text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert all(source.startswith("data:image/") for source in page.values("src"))
    assert any(alt.endswith(hostile) for alt in page.values("alt"))
    assert "</td><script>" in page.texts


def test_what_the_audit_found_is_on_the_page(evil: Index, tmp_path: Path) -> None:
    """Headline with base rate and lift, each rank, each class, each cell of class × class, epochs, settings."""
    text, page = _page(evil, tmp_path / "out.html")
    report, said = evil.audit(k=4), set(page.texts)
    assert report.gradient_share is not None
    assert dict(re.findall(r'<dt>(.*?)</dt><dd class="value">(.*?)</dd>', text)) == {
        "hardest is false": visible_percent(report.by_rank[0]["false_negative_rate"]),
        "false among 4": visible_percent(report.false_negative_rate),
        "base rate": visible_percent(report.base_rate),
        "lift at 4": f"{report.lift:.1f} ×",
        "of the gradient": visible_percent(report.gradient_share["false_negatives"]),
    }
    for row in report.by_rank:
        assert {
            visible_percent(row["false_negative_rate"]),
            f"{row['similarity']:.4f}",
            visible_percent(row["gradient_share"]),
        } <= said
    classes, shares = report.class_shares()
    cells = [float(value.removeprefix("--share:")) for value in page.values("style") if value.startswith("--share")]
    expected = [0.8 * (share or 0) ** 0.6 for row in shares for share in row]
    np.testing.assert_allclose(cells, expected, atol=1e-3)
    assert set(classes) <= said
    assert {"By rank", "By class", "The hardest false negatives", "Duplicates", "Over the epochs of training"} <= said
    assert {visible_percent(0.42), "5.000", "hard, τ = 0.2, β = 1.0, τ⁺ = None, no treatment, seed None"} <= said
    assert any("torch 2" in value for value in said)
    assert {"exact copy", "near copy"} <= said


def test_the_page_names_no_folder_above_the_artefact(
    evil: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to others: where it was made stays at home, but for the part below the working directory."""
    said = " ".join(_page(evil, tmp_path / "out.html")[1].texts)
    assert str(evil.path.parent) not in said
    assert f"samekind audit {evil.path.name} " in said
    monkeypatch.chdir(evil.path.parent.parent)
    below = f"{evil.path.parent.name}/{evil.path.name}"
    assert f"samekind audit {below} " in " ".join(_page(evil, tmp_path / "out.html")[1].texts)


def test_the_page_of_one_split_says_so_and_how_to_compute_it_again(evil: Index, tmp_path: Path) -> None:
    """The command line audits all images, so it is Python that gives these figures again."""
    evil.audit(k=2, split="train").to_html(tmp_path / "out.html", evil)
    said = " ".join(Page((tmp_path / "out.html").read_text()).texts)
    again = f"samekind.Index.open({evil.path.name!r}).audit(k=2, label_level='coarse', split='train')"
    assert again in said
    assert f"{evil.splits.count('train')}, of the split train" in said


def test_the_page_names_no_folder_of_corpus_guide_or_weights(tmp_path: Path) -> None:
    """Only what they are called, also where a path stands behind a name."""
    index = _index(tmp_path / "run", None)
    meta = json.loads((index.path / "meta.json").read_text())
    meta["config"] |= {"guide": "/home/ann/guide", "guide_weights": "/home/ann/clip.pt"}
    meta["corpus"] = {**meta.get("corpus", {}), "corpus": "/home/ann/photos"}
    meta["encoder"]["backbone"] = "timm/resnet18@/home/ann/r18.pt"
    (index.path / "meta.json").write_text(json.dumps(meta))
    text, page = _page(Index.open(index.path), tmp_path / "out.html")
    assert "/home/ann" not in text
    assert {"photos", "guide", "clip.pt"} <= set(page.texts)
    assert any(said.startswith("timm/resnet18@r18.pt, ") for said in page.texts)


def test_pictures_are_the_images_they_are_named_after(evil: Index, tmp_path: Path) -> None:
    """Each thumbnail decodes to the image of its id; every picture has words."""
    _, page = _page(evil, tmp_path / "out.html")
    sources, words = page.values("src"), page.values("alt")
    assert len(sources) == len(words) > 8
    for source, word in zip(sources, words, strict=True):
        encoded = base64.b64decode(source.partition("base64,")[2])
        assert encoded == evil.thumbnail(word.partition(": image ")[2])
        assert Image.open(io.BytesIO(encoded)).size == (8, 8)


def test_the_hardest_false_negatives_are_the_most_similar_ones(evil: Index) -> None:
    """Brute force over all pairs: false, no copies, no image twice, at most two a class."""
    report = evil.audit(k=4)
    left = sorted((p for p in report.pairs if p.false and p.similarity < 1 - 1e-9), key=lambda p: -p.similarity)
    expected: list[float] = []
    seen: set[str] = set()
    count = dict.fromkeys(evil.classes, 0)
    for pair in left:
        if {pair.anchor_id, pair.negative_id} & seen or count[pair.anchor_label or ""] == 2:
            continue
        seen |= {pair.anchor_id, pair.negative_id}
        count[pair.anchor_label or ""] += 1
        expected.append(pair.similarity)
    found = hardest_pairs(report, evil, 24, 2)
    assert [pair.similarity for pair in found] == expected
    assert all(pair.false for pair in found)
    assert [pair.similarity for pair in hardest_pairs(report, evil, 2, 2)] == expected[:2]


def test_without_labels_the_page_says_why_there_are_no_rates(tmp_path: Path) -> None:
    """Similarities, pictures and duplicates are there all the same; no rate, lift or class is."""
    _, page = _page(_index(tmp_path / "run", None), tmp_path / "out.html")
    said = " ".join(page.texts)
    assert "nobody can tell which of these negatives are false" in said
    assert {"The hardest negatives", "Duplicates", "mean similarity", "exact copy"} <= set(page.texts)
    assert not {"By class", "lift", "base rate", "false negatives"} & set(page.texts)


@pytest.mark.parametrize("labels", [["one"] * 30, [f"class {i}" for i in range(30)], ["a"] + [None] * 29])
def test_extreme_labels_still_make_a_page(tmp_path: Path, labels: list[str | None]) -> None:
    """One class, every image its own, a single label."""
    _, page = _page(_index(tmp_path / "run", labels), tmp_path / "out.html", k=100)
    assert any("k is 29 instead of 100" in text for text in page.texts)


def test_rates_that_are_known_at_few_ranks_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two labelled images of 40 know one or two ranks, which thinning must not step over."""
    monkeypatch.setattr(by_rank, "MOST_POINTS", 3)
    save_encoder(FakeEncoder(), tmp_path, config=HARD)
    labels: list[str | None] = [None] * 38 + ["a", "a"]
    index = build_index(Corpus.from_arrays(pictures(40), labels), FakeEncoder(), tmp_path)
    report = index.audit(k=39)
    known = [row["rank"] for row in report.by_rank if row["false_negative_rate"] is not None]
    assert 1 <= len(known) <= 2
    report.to_html(tmp_path / "out.html", index)
    assert f"at rank {known[0]}" in (tmp_path / "out.html").read_text()


def test_one_image_makes_a_page(tmp_path: Path) -> None:
    """It has no negatives, and that is said."""
    save_encoder(FakeEncoder(), tmp_path / "run", config=HARD)
    index = build_index(Corpus.from_arrays(pictures(1), ["a"]), FakeEncoder(), tmp_path / "run")
    _, page = _page(index, tmp_path / "out.html")
    assert "An index of one image has no negatives." in page.texts


def test_verdicts_about_images_that_are_gone_are_kept_counted_and_said(tmp_path: Path) -> None:
    """Three answers, one of them about an image that the index never held."""
    index = _index(tmp_path / "run", None)
    a, b, c = (index.row(index.ids[i])["sha256"] for i in (2, 3, 4))
    VerdictTable(index.path).add([Verdict(a, b, "same"), Verdict(b, c, "same"), Verdict(a, "0" * 64, "different")])
    _, page = _page(Index.open(index.path), tmp_path / "out.html")
    assert (
        "3 verdicts on pairs of images. 1 verdict is about images that the index does not hold; they are kept."
        in page.texts
    )


def test_a_page_is_written_whole_or_not_at_all(evil: Index, tmp_path: Path) -> None:
    """A place that cannot be written is one clear line and leaves nothing."""
    with pytest.raises(ArtefactError, match="cannot write"):
        evil.audit(k=2).to_html(tmp_path / "nowhere" / "out.html", evil)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("beta_end", "said"), [(None, "β = 1.0, "), (2.0, "β = 1.0 to 2.0, ")])
def test_the_settings_say_where_the_hardness_went(beta_end: float | None, said: str) -> None:
    """Both ends of it, where it changed."""
    assert said in str(settings.objective({**HARD, "beta_end": beta_end}))

"""An object store that speaks S3, on this machine: images are read from it, indexes go into it and are searched there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from tests.end_to_end.helpers import call, draw_folder, refused

moto = pytest.importorskip("moto.server", reason="moto is installed by samekind[dev]")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket, which the environment leads to."""
    import boto3

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield "s3://bucket"
    server.stop()


@pytest.mark.slow
def test_an_index_goes_to_a_bucket_and_is_searched_there(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same hits as the artefact that stays here; rows that are taken out are gone there, too; no bucket is said in a line."""
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    np.save("mine.npy", vectors)
    Path("mine.ids.txt").write_text("".join(f"{i}.jpg\n" for i in range(50)))
    place = f"{bucket}/photos"
    made = call("index", "--vectors", "mine.npy", "--out", place)
    assert made.code == 0, made
    assert f"50 images in {place}: 50 rows added" in made.out
    here = sk.Index.open("artifacts/s3+bucket+photos")
    there = call("search", place, "7.jpg", "--k", 5, "--exclude-self", "--json").answer["hits"]
    assert [(hit["id"], hit["similarity"]) for hit in there] == [
        (hit.id, pytest.approx(hit.similarity, abs=1e-12))
        for hit in here.search_id("7.jpg", k=5, exclude_self=True).hits
    ]
    assert call("index", "--out", place, "--remove", there[0]["id"]).code == 0
    again = call("search", place, "7.jpg", "--k", 4, "--exclude-self", "--json").answer["hits"]
    assert [hit["id"] for hit in again] == [hit["id"] for hit in there[1:]]
    assert "there is no such bucket" in refused("search", "s3://other/photos", "7.jpg")
    assert "holds no published index" in refused("search", f"{bucket}/nothing", "7.jpg")


@pytest.mark.slow
def test_photos_in_a_bucket_are_indexed(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the folder would be; a file that goes there is taken up; a worker without the copy reads from there; no bucket is one line."""
    import boto3

    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    photos, client = draw_folder(tmp_path / "photos", 3), boto3.client("s3")
    files = sorted(photos.rglob("*.png"))
    for file in files[:-1]:
        client.upload_file(str(file), "bucket", f"my photos/{file.relative_to(photos)}")
    place, out = f"{bucket}/my photos", tmp_path / "out"
    arguments = ("index", "--corpus", place, "--encoder", "lite0", "--out", out)
    assert call(*arguments).code == 0
    client.upload_file(str(files[-1]), "bucket", f"my photos/{files[-1].relative_to(photos)}")
    again = call(*arguments)
    assert again.code == 0, again
    here = sk.build_index(sk.load_corpus(photos), "lite0", tmp_path / "here")
    there = sk.Index.open(out)
    assert sorted(there.ids) == sorted(here.ids)
    hits = [each.search_id(files[0].relative_to(photos).as_posix(), k=5).hits for each in (there, here)]
    assert [hit.id for hit in hits[0]] == [hit.id for hit in hits[1]]
    assert [hit.similarity for hit in hits[0]] == pytest.approx([hit.similarity for hit in hits[1]], abs=1e-5)
    corpus = sk.load_corpus(place)
    shutil.rmtree(tmp_path / "cache" / "copies")
    assert corpus.image(0).tobytes() == sk.load_corpus(photos).image(0).tobytes()
    assert "there is nothing at s3://other/photos" in refused("index", "--corpus", "s3://other/photos", "--out", out)
    assert f"there is nothing at {bucket}/nothing" in refused("index", "--corpus", f"{bucket}/nothing", "--out", out)

"""An object store that speaks S3, on this machine: indexed into, published again, searched from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from tests.end_to_end.helpers import call, refused

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

"""Bodies and parameters of the service, each with an example."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from samekind.service.conditions import answerable
from samekind.service.limits import MAX_K, MAX_LIST_OFFSET, MAX_LISTED, MAX_OFFSET, MAX_PARTS

_LONGEST_TEXT = 2_000
_ID = "train/00003.png"
_OTHER_ID = "train/00007.png"
_HIT: JsonDict = {"rank": 1, "id": _ID, "similarity": 0.8732140064239502, "label": "Bag", "uri": "photos/bag.png"}


Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]
Condition = Annotated[Text, AfterValidator(answerable)]
ImageId = Annotated[Text, Field(description="Id of an image of the index.", examples=[_ID])]

IdParameter = Annotated[Text, Query(alias="id", description="Id of an image of the index.", examples=[_ID])]


class Page(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    offset: int = Field(0, ge=0, le=MAX_LIST_OFFSET, description="How many to pass over.")
    limit: int = Field(100, ge=1, le=MAX_LISTED, description="How many at most.")


class ImagesPage(Page):
    """Which images."""

    where: Condition | None = Field(None, description="SQL condition on the images.", examples=["label = 'Bag'"])


class Options(BaseModel):
    """How to search."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=MAX_K, description="How many hits.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="How many hits to pass over: the next page begins there.")
    where: Condition | None = Field(None, description="SQL condition on hits.", examples=["label = 'Bag'"])
    exclude_self: bool = Field(False, description="Leave out the query's own image.")
    adapted: bool = Field(True, description="Search the space as people's answers have adapted it.")
    min_similarity: float | None = Field(None, ge=-1, le=1, description="Leave out hits that are less similar.")
    diversity: float = Field(
        0, ge=0, le=1, description="Above 0, near copies of a hit give way to others; first page only."
    )
    tag: Text | None = Field(None, description="Only images with this tag.")


class Mixing(Options):
    """What hits should be like, and unlike, besides."""

    like: list[ImageId] = Field([], max_length=MAX_PARTS, description="Ids of images that hits should be like, too.")
    unlike: list[ImageId] = Field([], max_length=MAX_PARTS, description="Ids of images that hits should be unlike.")
    weights: list[Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]] = Field(
        [],
        max_length=MAX_PARTS + 2,
        description="Of picture, words and each of `like`, in this order; all equal if empty.",
    )
    unlike_weight: float = Field(0.25, ge=0, le=1e6, allow_inf_nan=False, description="How much `unlike` counts.")


class NeighbourOptions(Mixing):
    """Whose neighbours, and how to search."""

    id: ImageId


class ImageOptions(Mixing):
    """What of an upload is asked, and how to search."""

    crop: Text | None = Field(
        None,
        pattern=r"^\d{1,6}(,\d{1,6}){3}$",
        description="Left, top, width and height of a part.",
        examples=["20,20,80,80"],
    )
    text: Text | None = Field(None, min_length=1, description="What the images should show, too.")


class VectorSearch(Options):
    """A search with a vector of the encoder's own space."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"vector": [0.1, -0.2, 0.3], "k": 5}]}
    )

    vector: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(
        min_length=1, max_length=65_536, description="As many numbers as the index has dimensions."
    )


class TextSearch(Mixing):
    """A search with words."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"text": "red shoe", "k": 5}]}
    )

    text: Text = Field(min_length=1, description="What the images should show.")


class Hit(BaseModel):
    """One image that was found."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HIT]})

    rank: int
    id: str
    similarity: float
    label: str | None
    uri: str


class Hits(BaseModel):
    """What was found, nearest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "k": 1,
                    "offset": 0,
                    "hits": [_HIT],
                    "note": None,
                    "elapsed_ms": 1.25,
                    "adaptation": None,
                    "next_offset": 1,
                }
            ]
        }
    )

    k: int
    offset: int
    hits: list[Hit]
    note: str | None
    elapsed_ms: float
    adaptation: int | None
    next_offset: int | None


class Image(BaseModel):
    """One image of the index."""

    id: str
    uri: str
    split: str
    label: str | None
    width: int
    height: int
    sha256: str
    corpus: str


class Images(BaseModel):
    """A page of images in table order."""

    images: list[Image]
    total: int
    next_offset: int | None


class About(BaseModel):
    """The index."""

    version: str
    images: int
    dim: int
    labelled: bool
    classes: list[str]
    splits: list[str]
    text: bool
    exact: bool
    ann_recall_at_10: float
    adaptation: int | None
    read_only: bool


class Audit(BaseModel):
    """Figures of false negatives among the k hardest negatives of every image; undefined ones are null."""

    k: int
    num_anchors: int
    num_rows: int
    base_rate: float | None
    false_negative_rate: float | None
    lift: float | None
    by_rank: list[dict[str, Any]]
    by_class: dict[str, dict[str, Any]]
    gradient_share: dict[str, Any] | None
    num_duplicates: int
    label_level: str
    notes: list[Any]
    split: str | None


class Working(BaseModel):
    """The answer is being worked out: ask again."""

    state: str = Field(examples=["working"])


class NewVerdict(BaseModel):
    """An answer about two images of the index."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"anchor": _ID, "negative": _OTHER_ID, "verdict": "same", "who": "Ana"}]},
    )

    anchor: ImageId
    negative: ImageId
    verdict: str = Field(
        max_length=32,
        description="same, different, unsure, wrong_label (the anchor's), duplicate, or right_label (both ids the same).",
    )
    who: Text = Field("", description="Who answers.")
    note: Text = Field("", description="Free text.")


class Verdict(BaseModel):
    """An answer that holds; ids are null where the index holds no such image any more."""

    anchor: str | None
    negative: str | None
    anchor_sha256: str
    negative_sha256: str
    verdict: str
    who: str
    when: str
    note: str
    screen: str


class Verdicts(BaseModel):
    """A page of answers, oldest first."""

    verdicts: list[Verdict]
    total: int
    next_offset: int | None


class State(BaseModel):
    """How the service is."""

    status: str = Field(examples=["ok"])


class Error(BaseModel):
    """What is wrong, and what to do about it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"error": "k must be at least 1, got 0", "hint": "ask for one hit or more"}]}
    )

    error: str
    hint: str

"""Annotations of objects in images, read as labels of the images: what is in one are its labels, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from samekind.core.errors import InputError
from samekind.data.layouts.labels.values import ImageLabels, labels_of


def coco_labels(content: dict[str, Any], file: Path) -> list[ImageLabels]:
    """Labels of COCO's JSON: `images`, `annotations` and `categories`.

    Raises:
        InputError: an image has no name, or the parts do not fit together.
    """
    try:
        names = {category["id"]: str(category["name"]) for category in content.get("categories", ())}
        found: dict[Any, list[str]] = defaultdict(list)
        for annotation in content.get("annotations", ()):
            number = annotation["category_id"]
            found[annotation["image_id"]].append(names.get(number, str(number)))
        return [
            ImageLabels(str(image["file_name"]), labels_of(found.get(image["id"], ()))) for image in content["images"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no COCO file: an entry lacks {error}") from error


def voc_labels(file: Path) -> ImageLabels:
    """Labels of an XML file of VOC or ImageNet: the names of its objects.

    Raises:
        InputError: it is no such file, or declares entities, which may be endless.
    """
    text = file.read_bytes()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise InputError(f"{file} declares entities", hint="annotations need none: it may be an attack")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without entities, which are refused above, nothing in it can grow
    except ElementTree.ParseError as error:
        raise InputError(f"{file} is damaged: {error}") from error
    if root.tag != "annotation":
        raise InputError(f"{file} is no VOC annotation: it begins with <{root.tag}>, expected <annotation>")
    named = (root.findtext("filename") or "").strip()
    # ImageNet's names are often only %s: then the annotation is called like its image
    name = named if named and "%" not in named else file.stem
    return ImageLabels(
        name, tuple(label for node in root.findall("object") for label in labels_of(node.findtext("name")))
    )


def yolo_labels(folder: Path, files: Sequence[Path]) -> list[ImageLabels]:
    """Labels of YOLO's text files: class numbers in front of boxes, named by `data.yaml` or `classes.txt` where one is at hand."""
    names = _yolo_names(folder)
    rows = []
    for file in files:
        if file.name == "classes.txt":
            continue
        lines = [
            line.split() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines() if line.strip()
        ]
        if any(not words[0].isdigit() or len(words) < 5 for words in lines):
            raise InputError(f"{file} is no YOLO annotation", hint="each line begins with a class number and a box")
        numbers = [int(words[0]) for words in lines]
        labels = tuple(names[n] if n < len(names) else str(n) for n in numbers)
        rows.append(ImageLabels(file.relative_to(folder).with_suffix("").as_posix(), labels))
    return rows


def _yolo_names(folder: Path) -> list[str]:
    """Class names in the order of their numbers; empty where no file has them."""
    for place in (folder, *folder.parents[:2]):
        if (place / "classes.txt").is_file():
            return [
                line.strip()
                for line in (place / "classes.txt").read_text(encoding="utf-8-sig").splitlines()
                if line.strip()
            ]
        for file in sorted((*place.glob("*.yaml"), *place.glob("*.yml"))):
            if names := _names_in_yaml(file.read_text(encoding="utf-8-sig", errors="replace")):
                return names
    return []


def _names_in_yaml(text: str) -> list[str]:
    """The entry `names` of a YOLO file, in the three forms that are about: `[a, b]`, `- a` a line, `0: a` a line."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("names:")), None)
    if start is None:
        return []
    inline = lines[start].partition(":")[2].partition(" #")[0].strip()
    if inline:
        body = inline.strip("[]{}").split(",")
    else:
        body = []
        for line in lines[start + 1 :]:
            if line.strip() and not line.startswith((" ", "-", "\t")):
                break
            body += [line.strip().removeprefix("- ")] if line.strip() and not line.strip().startswith("#") else []
    names = [entry.partition(":")[2] if entry.partition(":")[0].strip().isdigit() else entry for entry in body]
    return [name.strip().strip("'\"") for name in names if name.strip()]

"""Where the weights of a model are: the file named, the libraries' own cache, the hub if it answers within seconds."""

from __future__ import annotations

from pathlib import Path

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.models.pretrained import hub
from samekind.training.models.pretrained.hub_models import HUB, OPEN_CLIP_FILES, TIMM_FILES, hub_model
from samekind.training.models.pretrained.open_clip_models import model_config
from samekind.training.models.pretrained.timm_models import published, require_known


def find_weights(name: str) -> Path:
    """The file with the weights of a model.

    Args:
        name: `timm/NAME`, `timm/NAME@FILE`, `open_clip/NAME`, `open_clip/NAME@TAG`, `open_clip/NAME@FILE` or `hf-hub:ORG/NAME`. Without
            a tag, the first of open_clip's tags that is in a cache is taken, else the first at all.

    Raises:
        InputError: the library knows no such model or tag, or publishes no weights of it.
        MissingDependencyError: the weights are not on this machine, and the hub does not answer; the hint says which file to put where.
    """
    if name.startswith(HUB):
        return hub_model(name).weights()
    family, _, rest = name.partition("/")
    model, _, chosen = rest.partition("@")
    if family not in ("timm", "open_clip") or not model:
        raise InputError(f"{name!r} names no model", hint="timm/NAME, open_clip/NAME@TAG or hf-hub:ORG/NAME")
    if chosen and Path(chosen).is_file():
        return Path(chosen)
    return _of_open_clip(model, chosen) if family == "open_clip" else _of_timm(model, chosen)


def _of_timm(model: str, chosen: str) -> Path:
    import torch

    require_known(model)
    if chosen:
        raise _no_file(f"timm/{model}", chosen)
    config = published(model)
    repository, url = config.hf_hub_id, config.url if isinstance(config.url, str) else ""
    if not repository and not url:
        raise InputError(f"no weights of timm/{model} are published", hint=f"name a file: timm/{model}@FILE")
    files = (config.hf_hub_filename,) if config.hf_hub_filename else TIMM_FILES
    found = hub.fetched(repository, files) if repository else None
    if found is None and url:
        found = hub.fetched_from(url, Path(torch.hub.get_dir()) / "checkpoints")
    if found is None:
        raise _not_here(f"timm/{model}", f"{files[0]} of {repository}" if repository else str(url))
    return found


def open_clip_tag(model: str, chosen: str = "") -> str:
    """The tag whose weights, and so whose preprocessing, an open_clip model gets: the one chosen, else the first that is in a cache,
    else the first at all; weights that were trained with another activation are never taken.

    Raises:
        InputError: open_clip knows no such model, publishes no weights of it, or the tag is of another activation.
        MissingDependencyError: what was chosen is neither a tag nor a file.
    """
    configs = _tags(model)
    if chosen and chosen not in configs:
        raise _no_file(f"open_clip/{model}", chosen, f"a file or one of its tags: {', '.join(configs) or 'none'}")
    quick = bool(model_config(model).get("quick_gelu", False))
    # Weights that were trained with the other activation would run, and be poor.
    fitting = {tag: config for tag, config in configs.items() if bool(config.get("quick_gelu", False)) == quick}
    if chosen and chosen not in fitting:
        other = model.removesuffix("-quickgelu") if quick else f"{model}-quickgelu"
        raise InputError(f"{chosen} does not fit open_clip/{model}", hint=f"open_clip/{other}@{chosen}")
    if not fitting:
        raise InputError(f"no weights of open_clip/{model} are published", hint=f"name a file: open_clip/{model}@FILE")
    return chosen or next((tag for tag, config in fitting.items() if _cached_clip(config)), next(iter(fitting)))


def _of_open_clip(model: str, chosen: str) -> Path:
    config = _tags(model)[open_clip_tag(model, chosen)]
    found = _cached_clip(config) or _fetched_clip(config)
    if found is None:
        where, files = _published(config)
        raise _not_here(f"open_clip/{model}", f"{files[0]} of {where}" if where else str(config.get("url")))
    return found


def _tags(model: str) -> dict[str, dict[str, str]]:
    """What open_clip knows of each tag of a model; none for a model that it does not know."""
    import open_clip

    model_config(model)
    return {tag: open_clip.get_pretrained_cfg(model, tag) for tag in open_clip.list_pretrained_tags_by_model(model)}


def _published(config: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Repository and file names of a tag; no repository if it is published elsewhere."""
    repository, _, file = config.get("hf_hub", "").rpartition("/")
    if not file:
        return repository, OPEN_CLIP_FILES
    stem = file.rpartition(".")[0]
    return repository, tuple(dict.fromkeys((f"{stem}.safetensors", file)))


def _clip_cache() -> Path:
    return Path("~/.cache/clip").expanduser()  # as in open_clip


def _cached_clip(config: dict[str, str]) -> Path | None:
    repository, files = _published(config)
    path = _clip_cache() / config.get("url", "").rpartition("/")[2]
    return (hub.cached(repository, files) if repository else None) or (path if path.is_file() else None)


def _fetched_clip(config: dict[str, str]) -> Path | None:
    repository, files = _published(config)
    found = hub.fetched(repository, files) if repository else None
    return found or (hub.fetched_from(config["url"], _clip_cache()) if config.get("url") else None)


def _no_file(model: str, chosen: str, expected: str = "a file") -> MissingDependencyError:
    return MissingDependencyError(
        f"no checkpoint at {chosen}",
        hint=f"put the weights of {model} there (.safetensors, .pt or .bin); after the @ stands {expected}",
    )


def _not_here(model: str, published: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"the weights of {model} are not on this machine, and {hub.silence()}",
        hint=f"get {published} and name it: {model}@FILE",
    )

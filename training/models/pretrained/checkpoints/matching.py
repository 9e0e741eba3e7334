"""Which tensor of a checkpoint is which of a backbone: by name below some prefix, by timm's filters, else by order and shape."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

from torch import Tensor, nn

from samekind.training.models.pretrained.checkpoints.adapt_tensor import adapted

Tensors = dict[str, Tensor]
Filter = Callable[[Tensors], Mapping[str, Tensor]]

_PREFERRED = {"teacher", "ema"}
_SECOND = {"momentum", "k", "key"}
_TRIED = 6  # prefixes; a checkpoint with more networks of the same shape than that is none that we know
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Match:
    """Tensors for a backbone.

    Attributes:
        tensors: by the backbone's names, in its shapes.
        unused: names of the checkpoint's tensors that are left out.
        misfits: by the backbone's names, what is wrong with those that are missing or have another shape; nothing if the match is good.
        by_order: matched by order and shape.
    """

    tensors: Tensors
    unused: tuple[str, ...]
    misfits: dict[str, str]
    by_order: bool = False


def best_match(given: Tensors, network: nn.Module) -> Match:
    """The first match without misfits, or the one with the fewest.

    Args:
        given: tensors of a checkpoint by their names in it.
        network: to be filled.
    """
    best: Match | None = None
    for match in _matches(given, network):
        if not match.misfits:
            return match
        if best is None or len(match.misfits) < len(best.misfits):
            best = match
    assert best is not None  # the names as they are make one
    return best


def _matches(given: Tensors, network: nn.Module) -> Iterator[Match]:
    own = network.state_dict()
    for prefix in _prefixes(given, own):
        yield _by_name(given, prefix, _below(given, prefix), own)
    for translate in _filters(network):
        for prefix in [*_prefixes(given, own), *_wrappers(given)]:
            translated = _translated(translate, _below(given, prefix))
            for inner in _prefixes(translated, own):
                yield _by_name(given, prefix, _below(translated, inner), own)
    by_order = _by_order(given, own)
    if by_order is not None:
        yield by_order


def _by_name(given: Tensors, prefix: str, named: Tensors, own: Tensors) -> Match:
    """The tensors of `named` for those of the network of the same name; `named` are those of `given` below a prefix, perhaps translated."""
    tensors, misfits = {}, {}
    for name, wanted in own.items():
        fitting = adapted(name, named[name], wanted) if name in named else None
        if fitting is not None:
            tensors[name] = fitting
        elif wanted.is_floating_point():  # else a counter or a table of indices, which the network has computed
            there = (
                f" is {tuple(named[name].shape)} there, {tuple(wanted.shape)} here" if name in named else " is missing"
            )
            misfits[name] = name + there
    outside = [name for name in given if not name.startswith(prefix)]
    return Match(tensors, (*outside, *(prefix + name for name in named if name not in own)), misfits)


def _prefixes(given: Iterable[str], own: Tensors) -> list[str]:
    """Prefixes below which names of the network stand, those with most of them first; the last resort is none at all.

    Of networks that hold equally many, a teacher or moving average comes first, and a momentum encoder (MoCo's key encoder) last.
    """
    held: Counter[str] = Counter()
    for name in given:
        parts = name.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in own:
                held["".join(f"{part}." for part in parts[:start])] += 1
    ranked = sorted(held, key=lambda prefix: (-held[prefix], _rank(prefix), len(prefix)))
    return ranked[:_TRIED] or [""]


def _rank(prefix: str) -> int:
    words = {word for part in prefix.split(".") for word in part.split("_")}
    return -1 if words & _PREFERRED else int(bool(words & _SECOND))


def _wrappers(given: Tensors) -> list[str]:
    """Prefixes that most of the tensors share, from the shortest, nothing, to the longest."""
    shared: Counter[str] = Counter()
    for name in given:
        parts = name.split(".")
        shared.update("".join(f"{part}." for part in parts[:depth]) for depth in range(len(parts)))
    return [prefix for prefix, count in shared.items() if 2 * count > len(given)]


def _below(given: Mapping[str, Tensor], prefix: str) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in given.items() if name.startswith(prefix)}


def _filters(network: nn.Module) -> list[Filter]:
    """What the libraries do to the names and shapes of original releases of this kind of network."""
    module = sys.modules[type(network).__module__]
    if module.__name__.startswith("open_clip."):
        return [lambda tensors: _open_clip_names(tensors, network)]
    if not module.__name__.startswith("timm."):
        return []
    functions = [
        value for name, value in vars(module).items() if "_filter_fn" in name or name.startswith("_filter_torch")
    ]
    return [
        _bound(function, network) for function in functions if getattr(function, "__module__", "").startswith("timm.")
    ]


def _bound(function: Callable[..., Mapping[str, Tensor]], network: nn.Module) -> Filter:
    if function.__code__.co_argcount == 1:
        return lambda tensors: function(tensors)
    return lambda tensors: function(tensors, network)


def _open_clip_names(tensors: Tensors, tower: nn.Module) -> Mapping[str, Tensor]:
    from open_clip.convert import convert_state_dict

    converted: Mapping[str, Tensor] = convert_state_dict(SimpleNamespace(visual=tower), tensors)
    return converted


def _translated(translate: Filter, tensors: Tensors) -> Tensors:
    """What a library's filter makes of tensors; nothing if it is for other ones."""
    try:
        result: Mapping[str, object] = translate(dict(tensors))
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return {}
    return {name: tensor for name, tensor in result.items() if isinstance(tensor, Tensor)}


def _by_order(given: Tensors, own: Tensors) -> Match | None:
    """A match of foreign names: every tensor has the shape, and the last part of the name, of the one at its place.

    Only a classifier may follow (a weight of two axes and a bias). Counters of batches are passed over: old files have none.
    """
    wanted = [name for name in own if not name.endswith(_COUNTER)]
    names = [name for name in given if not name.endswith(_COUNTER)]
    head = names[len(wanted) :]
    if len(names) < len(wanted) or [given[name].ndim for name in head] not in ([], [2], [2, 1]):
        return None
    pairs = dict(zip(wanted, names, strict=False))
    tensors = {name: given[pairs[name]] for name in wanted}
    first = adapted(
        wanted[0], tensors[wanted[0]], own[wanted[0]]
    )  # the convolution that sees the image, in grey or RGB
    if first is not None:
        tensors[wanted[0]] = first
    if any(_signature(name, own[name]) != _signature(pairs[name], tensors[name]) for name in wanted):
        return None
    counters = [name for name in own if name.endswith(_COUNTER)], [name for name in given if name.endswith(_COUNTER)]
    if len(counters[0]) == len(counters[1]):
        pairs |= dict(zip(*counters, strict=True))
    used = set(pairs.values())
    unused = tuple(name for name in given if name not in used)
    return Match({name: given[pairs[name]] for name in pairs} | tensors, unused, {}, True)


def _signature(name: str, tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    return name.rpartition(".")[2], tuple(tensor.shape)

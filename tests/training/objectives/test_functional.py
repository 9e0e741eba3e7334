"""Objectives for a training loop that is not ours: what they accept, what they refuse, and that they are those of a run."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from samekind import objectives
from samekind.objectives import (
    NoiseContrast,
    Oracle,
    against_codes,
    against_keys,
    attract,
    cpc,
    debiased,
    decoupled,
    eliminate,
    hard,
    in_batch,
    info_nce,
    mean_over_anchors,
    mix_hardest,
    mixed,
    nce,
    plain_terms,
    soft,
    soft_attract,
    softmax_loss,
    supervised,
    with_positives,
)
from samekind.training.config.objective import OBJECTIVES
from samekind.training.objectives import functional
from tests.training.batches import batch, loss_of, projections

DOCS = Path(__file__).parents[3] / "docs" / "objectives.md"
LABELS = torch.tensor([0, 1, 0, 1, 2])
TWO_VIEWS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nce": lambda a, b: nce(a, b, NoiseContrast("partition", 0.2, 100).to(torch.promote_types(a.dtype, torch.float32))),
    "info_nce": info_nce,
    "decoupled": decoupled,
    "debiased": debiased,
    "hard": hard,
    "mixed": lambda a, b: mixed(a, b, generator=torch.Generator().manual_seed(3)),
    "supervised": lambda a, b: supervised(a, b, LABELS),
}


def test_each_objective_of_a_run_is_here() -> None:
    """`cpc`, which compares parts of images, and all that compare two views: as many functions as a run has objectives."""
    functions = {
        name
        for name, value in vars(functional).items()
        if inspect.isfunction(value) and value.__module__ == functional.__name__
    }
    assert {name for name in functions if not name.startswith("_")} == set(OBJECTIVES)
    assert {*TWO_VIEWS, "cpc"} == set(OBJECTIVES)
    assert set(OBJECTIVES) <= set(objectives.__all__)


@pytest.mark.parametrize("name", TWO_VIEWS)
def test_it_is_the_loss_of_a_run(name: str) -> None:
    """With the defaults of a run, on the same views: one definition."""
    view_1, view_2 = projections(5), projections(5, 1)
    torch.manual_seed(3)  # of the mixes
    expected = loss_of(in_batch(view_1, view_2), Oracle(LABELS.numpy()), objective=name)
    torch.testing.assert_close(TWO_VIEWS[name](view_1, view_2), expected)


@pytest.mark.parametrize("name", TWO_VIEWS)
def test_precision_and_length(name: str) -> None:
    """Half precision is computed in float32, float64 stays, and the length of an embedding does not matter."""
    view_1, view_2 = projections(5).bfloat16(), projections(5, 1).bfloat16()
    loss = TWO_VIEWS[name]
    expected = loss(view_1.float(), view_2.float())
    got = loss(view_1, view_2)
    assert got.dtype == torch.float32
    assert torch.equal(got, expected)
    fine = loss(view_1.double(), view_2.double() * 3)
    assert fine.dtype == torch.float64
    torch.testing.assert_close(fine.float(), expected)


def test_an_unknown_class_has_no_positive_but_its_other_view() -> None:
    """Negative labels are no class of their own."""
    view_1, view_2 = projections(5), projections(5, 1)
    unknown = supervised(view_1, view_2, torch.tensor([0, 1, 0, -1, -1]))
    torch.testing.assert_close(unknown, supervised(view_1, view_2, torch.tensor([0, 1, 0, 3, 4])))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"temperature": 0.0}, "temperature"), ({"temperature": -0.2}, "temperature"), ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"), ({"beta": -1.0}, "beta"), ({"beta": math.inf}, "beta"), ({"beta": math.nan}, "beta"),
        ({"tau_plus": 1.0}, "tau_plus"), ({"tau_plus": -0.1}, "tau_plus"), ({"tau_plus": math.nan}, "tau_plus"),
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(settings: dict[str, float], named: str) -> None:
    """By name, with the value."""
    with pytest.raises(ValueError, match=f"^{named} must .* got {next(iter(settings.values()))}$"):
        hard(projections(4), projections(4, 1), **settings)


@pytest.mark.parametrize("loss", [info_nce, decoupled, debiased, hard, mixed])
def test_each_refuses_a_temperature_of_zero(loss: Callable[..., Tensor]) -> None:
    """Also where hardness or a class prior is not asked for."""
    with pytest.raises(ValueError, match="temperature must be finite and above 0, got 0"):
        loss(projections(4), projections(4, 1), temperature=0)


def refused() -> dict[str, tuple[Callable[[], Any], str]]:
    """Calls with tensors that do not go together, and what is said of each."""
    x, index, terms = projections(4), torch.arange(4), plain_terms(batch(4))
    other = Oracle(LABELS.numpy())(batch(5))
    return {
        "rows": (lambda: info_nce(x, projections(3)), r"view_2_BD must have shape \(4, 6\), got \(3, 6\)"),
        "axes": (lambda: info_nce(x[None], x[None]), "view_1_BD must be a"),
        "integers": (lambda: hard(index[:, None], index[:, None]), "got .* of torch.int64"),
        "labels": (lambda: supervised(x, x, index[:3]), r"label_B must have shape \(4,\)"),
        "index": (lambda: in_batch(x, x, index[:3]), r"index_B must have shape \(4,\)"),
        "keys": (lambda: against_keys(x, x[:3], index, x, index), "key_BD must have shape"),
        "queue": (lambda: against_keys(x, x, index, x[:, :5], index), "queue_QD must have shape"),
        "queue index": (lambda: against_keys(x, x, index, x, index[:2]), "queue_index_Q must have shape"),
        "codes": (lambda: cpc(x, x[:, :5], index), "code_CD must have shape"),
        "targets": (lambda: cpc(x, x, index[:2]), "target_A must have shape"),
        "images": (lambda: against_codes(x, x, index, index, index[:2]), "image_C must have shape"),
        "mask": (lambda: with_positives(terms, torch.ones(8, 4, dtype=torch.bool)), "is_positive_AM must have shape"),
        "vectors": (lambda: mix_hardest(terms, x), "vector_MD must have shape"),
        "anchors": (lambda: mean_over_anchors(terms.positive, terms.negative_mask), "contrasted_A must have shape"),
        "form": (lambda: NoiseContrast("softmax", 0.2, 10), "unknown form 'softmax'"),
        "images of noise": (lambda: NoiseContrast("partition", 0.2, 0), "num_images must be at least 1"),
        "scale of noise": (lambda: NoiseContrast("partition", 0.0, 10), "temperature"),
        **{
            treat.__name__: (partial(treat, terms, other), "must have shape")
            for treat in (eliminate, attract, soft, soft_attract)
        },
    }


@pytest.mark.parametrize("case", refused())
def test_tensors_that_do_not_go_together_are_refused(case: str) -> None:
    """Before anything is broadcast into a loss that only looks right."""
    call, complaint = refused()[case]
    with pytest.raises(ValueError, match=complaint):
        call()


def test_a_wrong_setting_is_found_in_the_parts_too() -> None:
    """Whoever puts a loss together from its parts is told the same."""
    terms = plain_terms(batch(4))
    with pytest.raises(ValueError, match="temperature"):
        softmax_loss(terms, temperature=-1.0)
    with pytest.raises(ValueError, match="tau_plus"):
        softmax_loss(terms, temperature=0.2, tau_plus=1.0)
    with pytest.raises(ValueError, match="beta"):
        plain_terms(batch(4), beta=-1.0)


def test_it_needs_torch_and_nothing_else() -> None:
    """No settings, no views, no index: a loop of one's own pays for none of them."""
    heavy = "albumentations cv2 faiss lancedb open_clip pandas scipy sklearn streamlit timm torchvision"
    rooms = "samekind.data samekind.indexer samekind.training.config samekind.training.engine samekind.training.models samekind.api"
    code = f"import sys, samekind.objectives; print(*[m for m in '{heavy} {rooms}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_example_of_the_docs_trains() -> None:
    """It runs as it stands there, is short, and its loss falls."""
    text = DOCS.read_text()
    code = text.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 30
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    exec(compile(code, str(DOCS), "exec"), names)
    assert names["losses"][-1] < names["losses"][0] - 0.5


def test_the_docs_name_all_of_it() -> None:
    """Nothing public is left out of the page."""
    text = DOCS.read_text()
    assert [name for name in objectives.__all__ if f"`{name}" not in text] == []


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_that_is_no_row_of_the_codes_is_refused(target: int) -> None:
    """A negative one would wrap around and make the positive a negative, too."""
    with pytest.raises(ValueError, match="rows of the 3 codes"):
        cpc(torch.zeros(2, 4), torch.zeros(3, 4), torch.tensor([0, target]))

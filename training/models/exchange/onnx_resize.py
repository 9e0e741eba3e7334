"""`samekind.data.decode.prepare` as an ONNX graph, pixel for pixel.

ONNX has an antialiased Resize of its own, but its pixels differ from Pillow's by up to 3 of 255 here and there, and a query must be
prepared as the corpus was. So the graph works out the coefficients of Pillow or torch from the size of the image and applies them as two
matrix products, along and then down, in fixed point as these do: its sums stay far below 2^53, so float64 holds them exactly. Pillow has
22 binary places; torch as many, up to 22, as leave the largest coefficient of a side in 16 bits.

Source:
    Pillow, `src/libImaging/Resample.c`: `precompute_coeffs`, `normalize_coeffs_8bpc`, `ImagingResampleHorizontal_8bpc`.
    torch, `aten/src/ATen/native/cpu/UpSampleKernel.cpp`: `_compute_index_ranges_int16_weights`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from samekind.data.types.preprocessing import TORCH, Preprocessing

OPSET = 18
IMAGE, PREPARED = "image", "prepared"

_RADIUS = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}

# Of the distance t ≥ 0 from the centre, in pixels of the smaller image.
_KERNEL = {
    "bilinear": """
  kernel = Sub (one, t)""",
    "bicubic": """
  a = Constant <value = double {-0.5}> ()
  a2 = Constant <value = double {1.5}> ()
  a3 = Constant <value = double {2.5}> ()
  four = Constant <value = double {4.0}> ()
  five = Constant <value = double {5.0}> ()
  eight = Constant <value = double {8.0}> ()
  n1 = Mul (a2, t)
  n2 = Sub (n1, a3)
  n3 = Mul (n2, t)
  n4 = Mul (n3, t)
  near = Add (n4, one)
  f1 = Sub (t, five)
  f2 = Mul (f1, t)
  f3 = Add (f2, eight)
  f4 = Mul (f3, t)
  f5 = Sub (f4, four)
  far = Mul (f5, a)
  is_near = Less (t, one)
  kernel = Where (is_near, near, far)""",
    "lanczos": """
  pi = Constant <value = double {3.141592653589793}> ()
  three = Constant <value = double {3.0}> ()
  tiny = Constant <value = double {1e-12}> ()
  safe = Max (t, tiny)
  angle = Mul (safe, pi)
  third = Div (angle, three)
  sine = Sin (angle)
  slow_sine = Sin (third)
  sinc = Div (sine, angle)
  slow_sinc = Div (slow_sine, third)
  kernel = Mul (sinc, slow_sinc)""",
}

# Length of a side after scaling, and the first pixel that is kept of it.
_SQUASHED = """
  scaled = Constant <value = double {%(size)d.0}> ()
  first = Constant <value = int64 {0}> ()"""
_CROPPED = """
  goal = Constant <value = double {%(shorter)d.0}> ()
  product = Mul (goal, length_d)
  shorter_d = Cast <to = 11> (shorter)
  exact = Div (product, shorter_d)
  whole = Floor (exact)
  scaled = Max (whole, one)
  size_d = Constant <value = double {%(size)d.0}> ()
  two = Constant <value = double {2.0}> ()
  spare = Sub (scaled, size_d)
  margin = Div (spare, two)
  rounded = Round (margin)
  first = Cast <to = 7> (rounded)"""

_ALONG_FIRST = """
  narrow_sums = MatMul (values, across)
  narrow = samekind.pixels (narrow_sums, across_unit)
  small_sums = MatMul (down, narrow)
  small = samekind.pixels (small_sums, down_unit)"""

# Pillow 13 begins with the height where the height loses more than twice as many pixels as the width does.
_LARGER_LOSS_FIRST = """
  zero = Constant <value = double {0.0}> ()
  two = Constant <value = double {2.0}> ()
  old_h = Cast <to = 11> (h0)
  old_w = Cast <to = 11> (w0)
  lost_h = Sub (old_h, new_h)
  change_w = Sub (old_w, new_w)
  lost_w = Max (change_w, zero)
  twice = Mul (lost_w, two)
  down_first = Greater (lost_h, twice)
  small = If (down_first) <
    then_branch = height_first () => (double[batch, %(channels)d, %(size)d, %(size)d] of_low) {
      low_sums = MatMul (down, values)
      low = samekind.pixels (low_sums, down_unit)
      of_low_sums = MatMul (low, across)
      of_low = samekind.pixels (of_low_sums, across_unit)
    },
    else_branch = width_first () => (double[batch, %(channels)d, %(size)d, %(size)d] of_narrow) {
      narrow_sums = MatMul (values, across)
      narrow = samekind.pixels (narrow_sums, across_unit)
      of_narrow_sums = MatMul (down, narrow)
      of_narrow = samekind.pixels (of_narrow_sums, down_unit)
    }>"""

_MODEL = """
<ir_version: %(ir_version)d, opset_import: ["": %(opset)d, "samekind": 1]>
prepare (uint8[batch, height, width, %(channels)d] image) => (uint8[batch, %(channels)d, %(size)d, %(size)d] prepared) {
  axis = Constant <value = int64[1] {0}> ()
  h = Shape <start = 1, end = 2> (image)
  w = Shape <start = 2, end = 3> (image)
  h0 = Squeeze (h, axis)
  w0 = Squeeze (w, axis)
  shorter = Min (h0, w0)
  down, new_h, down_unit = samekind.coefficients (h0, shorter)
  along, new_w, across_unit = samekind.coefficients (w0, shorter)
  across = Transpose <perm = [1, 0]> (along)
  planes = Transpose <perm = [0, 3, 1, 2]> (image)
  values = Cast <to = 11> (planes)
%(passes)s
  prepared = Cast <to = 2> (small)
}
<domain: "samekind", opset_import: ["": %(opset)d]>
pixels (sums, unit) => (clipped) {
  zero = Constant <value = double {0.0}> ()
  white = Constant <value = double {255.0}> ()
  two = Constant <value = double {2.0}> ()
  half = Div (unit, two)
  raised = Add (sums, half)
  shifted = Div (raised, unit)
  floored = Floor (shifted)
  above = Max (floored, zero)
  clipped = Min (above, white)
}
<domain: "samekind", opset_import: ["": %(opset)d]>
coefficients (length, shorter) => (fixed, scaled, unit) {
  zero = Constant <value = double {0.0}> ()
  half = Constant <value = double {0.5}> ()
  one = Constant <value = double {1.0}> ()
  radius = Constant <value = double {%(radius)s}> ()
  zero_i = Constant <value = int64 {0}> ()
  one_i = Constant <value = int64 {1}> ()
  size_i = Constant <value = int64 {%(size)d}> ()
  rows = Constant <value = int64[1] {1}> ()
  columns = Constant <value = int64[1] {0}> ()
  length_d = Cast <to = 11> (length)
%(window)s
  last = Add (first, size_i)
%(outputs)s
  out_d = Cast <to = 11> (out_i)
  out = Unsqueeze (out_d, rows)
  in_i = Range (zero_i, length, one_i)
  in_d = Cast <to = 11> (in_i)
  in = Unsqueeze (in_d, columns)
  scale = Div (length_d, scaled)
  stretch = Max (scale, one)
  support = Mul (radius, stretch)
  out_middle = Add (out, half)
  centre = Mul (out_middle, scale)
  lower = Sub (centre, support)
  lower_up = Add (lower, half)
  low = Floor (lower_up)
  upper = Add (centre, support)
  upper_up = Add (upper, half)
  high = Floor (upper_up)
  from_low = GreaterOrEqual (in, low)
  to_high = Less (in, high)
  between = And (from_low, to_high)
  distance = Sub (in, centre)
  middle_distance = Add (distance, half)
  shrink = Div (one, stretch)
  signed = Mul (middle_distance, shrink)
  t = Abs (signed)
%(kernel)s
  within = Less (t, radius)
  counts = And (between, within)
  weight = Where (counts, kernel, zero)
  sum = ReduceSum <keepdims = 1> (weight, rows)
  share = Div (weight, sum)
%(places)s
  scaled_up = Mul (share, unit)
  size_of = Abs (scaled_up)
  size_up = Add (size_of, half)
  size_whole = Floor (size_up)
  sign = Sign (scaled_up)
  signed_whole = Mul (size_whole, sign)
%(kept)s
}
"""

# Rows of the coefficients, what they are multiplied by before they are rounded, and the rows that are kept.
_PILLOW_STEPS = {
    "outputs": """
  out_i = Range (first, last, one_i)""",
    "places": """
  unit = Constant <value = double {4194304.0}> ()""",
    "kept": """
  fixed = Identity (signed_whole)""",
}
_TORCH_STEPS = {  # the largest coefficient may be that of a row which the crop leaves out
    "outputs": """
  scaled_i = Cast <to = 7> (scaled)
  out_i = Range (zero_i, scaled_i, one_i)""",
    "places": """
  base = Constant <value = double {2.0}> ()
  fewest = Constant <value = double {1.0}> ()
  beyond = Constant <value = double {23.0}> ()
  exponents = Range (fewest, beyond, fewest)
  powers = Pow (base, exponents)
  most = Constant <value = double {32768.0}> ()
  largest = ReduceMax <keepdims = 0> (share)
  one_place_more = Mul (powers, largest)
  one_more_up = Add (one_place_more, half)
  one_more = Floor (one_more_up)
  fits = Less (one_more, most)
  fits_d = Cast <to = 11> (fits)
  places = ReduceSum <keepdims = 0> (fits_d)
  unit = Pow (base, places)""",
    "kept": """
  begin = Unsqueeze (first, columns)
  end = Unsqueeze (last, columns)
  fixed = Slice (signed_whole, begin, end, columns)""",
}


def preparing_model(preprocessing: Preprocessing, ir_version: int) -> Any:
    """An `onnx.ModelProto` from decoded images of one size to encoder input, as `prepare` makes it, with the Pillow that is installed.

    Args:
        preprocessing: what to do.
        ir_version: of the model that it is to be joined with.

    Its input `image` is `(B, H, W, C)` uint8, its output `prepared` `(B, C, S, S)` uint8; B, H and W are free.
    """
    import onnx.parser

    size, crop = preprocessing.size, preprocessing.crop
    values = {"size": size, "shorter": int(size / crop) if crop else size, "channels": preprocessing.channels}
    in_torch = preprocessing.resize == TORCH
    passes = _LARGER_LOSS_FIRST if not in_torch and _may_begin_with_height() else _ALONG_FIRST
    parts = {
        **(_TORCH_STEPS if in_torch else _PILLOW_STEPS),
        "ir_version": ir_version,
        "opset": OPSET,
        "radius": _RADIUS[preprocessing.interpolation],
        "window": (_CROPPED if crop else _SQUASHED) % values,
        "passes": passes % values,
        "kernel": _KERNEL[preprocessing.interpolation],
    }
    return onnx.parser.parse_model(_MODEL % (values | parts))


def _may_begin_with_height() -> bool:
    """True if this Pillow begins with the height of a tall image; older ones always begin with the width."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 16), dtype=np.uint8)
    image = Image.fromarray(noise)
    width_first = image.resize((8, 64)).resize((8, 8))
    return image.resize((8, 8)).tobytes() != width_first.tobytes()

"""Number format, processes and device."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.training.config.settings import Settings, any_value, at_least, never, one_of, setting

PRECISIONS = ("auto", "float32", "bfloat16")
COMPILERS = ("none", "inductor", "cudagraphs")
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings(Settings):
    """Number format, processes and device. The first changes a result, the number of streams its last bits; views are the same for any
    number of workers.

    Attributes:
        precision: `auto` takes bfloat16 where the hardware multiplies it faster (CUDA, AMX, AMD's AVX512-BF16), otherwise float32.
        workers: processes that make views; `None` chooses by cores.
        streams: parts of a batch that a CPU computes side by side, each on one thread; `None` takes as many as there are cores, up to 8. A
            run keeps the number that it began with.
        compiler: one of `COMPILERS`: what `torch.compile` has the network made into; another than `none` takes a minute or more before the
            first step, one stream, and changes last bits.
        device: one of `DEVICES`.
        checkpoint_to: folder of an object store, as fsspec names it, that keeps a copy of the checkpoint; a run that continues takes it
            from there if it is further than its folder's.
    """

    precision: str = setting("auto", one_of(*PRECISIONS), flag=("NAME", "auto, float32 or bfloat16."))
    workers: int | None = setting(
        None, at_least(0), flag=("N", "Processes that make views; changes no result."), counts=never
    )
    streams: int | None = setting(
        None,
        at_least(1),
        flag=("N", "Parts of a batch side by side on the CPU, one a core; changes last bits only."),
        counts=never,
    )
    compiler: str = setting(
        "none",
        one_of(*COMPILERS),
        flag=("NAME", "none, inductor or cudagraphs (CUDA only): torch.compile, for long runs on a GPU."),
        counts=lambda of: bool(of["compiler"] != "none"),
    )
    device: str = setting("auto", one_of(*DEVICES), flag=("NAME", "auto, cpu, cuda or mps."), counts=never)
    checkpoint_to: str | None = setting(
        None, any_value, flag=("URL", "Keep a copy of the checkpoint there, e.g. s3://bucket/run."), counts=never
    )

"""``tflprof recover``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tflprof.cli.console import say
from tflprof.cli.guard import guarded
from tflprof.cli.options import Force, ModelPath, Verbose
from tflprof.errors import UsageError

if TYPE_CHECKING:
    from tflprof.recover.distil import Epoch


@guarded
def recover(
    model: ModelPath,
    teacher: Annotated[Path, typer.Option(readable=False, metavar="FILE", help="The original .tflite file.")],
    train: Annotated[
        Path,
        typer.Option(
            readable=False,
            metavar="NPZ",
            help="Samples by the input's name, and their classes as `labels` if known.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the new model goes.")],
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often all samples are gone through.")
    ] = 10,
    temperature: Annotated[float, typer.Option(metavar="T", help="Of the soft targets.")] = 4.0,
    mix: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the soft targets; labels have the rest.")
    ] = 0.7,
    hint: Annotated[
        list[str] | None,
        typer.Option(metavar="A:B", help="Layer B learns the features of the teacher's layer A."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, metavar="N", help="Samples per step.")] = 64,
    rate: Annotated[float, typer.Option(metavar="R", help="Greatest learning rate.")] = 1e-3,
    scheme: Annotated[
        str | None, typer.Option(metavar="TYPE", help="float32, dynamic or int8. Default: as it was.")
    ] = None,
    force: Force = False,
    _verbose: Verbose = False,
) -> None:
    """Fine-tune a compressed model with the original as its teacher. Needs TensorFlow.

    Soft targets, labels and hints are explained in docs/recover.md.
    """
    from tflprof.cli.outputs import check_outputs
    from tflprof.files import write_atomically
    from tflprof.model.read import read_model
    from tflprof.recover.distil import Distillation
    from tflprof.recover.recover import recover as recovered
    from tflprof.recover.samples import read_samples

    for source in (model, teacher, train):
        check_outputs(source, [output], force=force)
    how = Distillation(
        temperature=temperature,
        mix=mix,
        hints=parse_hints(hint or ()),
        epochs=epochs,
        batch=batch,
        rate=rate,
    )
    samples, labels = read_samples(train, read_model(model))
    if labels is None:
        say("the samples have no labels: only the teacher is learnt from")
    done = recovered(model, teacher, samples, labels, how, scheme=scheme, on_epoch=_progress(epochs))
    write_atomically(output, lambda part: part.write_bytes(done.content))
    say(f"{done.scheme} model saved as {output}")


def parse_hints(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``A:B`` texts as pairs of layers. Raises UsageError naming the one that is not."""
    hints = []
    for text in texts:
        # Names of tensors may contain ":", ids never do.
        of, colon, to = text.partition(":")
        if not (colon and of and to):
            raise UsageError(f"--hint {text}: expected TEACHER:STUDENT", "such as --hint 0/8:0/12")
        hints.append((of, to))
    return tuple(hints)


def _progress(epochs: int) -> Any:
    def tell(epoch: Epoch) -> None:
        parts = [f"soft targets {epoch.soft:.4g}"]
        parts += [
            f"{name} {value:.4g}" for name, value in (("labels", epoch.hard), ("hints", epoch.hint)) if value
        ]
        say(f"epoch {epoch.number} of {epochs}: {', '.join(parts)}")

    return tell

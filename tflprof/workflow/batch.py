"""Profile many models: each profile is saved when it was measured, and a second call measures what is missing."""

from __future__ import annotations

import contextlib
import logging
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

from tflprof.analysis.batch import BatchEntry, BatchResult, counted
from tflprof.errors import (
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EnvironmentFault,
    RunnerError,
    RuntimeMissing,
    TargetError,
    TflprofError,
    TransientError,
    UsageError,
)
from tflprof.measure.interrupt import HeldSignals
from tflprof.model.read import read_model
from tflprof.profile.profile import Profile
from tflprof.targets.phone import load_phone
from tflprof.targets.spec import DEFAULT_TARGET, parse_target
from tflprof.workflow.batch_files import Item, find_items
from tflprof.workflow.batch_folder import BatchFolder, Unsaved
from tflprof.workflow.batch_resume import ProfileKeywords, ProfileOptions, stored_profile, wanted_phone
from tflprof.workflow.profile import (
    Interrupted,
    check_cost,
    check_setup,
    check_values,
    input_names,
    profile_model,
)
from tflprof.workflow.progress import OnProgress, Progress

__all__ = ["BatchEntry", "BatchInterrupted", "BatchResult", "profile_models"]

_LOG = logging.getLogger(__name__)
_FAULTS_IN_A_ROW = 3
"""After so many failures of the environment in a row, the next models would fail like them."""
_MOST_NAMES = 10

PathLike = str | os.PathLike[str]
OnEntry = Callable[[BatchEntry, int, int], object]
"""Told of a model that is done, its number from 1, and how many there are."""


class BatchInterrupted(Exception):
    """A batch was cut short by Ctrl-C or SIGTERM.

    Attributes:
        result: what there is so far.
    """

    def __init__(self, result: BatchResult) -> None:
        super().__init__("the batch was cut short")
        self.result = result


def profile_models(
    models: PathLike | Sequence[PathLike],
    folder: PathLike,
    *,
    pages: PathLike | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
    on_entry: OnEntry | None = None,
    **options: Unpack[ProfileKeywords],
) -> BatchResult:
    """Profile many models one after the other, and keep a profile of each in a folder.

    A model that fails does not keep the others from being measured. One whose profile is there already, of the same
    file and measured likewise, is not measured again. What concerns the target, and not the model, ends the batch.
    ``summary.json`` in the folder tells how far it is (docs/batch.md).

    Args:
        models: files, folders (all .tflite files beneath), or patterns such as ``models/**/*.tflite``.
        folder: where the profiles go; it is made.
        pages: where reports go, too; None: there are none.
        force: measure all, and replace whatever is in the profiles' places.
        on_progress: called now and then.
        on_entry: called when a model is done.
        options: the arguments of :func:`tflprof.profile_model`; inputs hold for the models that have them.

    Raises:
        UsageError: nothing was measured: no such model, or an option that no model can be run with.
        TargetError: nothing was measured: there is no such target.
        EnvironmentFault: nothing was measured: the folder cannot be written.
        BatchInterrupted: cut short by Ctrl-C or SIGTERM; it has the result so far.
    """
    wanted = ProfileOptions(**{"target": DEFAULT_TARGET, **options})  # type: ignore[arg-type]
    _check_options(wanted)
    items = find_items([models] if isinstance(models, str | os.PathLike) else models)
    _check_inputs(items, wanted)
    files = BatchFolder(Path(folder), None if pages is None else Path(pages))
    files.check(force=force)
    batch = _Batch(items, wanted, files, force=force)
    batch.tell, batch.tell_entry = on_progress or _ignore, on_entry or _ignore_entry
    with HeldSignals(holding=False) as signals:
        return batch.run(signals)


def _check_options(wanted: ProfileOptions) -> None:
    """Raise UsageError, or TargetError if there is no such target, for what would be the fault of every model."""
    check_setup(wanted.target, wanted.setup)
    check_cost(wanted.target, wanted.cost, wanted.anchors)
    check_values(wanted.request())
    wanted.plan()
    target = parse_target(wanted.target)
    if target.kind == "emulated":
        load_phone(target.detail or "")


def _check_inputs(items: Sequence[Item], wanted: ProfileOptions) -> None:
    """Raise UsageError for an input that no model has: it is misspelt."""
    given = {*(wanted.inputs or {}), *(wanted.input_shapes or {})}
    if not given:
        return
    known: set[str] = set()
    for item in items:
        # What is wrong with a model is said when it is its turn.
        with contextlib.suppress(TflprofError):
            known.update(input_names(read_model(item.model), wanted.signature))
    unknown = sorted(given - known)
    if unknown and known:
        named = [repr(name) for name in sorted(known)]
        more = f" and {len(named) - _MOST_NAMES} more" if len(named) > _MOST_NAMES else ""
        raise UsageError(
            f"none of the models has an input {unknown[0]!r}",
            f"they have {', '.join(named[:_MOST_NAMES])}{more}",
        )


class _Batch:
    """A batch at work."""

    def __init__(
        self, items: Sequence[Item], wanted: ProfileOptions, files: BatchFolder, *, force: bool
    ) -> None:
        self.items = items
        self.wanted = wanted
        self.files = files
        self.force = force
        self.entries = [BatchEntry(str(item.model), "not begun") for item in items]
        self.faults = 0
        self.tell: OnProgress = _ignore
        self.tell_entry: OnEntry = _ignore_entry

    @cached_property
    def phone(self) -> str | None:
        """Asked for once: adb takes its time."""
        return wanted_phone(self.wanted.target)

    def run(self, signals: HeldSignals) -> BatchResult:
        """Every model in turn. Raises BatchInterrupted, and EnvironmentFault before the first."""
        self.files.write_summary(self._result(finished=False))
        for number in range(len(self.items)):
            ended = self._entry(number, signals)
            self._told(number)
            if signals.received and ended is None:
                ended = KeyboardInterrupt()
            last = number + 1 == len(self.items)
            # What would be the error of all models to come is none of the batch if there are none to come.
            if ended is not None and not (last and isinstance(ended, TflprofError)):
                return self._end(ended)
            try:
                self.files.write_summary(self._result(finished=last))
            except EnvironmentFault as error:
                return self._end(error)
        return self._result(finished=True)

    def _entry(self, number: int, signals: HeldSignals) -> BaseException | None:
        """Do a model and keep what became of it; what ends the batch, None if it goes on."""
        item = self.items[number]
        error: BaseException | None
        try:
            signals.holding = False
            if signals.received:
                return KeyboardInterrupt()
            self.entries[number], error = self._attempt(number, signals)
        except Unsaved as unsaved:
            entry = _failed(item, error := unsaved.error)
            where = f"its profile is {unsaved.place}" if unsaved.place else "its profile is lost"
            self.entries[number] = replace(entry, error=f"{entry.error}; {where}")
            return error
        except KeyboardInterrupt as stop:
            self.entries[number] = BatchEntry(str(item.model), "interrupted", exit_code=EXIT_INTERRUPTED)
            return stop
        except Exception as fault:  # noqa: BLE001 - the other models are to be measured all the same
            self.entries[number], error = _failed(item, fault), fault
            if not isinstance(fault, TflprofError):
                _LOG.info("%s", "".join(traceback.format_exception(fault)))
        finally:
            signals.holding = True
        return self._ends(error)

    def _attempt(self, number: int, signals: HeldSignals) -> tuple[BatchEntry, BaseException | None]:
        """The entry of a model that has or gets its profile, and what cut it short. Raises what went wrong."""
        item = self.items[number]
        self.files.make_room(item)
        model = read_model(item.model)
        keywords = self.wanted.keywords_for(model)
        there, reason = None, None
        place = self.files.profile(item)
        if not self.force and place.exists():
            there, reason = stored_profile(place, model, keywords, self.phone)
        if there is not None:
            signals.holding = True
            return self.files.entry(item, "up to date", there), None
        profile, cause = self._measure(number, keywords, signals)
        signals.holding = True
        self.files.save(profile, item)
        if profile.meta.schedule.complete:
            return replace(self.files.entry(item, "measured", profile), reason=reason), cause
        why = _failed(item, cause) if cause is not None else BatchEntry(str(item.model), "partial")
        kept = self.files.entry(item, "partial", profile)
        return replace(kept, reason=reason, error=why.error, hint=why.hint, exit_code=why.exit_code), cause

    def _measure(
        self, number: int, keywords: dict[str, Any], signals: HeldSignals
    ) -> tuple[Profile, BaseException | None]:
        model = self.items[number].model
        before = f"{number + 1}/{len(self.items)} {model.name}"

        def tell(progress: Progress) -> None:
            # Told last, before the workflow lets go of the signals.
            signals.holding |= progress.stage == "attributing"
            self.tell(replace(progress, detail=f"{before}: {progress.detail}"))

        try:
            return profile_model(model, **keywords, on_progress=tell), None
        except Interrupted as stop:
            return stop.profile, stop.cause

    def _ends(self, error: BaseException | None) -> BaseException | None:
        """The error again if it would be that of all models to come."""
        if isinstance(error, KeyboardInterrupt):
            return error
        # The runner ends with the model it cannot run.
        about_target = isinstance(error, EnvironmentFault) and not isinstance(error, RunnerError)
        self.faults = self.faults + 1 if about_target else 0
        lasting = isinstance(error, TargetError | RuntimeMissing) and not isinstance(error, TransientError)
        return error if lasting or self.faults >= _FAULTS_IN_A_ROW else None

    def _told(self, number: int) -> None:
        # Who listens may be gone: no reason to lose what is to be measured.
        with contextlib.suppress(OSError):
            self.tell_entry(self.entries[number], number + 1, len(self.items))

    def _end(self, error: BaseException) -> BatchResult:
        """The result of a batch that ended before its last model, or could not be saved. Raises BatchInterrupted."""
        result = replace(self._result(finished=False), stopped="interrupted", stop_code=EXIT_INTERRUPTED)
        if isinstance(error, TflprofError):
            left = sum(entry.status == "not begun" for entry in self.entries)
            what = f"{error.what}; {counted(left)} not begun" if left else error.what
            result = replace(result, stopped=what, hint=error.hint, stop_code=error.exit_code)
        with contextlib.suppress(EnvironmentFault):
            self.files.write_summary(result)
        if not isinstance(error, TflprofError):
            raise BatchInterrupted(result)
        return result

    def _result(self, *, finished: bool) -> BatchResult:
        return BatchResult(tuple(self.entries), str(self.files.folder), finished)


def _failed(item: Item, error: BaseException) -> BatchEntry:
    if isinstance(error, TflprofError):
        what, hint, code = error.what, error.hint, error.exit_code
    elif isinstance(error, KeyboardInterrupt):
        what, hint, code = "interrupted", None, EXIT_INTERRUPTED
    else:
        what, hint, code = f"internal error: {type(error).__name__}: {error}", None, EXIT_INTERNAL
    return BatchEntry(str(item.model), "failed", error=what, hint=hint, exit_code=code)


def _ignore(_: Progress) -> None:
    """Progress nobody asked for."""


def _ignore_entry(_entry: BatchEntry, _number: int, _of: int) -> None:
    """An entry nobody asked for."""

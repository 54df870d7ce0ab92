"""A runner that looks after its models: files that change, and what a runtime does not take in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tflprof.errors import RunnerError
from tflprof.model.graph import Model
from tflprof.model.refused import refused_model
from tflprof.model.storage import check_stamps
from tflprof.runner.interface import Runner, RunRequest, Session
from tflprof.runner.records import Block, Record
from tflprof.targets.cost_table import CoreCosts
from tflprof.workflow.refused_request import refused_request


class WatchedRunner:
    """Another runner, whose sessions end with a ModelError as soon as a file of the models changes.

    What a session gave before was measured while the files were what they had been when they were read:
    two models shall not mix in a profile. A ModelError also takes the place of the failure of a runtime
    that refuses a model, if the model tells why.

    Args:
        runner: does the work; it is closed with this one.
        models: what is run, as it was read.
    """

    def __init__(self, runner: Runner, models: Sequence[Model]) -> None:
        self.facts = runner.facts
        self.provenance = runner.provenance
        self.source = runner.source
        self.counters = runner.counters
        self.runtime = runner.runtime
        self.build = runner.build
        self.deterministic = runner.deterministic
        self.cost = runner.cost
        self._runner = runner
        self._models = models
        self._stamps = tuple(stamp for model in models for stamp in model.files)

    def cpus_for(self, core: str | None, threads: int) -> tuple[int, ...] | None:
        """As the runner itself."""
        return self._runner.cpus_for(core, threads)

    def costs(self, cpus: tuple[int, ...] | None) -> CoreCosts | None:
        """As the runner itself."""
        return self._runner.costs(cpus)

    def start(self, request: RunRequest) -> Session:
        """Begin a session. Raises ModelError if a file has changed, else what the runner raises."""
        check_stamps(self._stamps)
        return _WatchedSession(
            self._runner.start(request), self.check, lambda error: self._refuse(request, error)
        )

    def check(self) -> None:
        """Raise ModelError if a file has changed."""
        check_stamps(self._stamps)

    def _refuse(self, request: RunRequest, failure: RunnerError) -> None:
        """Raise what tells which part of a model, or of what was asked for, the runtime does not take."""
        for model in self._models:
            if error := refused_model(model, request.signature, failure.stage):
                raise error
        if mistake := refused_request(request, failure):
            raise mistake

    def conditions(self) -> Mapping[str, object]:
        """As the runner itself."""
        return self._runner.conditions()

    def recover(self) -> None:
        """As the runner itself."""
        self._runner.recover()

    def close(self) -> None:
        """Close the runner."""
        self._runner.close()


class _WatchedSession:
    """A session after each of whose blocks the files are looked at."""

    def __init__(
        self, session: Session, check: Callable[[], None], refuse: Callable[[RunnerError], None]
    ) -> None:
        self._session = session
        self._check = check
        self._refuse = refuse

    def records(self) -> Iterator[Record]:
        """The session's records as long as the files are what they were."""
        has_run = False
        try:
            for record in self._session.records():
                if isinstance(record, Block):
                    has_run = True
                    self._check()
                yield record
        except RunnerError as error:
            # A runner that fails as its file is overwritten, or with a model it cannot take, has no fault.
            self._check()
            if not has_run:
                self._refuse(error)
            raise
        self._check()

    def stop(self) -> None:
        """Ask the session to end soon."""
        self._session.stop()

    def close(self) -> None:
        """End the session."""
        self._session.close()

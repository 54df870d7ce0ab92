"""Making the changes of a plan, method by method, in a fixed order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tflprof.compress.interface import Change, Method, Subject
from tflprof.compress.methods import ORDER, unknown_method
from tflprof.errors import ModelError, TflprofError
from tflprof.model.edit import ModelEditor
from tflprof.model.read import open_model

if TYPE_CHECKING:
    from tflprof.model.edit_view import Ids


class Applied:
    """A model with changes made.

    Attributes:
        content: the .tflite file.
        ids: per subgraph the ids of its operators, in file order: those of the original that they are or replace.
    """

    def __init__(self, content: bytes, ids: Ids) -> None:
        self.content = content
        self.ids = ids

    def original(self, op_id: str) -> str:
        """The id of the original's operator that one of the new file is, or replaces: ``0/13`` → ``0/12``."""
        subgraph, _, index = op_id.partition("/")
        return self.ids[int(subgraph)][int(index)].partition(".")[0]


def apply_changes(subject: Subject, changes: Sequence[Change], methods: Mapping[str, Method]) -> Applied:
    """Make changes, whatever their order, in that of :data:`tflprof.compress.methods.ORDER`.

    After each method the file is read again, as any other is, so that no fault passes on unseen.

    Raises:
        UsageError: a change of a method that there is not.
        ModelError: the model has parts that cannot be kept, or a method made of it what is no sound model.
    """
    for change in changes:
        if change.method not in methods:
            raise unknown_method(change.method)
    editor = ModelEditor.open(subject.model.path)
    todo = [(name, own) for name in ORDER if (own := [one for one in changes if one.method == name])]
    if not todo:
        return Applied(editor.to_bytes(), editor.ids)
    for name, own in todo:
        editor = methods[name].apply(editor, own, subject) or editor
        editor.prune_unused()
        content = editor.to_bytes()
        is_last = name == todo[-1][0]
        with _unsound(name):
            if is_last:
                open_model(content)
            else:
                editor = ModelEditor.open(content, editor.ids)
    return Applied(content, editor.ids)


@contextlib.contextmanager
def _unsound(method: str) -> Iterator[None]:
    """Whatever is wrong with a file is what the method made of it."""
    try:
        yield
    except TflprofError as error:
        raise ModelError(
            f"what {method} made of the model is not sound: {error.what}",
            "leave the method out with --methods, and please report it",
        ) from error

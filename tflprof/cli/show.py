"""``tflprof show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tflprof.cli.console import print_document, result_console
from tflprof.cli.guard import guarded
from tflprof.cli.options import InOrder, Json, ProfilePath, Top, Verbose

if TYPE_CHECKING:
    from tflprof.profile.profile import Profile


@guarded
def show(
    profile: ProfilePath,
    top: Top = None,
    in_order: InOrder = False,
    json: Json = False,
    _verbose: Verbose = False,
) -> None:
    """Show a profile: total, layers, operators, trust."""
    from tflprof.profile.store import read_profile

    present(read_profile(profile), top=top, in_order=in_order, json=json)


def present(profile: Profile, *, top: int | None, in_order: bool, json: bool) -> None:
    """Print a profile on standard output, as a table or as JSON."""
    if json:
        from tflprof.report.document import profile_document

        print_document(profile_document(profile))
        return
    from tflprof.report.terminal import print_profile

    print_profile(profile, result_console(), top=top, in_order=in_order)

"""Resource variables: what a model remembers between inferences, filled once by a subgraph of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tflprof.model.build.layers import Network, Value


class Variables:
    """The variables of a network, filled by CALL_ONCE, which becomes its next operator.

    Args:
        net: the network whose main subgraph reads and assigns them.
        name: of the subgraph that fills them.
    """

    def __init__(self, net: Network, name: str = "init") -> None:
        self._net = net
        self._init = net.branch(name)
        net.connect("CALL_ONCE", [], [], {"init_subgraph_index": self._init.graph.index})

    def read(self, name: str, initial: npt.NDArray[np.generic], like: Value) -> tuple[int, Value]:
        """A new variable and its value at this point.

        Args:
            name: of the variable.
            initial: stored values before the first inference.
            like: has the type and range of the values.

        Returns:
            The handle for :meth:`assign`, and the value read.
        """
        first = self._handle(self._init, name)
        constant = self._init.graph.constant(f"{name}/initial", initial, like.quantisation)
        self._init.connect("ASSIGN_VARIABLE", [first, constant], [])
        handle = self._handle(self._net, name)
        value = self._net.apply("READ_VARIABLE", [handle], f"{name}/value", initial.shape, like=like)
        return handle, value

    def assign(self, handle: int, value: Value) -> None:
        """Store ``value`` for the next inference."""
        self._net.connect("ASSIGN_VARIABLE", [handle, value], [])

    def _handle(self, net: Network, name: str) -> int:
        handle = net.graph.tensor(f"{name}/handle_{net.graph.index}", (), "resource")
        net.connect("VAR_HANDLE", [], [handle], {"container": "", "shared_name": name})
        return handle

"""Which rows go into which chain, and how much of memory a chain must touch to be like a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tflprof.model.build.row_kinds import unbuildable
from tflprof.model.build.rows import chain_model
from tflprof.model.configs import layer_configs
from tflprof.model.read import read_model
from tflprof.op_config import OpConfig, TensorConfig
from tflprof.op_memory import activation_bytes, network_bytes, read_bytes, touched_bytes
from tflprof.targets.phone import load_phone
from tflprof.targets.spec import parse_target

ROWS_PER_CHAIN = 32
MOST_BYTES = 200 << 20
"""Of weights in one chain."""

_USUAL_CACHE = 4 << 20
_MARGIN = 1.25
USUAL_LAYERS = 60
"""Of a network."""

_ALIKE = 0.9
"""Of a network's bytes: a chain that touches as many is like it."""


@dataclass(frozen=True)
class Job:
    """One chain to be measured.

    Attributes:
        configs: its rows in order.
        flush_bytes: of weights that are read before them.
        network: numbers of rows in the places that they take in their network, between its other layers; none: the
            rows follow each other.
    """

    configs: tuple[OpConfig, ...]
    flush_bytes: int
    network: tuple[int | OpConfig, ...] = ()

    @property
    def layers(self) -> tuple[OpConfig, ...]:
        """All layers in order."""
        places = self.network or range(len(self.configs))
        return tuple(self.configs[one] if isinstance(one, int) else one for one in places)

    def row_of(self, layer: int) -> OpConfig | None:
        """Which row a layer is; None: it is there for the others' sake."""
        place = self.network[layer] if self.network else layer
        return self.configs[place] if isinstance(place, int) else None


def plan_jobs(
    configs: Sequence[OpConfig],
    cache_bytes: int,
    beside: Sequence[OpConfig] = (),
    kernels: str = "xnnpack",
    *,
    timed: bool = False,
) -> list[Job]:
    """Chains for rows: like networks, large images first, and within a size small weights first.

    Where time is measured caches are shared, and chains that touch as many bytes as their network were cheaper than
    it: presumably others leave less in them the longer an inference takes. So rows stand in their network there.

    Args:
        configs: that are to be measured.
        cache_bytes: of the device's last cache.
        beside: all layers of the network that they are for, as often as they are in it: what an inference of it
            touches decides what is left of their weights in which cache. None: one of some such rows.
        kernels: of the runtime.
        timed: whether time is measured.
    """
    wanted = network_bytes(beside) if beside else _usual_bytes(configs)
    network = [config for config in beside if timed and wanted < MOST_BYTES and unbuildable(config) is None]
    # What the network itself has is measured at once, however much it is.
    keys = {config.key for config in network}
    own = tuple(config for config in configs if config.key in keys)
    others = _chunks(_ordered([config for config in configs if config.key not in keys], kernels))
    jobs = []
    for chain in [*filter(None, [own]), *others]:
        flush = _lacking(chain, wanted) if wanted < cache_bytes else _flush(chain, cache_bytes)
        placed = chain == own or _is_company(chain, network)
        jobs.append(Job(chain, flush, _places(chain, network) if placed else ()))
    return jobs


def _is_company(chain: Sequence[OpConfig], network: Sequence[OpConfig]) -> bool:
    """Whether a network is of the type of a chain's rows; of another, it would be another network with them."""
    alike = sum(_data(config).dtype == _data(chain[0]).dtype for config in network)
    return alike > len(network) / 2


def _places(rows: Sequence[OpConfig], network: Sequence[OpConfig]) -> tuple[int | OpConfig, ...]:
    """A network in which each row, by its number, has the place of the layer most like it."""
    places: list[int | OpConfig] = list(network)
    for number, row in enumerate(rows):
        layers = [(at, layer) for at, layer in enumerate(places) if not isinstance(layer, int)]
        alike = [(_distance(row, layer), at) for at, layer in layers if layer.op == row.op]
        if alike:
            places[min(alike)[1]] = number
        else:
            smaller = (at for at, layer in layers if _pixels(layer) < _pixels(row))
            places.insert(next(smaller, len(places)), number)
    return tuple(places)


def _distance(row: OpConfig, layer: OpConfig) -> float:
    """How little a layer is like a row: 0 if it is the same."""
    if row.key == layer.key:
        return 0.0
    sizes = [(1 + _pixels(row), 1 + _pixels(layer)), (1 + read_bytes(row), 1 + read_bytes(layer))]
    return 1 + sum(abs(math.log(ours / theirs)) for ours, theirs in sizes)


def _usual_bytes(rows: Sequence[OpConfig]) -> float:
    """What an inference of a network made of some of these rows touches."""
    share = min(1.0, USUAL_LAYERS / max(len(rows), 1))
    return sum(map(read_bytes, rows)) * share + max(map(activation_bytes, rows), default=0)


def _lacking(chain: Sequence[OpConfig], wanted: float) -> int:
    """What a chain touches less than its network, if it is worth mentioning."""
    own = network_bytes(chain)
    return int(wanted - own) if own < _ALIKE * wanted else 0


def _flush(chain: Sequence[OpConfig], cache_bytes: int) -> int:
    """What takes all of a chain out of the caches between inferences, where it does not do so itself."""
    wanted = int(_MARGIN * cache_bytes)
    return wanted if sum(map(touched_bytes, chain)) < wanted else 0


def _ordered(configs: Sequence[OpConfig], kernels: str) -> list[OpConfig]:
    """One data type after the other, the delegate's before the runtime's own, so that chains have few parts."""
    if not configs:
        return []
    chain = chain_model(configs)
    delegated = {
        chain.rows[layer.id]: layer.delegated
        for layer in layer_configs(read_model(chain.content), kernels)
        if layer.id in chain.rows
    }
    numbers = sorted(
        range(len(configs)),
        key=lambda n: (
            _data(configs[n]).dtype,
            not delegated.get(n, True),
            -_pixels(configs[n]),
            read_bytes(configs[n]),
            n,
        ),
    )
    return [configs[number] for number in numbers]


def _data(config: OpConfig) -> TensorConfig:
    computed = [tensor for tensor in config.inputs if tensor.role == "computed"]
    return max(computed, key=lambda tensor: math.prod(tensor.shape))


def _pixels(config: OpConfig) -> int:
    shape = _data(config).shape
    return math.prod(shape[1:3]) if len(shape) == 4 else 0


def _chunks(configs: Sequence[OpConfig]) -> list[tuple[OpConfig, ...]]:
    """Chains of one data type, about equally long."""
    found: list[tuple[OpConfig, ...]] = []
    kinds = dict.fromkeys(_data(config).dtype for config in configs)
    for kind in kinds:
        rows = [config for config in configs if _data(config).dtype == kind]
        count = math.ceil(len(rows) / ROWS_PER_CHAIN)
        size = math.ceil(len(rows) / count)
        part: list[OpConfig] = []
        for row in rows:
            if part and (len(part) == size or sum(map(read_bytes, part)) + read_bytes(row) > MOST_BYTES):
                found.append(tuple(part))
                part = []
            part.append(row)
        found.append(tuple(part))
    return found


def last_cache_bytes(target: str, core: str | None = None) -> int:
    """Size of a target's last cache; a usual one where it is not known."""
    spec = parse_target(target)
    if spec.kind == "emulated":
        phone = load_phone(spec.detail or "")
        cluster = phone.clusters[0 if core == "little" else -1]
        return (phone.l3_kib or cluster.l2_kib) << 10
    if spec.kind in ("host", "interpreter"):
        return _host_cache()
    return _USUAL_CACHE


def _host_cache() -> int:
    sizes = []
    for place in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = place.read_text().strip()
        if text.endswith("K") and text[:-1].isdigit():
            sizes.append(int(text[:-1]) << 10)
    return max(sizes, default=_USUAL_CACHE)

"""Which rows of a latency table are measured in one chain, and what comes before them."""

from __future__ import annotations

from tests.latency_tables import conv, depthwise
from tests.unit.workflow.table_devices import MANY
from tflprof.op_memory import network_bytes, touched_bytes
from tflprof.workflow.table_jobs import ROWS_PER_CHAIN, last_cache_bytes, plan_jobs


def test_chains_go_from_large_images_to_small_ones() -> None:
    jobs = plan_jobs(MANY, cache_bytes=1 << 30)
    assert [len(job.configs) for job in jobs] == [30, 30]
    assert all(len(job.configs) <= ROWS_PER_CHAIN for job in jobs)
    sizes = [config.inputs[0].shape[1] for job in jobs for config in job.configs]
    assert sizes == sorted(sizes, reverse=True)


def test_of_a_network_beyond_the_cache_nothing_is_left_in_it() -> None:
    few = MANY[:3]
    size = int(sum(map(touched_bytes, few)))
    assert plan_jobs(few, cache_bytes=2 * size)[0].flush_bytes == 0
    assert network_bytes([*MANY, *few]) > 2 * size
    beside = plan_jobs(few, cache_bytes=2 * size, beside=[*MANY, *few])[0]
    assert beside.flush_bytes == int(2.5 * size)
    assert plan_jobs(few, cache_bytes=size // 2)[0].flush_bytes == 0


def test_a_chain_touches_as_much_as_a_network_that_stays_in_the_cache() -> None:
    few = MANY[:3]
    twice = [*MANY, *MANY]
    (job,) = plan_jobs(few, cache_bytes=int(network_bytes(twice)) + 1, beside=twice)
    assert job.flush_bytes == network_bytes(twice) - network_bytes(few)
    (job,) = plan_jobs(MANY[:20], cache_bytes=1 << 30, beside=MANY[:21])
    assert job.flush_bytes == 0


def test_many_rows_are_what_networks_are_made_of() -> None:
    many = [conv(inputs=inputs) for inputs in range(100, 300)]
    size = network_bytes(many)
    # All of them touch more than the cache has, and a network of some does not.
    assert sum(map(touched_bytes, many)) > size
    assert max(job.flush_bytes for job in plan_jobs(many, cache_bytes=size)) < size // 2


def test_rows_of_other_types_stand_in_other_chains() -> None:
    jobs = plan_jobs([conv(), conv(dtype="int8"), depthwise()], cache_bytes=1 << 30)
    assert [len(job.configs) for job in jobs] == [2, 1]


def test_last_caches() -> None:
    assert last_cache_bytes("emulated:pixel2") == 2 << 20
    assert last_cache_bytes("emulated:pixel2", "little") == 1 << 20
    assert last_cache_bytes("host") >= 1 << 18
    assert last_cache_bytes("adb") == 4 << 20


def test_measured_rows_take_the_place_of_the_networks_layers_most_like_them() -> None:
    network = [conv(inputs=8), depthwise(), conv(inputs=16), conv(inputs=8), conv(inputs=64)]
    pruned, own = conv(inputs=56), conv(inputs=8)
    of_network, others = plan_jobs([pruned, own], cache_bytes=1 << 30, beside=network, timed=True)
    assert of_network.network == (0, network[1], network[2], network[3], network[4])
    assert of_network.layers == tuple(network)
    assert others.layers == (*network[:4], pruned)
    assert [others.row_of(layer) for layer in range(5)] == [None, None, None, None, pruned]


def test_rows_unlike_any_layer_stand_between_larger_and_smaller_images() -> None:
    network = [conv(size=size) for size in (32, 16, 8)]
    (job,) = plan_jobs([depthwise(size=16)], cache_bytes=1 << 30, beside=network, timed=True)
    assert job.layers == (*network[:2], depthwise(size=16), network[2])


def test_rows_of_another_type_than_their_network_have_a_chain_of_their_own() -> None:
    (job,) = plan_jobs([conv(dtype="int8")], cache_bytes=1 << 30, beside=[conv(), depthwise()], timed=True)
    assert (job.network, job.layers) == ((), (conv(dtype="int8"),))
    assert job.row_of(0) == conv(dtype="int8")


def test_a_networks_own_rows_are_measured_in_it_whatever_its_types() -> None:
    network = [conv(), conv(dtype="int8"), depthwise(dtype="int8"), depthwise()]
    (job,) = plan_jobs(network[::-1], cache_bytes=1 << 30, beside=network, timed=True)
    assert job.layers == tuple(network)
    assert [job.row_of(layer) for layer in range(4)] == network


def test_where_counts_are_exact_rows_follow_each_other() -> None:
    (job,) = plan_jobs([conv()], cache_bytes=1 << 30, beside=[conv(), depthwise()])
    assert job.layers == (conv(),)

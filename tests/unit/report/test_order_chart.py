from __future__ import annotations

from dataclasses import replace

import pytest

from tests.comparisons import make_comparison
from tflprof.analysis.comparison import Comparison
from tflprof.report.compare_page import render_comparison
from tflprof.report.order_chart import OrderChart, make_order_chart


def with_interval(half: float) -> tuple[Comparison, OrderChart]:
    """A comparison whose largest difference has an interval of so many times itself to either side."""
    base = make_comparison(12)
    rows = list(base.layers)
    place = max(range(len(rows)), key=lambda i: abs(rows[i].difference or 0.0))
    middle = rows[place].difference or 0.0
    reach = half * abs(middle)
    rows[place] = replace(rows[place], lo=middle - reach, hi=middle + reach)
    comparison = replace(base, layers=tuple(rows))
    chart = make_order_chart(comparison)
    assert chart is not None
    return comparison, chart


@pytest.mark.parametrize("half", [0.01, 0.5, 1.5, 2.5])
def test_the_axis_covers_the_intervals(half: float) -> None:
    _, chart = with_interval(half)
    whiskers = [bar.whisker for bar in chart.bars if bar.whisker]
    assert whiskers
    assert all(0 < high <= low < 100 for high, low in whiskers)
    assert not any(bar.beyond for bar in chart.bars)


def test_an_interval_far_beyond_all_bars_ends_in_an_arrow() -> None:
    comparison, chart = with_interval(100)
    (cut,) = [bar for bar in chart.bars if bar.beyond]
    assert cut.beyond == (0.0, 100.0)
    assert cut.whisker == (0.0, 100.0)
    assert cut.height > 10
    assert render_comparison(comparison).count('class="whisker beyond"') == 2

"""The fault table from pytest's results."""

from __future__ import annotations

from benchmarks.faults import ROOT, TESTS, read_rows, render

RESULTS = f"""<testsuites><testsuite>
<testcase classname="tests.integration.test_phone_state_faults" name="test_last"><properties>
  <property name="fault" value="a | b"/><property name="done" value="x"/><property name="status" value="3"/>
  <property name="said" value="{ROOT}/out is gone"/><property name="kept" value="all"/>
</properties></testcase>
<testcase classname="tests.integration.test_phone_device_faults" name="test_first"><failure>no</failure></testcase>
<testcase classname="tests.integration.test_phone_device_faults" name="test_second"><properties>
  <property name="fault" value="c"/></properties><error>no</error></testcase>
</testsuite></testsuites>"""


def test_rows_come_in_the_order_of_the_files() -> None:
    assert [row[0] for row in read_rows(RESULTS)] == ["test_first", "c", "a | b"]


def test_what_failed_is_red_whatever_it_said() -> None:
    assert [row[-2:] for row in read_rows(RESULTS)] == [("?", "RED"), ("?", "RED"), ("yes", "green")]


def test_the_table_names_no_place_and_survives_markdown() -> None:
    text = render(read_rows(RESULTS))
    assert "| a \\| b | x | 3 | out is gone | all | yes | green |" in text
    assert "**1 of 3 green.**" in text
    assert str(ROOT) not in text


def test_there_are_tests_to_tell_of() -> None:
    assert len(TESTS) >= 4

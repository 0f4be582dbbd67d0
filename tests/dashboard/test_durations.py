"""The chart of durations and the sparkline: given runs, then their bars."""

from jeeves_runner.dashboard.durations import HEIGHT, STEP, durations
from jeeves_runner.dashboard.spark import spark
from jeeves_runner.db.run_history import PastRun

AT = "2026-03-01T12:00:00.000Z"


def runs(*each: tuple[str, int | None]) -> list[PastRun]:
    return [PastRun(number, status, ms, AT) for number, (status, ms) in enumerate(each, 1)]


def test_each_run_that_took_time_has_a_bar() -> None:
    chart = durations(runs(("ok", 1000), ("skipped", None), ("error", 500), ("running", None), ("ok", 2000)))
    assert [(bar.run.id, bar.tone, bar.height) for bar in chart.bars] == [
        (1, "ok", 50.0),
        (3, "bad", 25.0),
        (5, "ok", 100.0),
    ]
    assert chart.bars[-1].x + STEP == chart.width
    assert (chart.wrong, chart.longest) == (1, 2000)


def test_lines_are_of_runs_that_were_ok() -> None:
    chart = durations(runs(("ok", 100), ("ok", 200), ("ok", 300), ("timeout", 400)))
    assert [(line.name, line.ms) for line in chart.lines] == [("median", 200), ("95 of 100 within", 290)]
    assert chart.lines[0].y == HEIGHT * 0.5
    assert durations(runs(("ok", 100), ("error", 1))).lines == []


def test_one_that_hung_does_not_make_the_others_flat() -> None:
    chart = durations(runs(*[("ok", 100)] * 5, ("timeout", 3_600_000)))
    assert [(bar.height, bar.is_cut) for bar in chart.bars[-2:]] == [(33.3, False), (100.0, True)]
    assert chart.longest == 3_600_000


def test_nothing_and_no_time_at_all_are_drawn() -> None:
    assert durations([]).bars == []
    assert [bar.height for bar in durations(runs(("ok", 0), ("ok", 0))).bars] == [1.5, 1.5]
    assert spark([]) == '<span class="none">–</span>'


def test_a_sparkline_says_in_words_what_it_shows() -> None:
    drawn = spark(runs(("ok", 400), ("ok", 100), ("timeout", 400), ("skipped", None)))
    assert "<title>Last 4: 2 ok, 1 timeout, 1 skipped</title>" in drawn
    assert '<path class="ok" d="M106 17v-16M110 17v-8"/>' in drawn
    assert '<path class="bad" d="M114 17v-16M114 18v2"/>' in drawn
    assert '<path class="quiet" d="M118 17v-3"/>' in drawn


def test_one_that_hung_leaves_the_sparkline_readable() -> None:
    drawn = spark(runs(*[("ok", 100)] * 3, ("timeout", 3_600_000)))
    assert '<path class="ok" d="M106 17v-5M110 17v-5M114 17v-5"/>' in drawn
    assert '<path class="bad" d="M118 17v-16M118 18v2"/>' in drawn

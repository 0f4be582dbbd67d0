"""The pages of state: namespaces with their jobs, keys, values and items, whatever is in them."""

import html
import json
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.db import namespaces
from jeeves_runner.db.lineage import Writer
from jeeves_runner.db.state import set_item, set_value

HOSTILE = "</pre><script>alert(1)</script>\u202egnp.exe\x1b[31m"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def shown(ledger: Ledger, *paths: str) -> list[Page]:
    """The pages at these paths."""

    async def scenario(api: Api) -> list[Page]:
        return [await page(api, path) for path in paths]

    return with_api(ledger, scenario)


def link(found: Page, rel: str) -> str:
    """Where the link of this relation leads."""
    return html.unescape(found.html.partition(f'rel="{rel}" href="')[2].partition('"')[0])


def test_there_is_no_state_yet(ledger: Ledger) -> None:
    [found] = shown(ledger, "/state")
    assert "No script keeps state yet." in found.text


def test_a_namespace_stands_with_its_job_and_how_much_it_has(ledger: Ledger) -> None:
    ledger.add_job("backup")
    ledger.add_job("gone")
    ledger.delete_job("gone")
    ledger.add_job("new-name")
    ledger.add_job("was")
    with ledger.tx() as tx:
        namespaces.carry(tx, "was", "new-name")
        for name in ("backup", "gone", "loose", "was"):
            set_value(tx, name, "one", '"12345678"')
        set_item(tx, "backup", "two", "item", "1")
        for number in range(101):
            set_value(tx, "many", f"{number}", "1")
    [found] = shown(ledger, "/state")
    assert "backup backup 2 10 B" in found.text
    assert "gone gone deleted 1 10 B" in found.text
    assert "loose no job of this name 1 10 B" in found.text
    assert "was new-name 1 10 B" in found.text
    assert "many no job of this name 100 + over 100 B" in found.text


def test_each_key_says_who_wrote_it_and_when_it_is_gone(ledger: Ledger) -> None:
    ledger.add_job("backup")
    run = ledger.add_run("backup")
    with ledger.tx() as tx:
        set_value(tx, "backup", "cursor", "1937", writer=Writer(run, ledger.revision, 0))
        set_value(tx, "backup", "lock", '"ada"', ttl_ms=10 * 365 * 86_400_000)
        set_item(tx, "backup", "seen", "a", "1")
        set_item(tx, "backup", "seen", "b", "1")
    [found] = shown(ledger, "/state/backup")
    now = f"{ledger.now:%Y-%m-%d %H:%M:%S} UTC"
    assert f"cursor 1937 4 B 0 {now} by #{run} of backup never" in found.text
    assert f'lock "ada" 5 B 0 {now} 2036-02-27 12:00:00 UTC' in found.text
    assert "seen items only – 2 – –" in found.text
    assert f'href="/runs/{run}"' in found.html


def test_keys_are_found_by_how_they_begin_and_stand_on_pages(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        for number in range(101):
            set_value(tx, "many", f"key-{number:03}", "1")
            set_item(tx, "many", f"only-{number:03}", "item", "1")
        set_item(tx, "many", "only", "item", "1")
    [first, found, none] = shown(
        ledger, "/state/many", "/state/many?prefix=only", "/state/many?prefix=%F4%8F%BF%BF"
    )
    assert "key-099" in first.text
    assert "key-100" not in first.text
    assert "only items only – 1 – – only-000" in found.text
    assert "No key begins like this." in none.text
    [rest] = shown(ledger, link(found, "next"))
    assert "only-099" in rest.text
    assert "key-" not in rest.text


def test_a_key_shows_its_value_and_its_items_newest_first(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        set_value(tx, "backup", "seen", json.dumps({"at": 5}))
    for number in range(101):
        with ledger.tx() as tx:
            set_item(tx, "backup", "seen", f"item-{number:03}", json.dumps(["x" * 1000]))
        ledger.clock.advance(seconds=1)
    [found] = shown(ledger, "/state/backup/seen")
    assert '{ "at": 5 }' in found.text
    assert found.text.index("item-100") < found.text.index("item-099")
    assert 'href="/state/backup/seen/items/item-100"' in found.html
    assert "item-000" not in found.text
    assert len(found.html) < 100_000
    [rest] = shown(ledger, link(found, "next"))
    assert "item-000" in rest.text
    assert "item-001" not in rest.text


def test_a_large_value_is_cut_and_a_huge_one_not_read(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        set_value(tx, "huge", "large", json.dumps("x" * 1_000_000))
        set_value(tx, "huge", "more", json.dumps("x" * 9_000_000))
    listed, large, more = shown(ledger, "/state/huge", "/state/huge/large", "/state/huge/more")
    assert "large too long to be shown here 1.0 MB" in listed.text
    assert "This is the beginning: all of it as JSON" in large.text
    assert 'href="/state/huge/large/value"' in large.html
    assert len(large.html) < 30_000
    assert "It is too long to be shown: all of it as JSON" in more.text
    assert len(more.html) < 10_000


def test_whatever_is_in_a_name_or_a_value_is_text(ledger: Ledger) -> None:
    name = f"a/b?&#% {HOSTILE}"
    with ledger.tx() as tx:
        set_value(tx, name, name, json.dumps(HOSTILE, ensure_ascii=False))
        set_item(tx, name, name, name, json.dumps(HOSTILE, ensure_ascii=False))
    [listed] = shown(ledger, "/state")
    space = html.unescape(listed.html.partition('<th scope="row"><a href="')[2].partition('"')[0])
    [keys] = shown(ledger, space)
    key = html.unescape(keys.html.partition('<th scope="row"><a href="')[2].partition('"')[0])
    [found] = shown(ledger, key)
    for each in (listed, keys, found):
        assert each.status == 200
        assert "\u202e" not in each.html
        assert "<script>alert" not in each.html
        assert "</pre><script>alert(1)</script>\\u202egnp.exe\\u001b[31m" in each.text


def test_what_is_not_there_is_told_of(ledger: Ledger) -> None:
    with ledger.tx() as tx:
        set_value(tx, "backup", "gone", "1", ttl_ms=1)
    missing = shown(ledger, "/state/backup", "/state/backup/gone", "/state/no", "/state/no/no")
    assert [each.status for each in missing] == [404] * 4

"""Which page is rendered next: the order, and what drops and failures do to it."""

from __future__ import annotations

import pytest

from pressroom.pagecache.renderer.frontier import ENTRANCE, FRONT, LINKED, REST, Frontier, Job


def _frontier(*sites: str, max_pages: int = 100) -> Frontier:
    frontier = Frontier(max_pages)
    frontier.attend(list(sites or ("s1",)))
    return frontier


def _order(frontier: Frontier, now: float = 0.0) -> list[str]:
    """All that there is to do at this time, each page stored at once."""
    keys = []
    while job := frontier.next(now):
        keys.append(job.key)
        frontier.stored(job)
        assert len(keys) < 1000
    return keys


def _next(frontier: Frontier, now: float = 0.0) -> Job:
    job = frontier.next(now)
    assert job is not None
    return job


# -- order -----------------------------------------------------------------------------------------------------


def test_pages_come_by_rank_and_then_as_they_were_found() -> None:
    frontier = _frontier()
    for key, rank in (
        ("/rest", REST),
        ("/linked-1", LINKED),
        ("/feed/", ENTRANCE),
        ("/linked-2", LINKED),
        ("/", FRONT),
    ):
        frontier.want("s1", key, rank)
    assert _order(frontier) == ["/", "/feed/", "/linked-1", "/linked-2", "/rest"]


def test_after_a_drop_the_most_wanted_come_first() -> None:
    frontier = _frontier()
    for key, rank in (("/", FRONT), ("/a", LINKED), ("/b", REST), ("/c", REST)):
        frontier.want("s1", key, rank)
    _order(frontier)
    for key, hits in (("/b", 10), ("/c", 3), ("/b", 1), ("/unknown", 99)):
        frontier.demand("s1", key, hits)
    frontier.taken("s1", now=0.0)
    assert _order(frontier, now=10.0) == ["/b", "/c", "/", "/a"]


def test_demand_fades() -> None:
    frontier = _frontier()
    for key in ("/yesterday", "/today"):
        frontier.want("s1", key, REST)
    _order(frontier)
    frontier.demand("s1", "/yesterday", 10)
    frontier.forget_some_demand()
    frontier.demand("s1", "/today", 6)
    frontier.taken("s1", now=0.0)
    assert _order(frontier, now=10.0) == ["/today", "/yesterday"]


def test_what_a_visitor_has_just_missed_comes_first() -> None:
    frontier = _frontier()
    for key, rank in (("/", FRONT), ("/known", REST)):
        frontier.want("s1", key, rank)
    frontier.demand("s1", "/", 1000)
    frontier.want("s1", "/new", LINKED, urgent=True)
    frontier.want("s1", "/known", LINKED, urgent=True)
    assert _order(frontier) == ["/known", "/new", "/"]


def test_a_better_rank_is_taken_over_and_a_worse_one_is_not() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", REST)
    frontier.want("s1", "/b", LINKED)
    frontier.want("s1", "/a", FRONT)
    frontier.want("s1", "/b", REST)
    _order(frontier)
    frontier.taken("s1", now=0.0)
    assert _order(frontier, now=10.0) == ["/a", "/b"]


def test_a_job_names_its_page() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    assert frontier.next(0.0) == Job("s1", "/a", LINKED)
    assert frontier.next(0.0) is None


# -- states ----------------------------------------------------------------------------------------------------


def test_a_stored_page_is_not_rendered_again_until_it_is_dropped() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    assert _order(frontier) == ["/a"]
    frontier.want("s1", "/a", FRONT)
    assert _order(frontier) == []
    frontier.taken("s1", now=0.0)
    assert _order(frontier, now=10.0) == ["/a"]


def test_a_stored_page_that_was_missed_is_rendered_again() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/a", LINKED)
    assert _order(frontier) == []
    frontier.want("s1", "/a", LINKED, urgent=True)
    assert _order(frontier) == ["/a"]


def test_what_the_index_says_does_not_undo_what_is_known() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    frontier.stored_already("s1", "/a", LINKED)
    assert _order(frontier) == ["/a"]


def test_a_refused_page_is_tried_again_after_a_drop_alone() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    frontier.refused(_next(frontier), "sets a cookie", 0.0)
    frontier.want("s1", "/a", LINKED)
    assert frontier.next(10.0) is None
    frontier.taken("s1", now=10.0)
    assert _next(frontier, 20.0).key == "/a"


def test_a_page_that_is_gone_is_forgotten() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    frontier.forget(_next(frontier))
    frontier.taken("s1", now=0.0)
    assert frontier.next(10.0) is None
    assert frontier.figures("s1") == {"queued": 0, "rendering": 0, "stored": 0, "refused": 0}


@pytest.mark.parametrize("end", ["stored", "refused"])
def test_drops_while_a_page_is_rendered_become_one_more_render(end: str) -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    job = _next(frontier)
    for _ in range(5):
        frontier.taken("s1", now=0.0)
    assert frontier.next(10.0) is None, "it is not rendered twice at once"
    if end == "stored":
        frontier.stored(job)
    else:
        frontier.refused(job, "sets a cookie", 0.0)
    again = _next(frontier, 10.0)
    assert again.key == "/a"
    frontier.stored(again)
    assert frontier.next(20.0) is None


def test_drops_while_a_page_waits_add_nothing() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    for _ in range(5):
        frontier.taken("s1", now=0.0)
        frontier.want("s1", "/a", LINKED, urgent=True)
    assert _order(frontier, now=10.0) == ["/a"]


def test_a_miss_while_a_page_is_rendered_adds_nothing() -> None:
    frontier = _frontier()
    frontier.want("s1", "/a", LINKED)
    job = _next(frontier)
    frontier.want("s1", "/a", LINKED, urgent=True)
    assert frontier.next(0.0) is None
    frontier.stored(job)
    assert frontier.next(0.0) is None


def test_a_pages_state_and_why_it_was_refused() -> None:
    frontier = _frontier()
    assert frontier.state_of("s1", "/a") == ("unknown", "")
    frontier.want("s1", "/a", LINKED)
    assert frontier.state_of("s1", "/a") == ("queued", "")
    job = _next(frontier)
    assert frontier.state_of("s1", "/a") == ("rendering", "")
    frontier.refused(job, "sets a cookie", 0.0)
    assert frontier.state_of("s1", "/a") == ("refused", "sets a cookie")
    frontier.taken("s1", now=0.0)
    assert frontier.state_of("s1", "/a") == ("queued", "")
    frontier.stored(_next(frontier, 10.0))
    assert frontier.state_of("s1", "/a") == ("stored", "")
    assert frontier.state_of("s9", "/a") == ("unknown", "")


def test_figures() -> None:
    frontier = _frontier()
    for key in ("/a", "/b", "/c", "/d"):
        frontier.want("s1", key, LINKED)
    frontier.stored(_next(frontier))
    frontier.refused(_next(frontier), "sets a cookie", 0.0)
    _next(frontier)
    assert frontier.figures("s1") == {"queued": 1, "rendering": 1, "stored": 1, "refused": 1}
    assert frontier.figures("s9") == {"queued": 0, "rendering": 0, "stored": 0, "refused": 0}


# -- sites and bounds ------------------------------------------------------------------------------------------


def test_sites_take_turns() -> None:
    frontier = _frontier("s1", "s2", "s3")
    for site in ("s1", "s2", "s3"):
        for number in range(3):
            frontier.want(site, f"/{number}", LINKED)
    turns = [_next(frontier).site for _ in range(9)]
    assert [set(turns[start : start + 3]) for start in (0, 3, 6)] == [{"s1", "s2", "s3"}] * 3


def test_a_site_with_much_to_do_does_not_hold_up_another() -> None:
    frontier = _frontier("s1", "s2", max_pages=5000)
    for number in range(5000):
        frontier.want("s1", f"/{number}", FRONT, urgent=True)
    _next(frontier)
    frontier.want("s2", "/", REST)
    assert "s2" in [_next(frontier).site for _ in range(2)]


def test_what_somebody_waits_for_does_not_wait_for_the_others_turns() -> None:
    sites = [f"s{number}" for number in range(50)]
    frontier = _frontier(*sites)
    for site in sites:
        for number in range(3):
            frontier.want(site, f"/{number}", LINKED)
    frontier.want("s49", "/waited-for/", LINKED, urgent=True)
    assert "/waited-for/" in [_next(frontier).key for _ in range(2)]


def test_nor_do_the_others_wait_for_ever() -> None:
    frontier = _frontier("s1", "s2")
    frontier.want("s2", "/", REST)
    for number in range(20):
        frontier.want("s1", f"/{number}", LINKED, urgent=True)
    assert "s2" in [_next(frontier).site for _ in range(4)]


def test_a_site_has_so_many_known_pages_and_no_more() -> None:
    frontier = _frontier("s1", "s2", max_pages=3)
    for number in range(10):
        frontier.want("s1", f"/{number}", LINKED, urgent=number % 2 == 0)
        frontier.want("s2", f"/{number}", LINKED)
    assert sum(frontier.figures("s1").values()) == 3
    assert sum(frontier.figures("s2").values()) == 3
    job = _next(frontier)
    frontier.forget(job)
    frontier.want(job.site, "/another", LINKED)
    assert sum(frontier.figures(job.site).values()) == 3


def test_new_sites_are_told_once() -> None:
    frontier = Frontier(10)
    assert frontier.attend(["s1", "s2"]) == ["s1", "s2"]
    assert frontier.attend(["s1", "s2", "s3"]) == ["s3"]
    assert frontier.attend(["s1"]) == []
    assert frontier.attend(["s1", "s2"]) == ["s2"]


def test_a_site_that_is_gone_is_not_rendered_and_its_late_ends_are_ignored() -> None:
    frontier = _frontier("s1", "s2")
    frontier.want("s1", "/a", LINKED)
    frontier.want("s1", "/b", LINKED)
    job = _next(frontier)
    frontier.attend(["s2"])
    assert frontier.next(100.0) is None
    for end in (frontier.stored, frontier.forget):
        end(job)
    frontier.refused(job, "sets a cookie", 0.0)
    for timed in (frontier.overtaken, frontier.failed):
        timed(job, 100.0)
    frontier.taken("s1", 100.0)
    frontier.want("s1", "/c", LINKED, urgent=True)
    frontier.demand("s1", "/a", 1)
    frontier.stored_already("s1", "/a", LINKED)
    assert frontier.next(200.0) is None
    assert sum(frontier.figures("s1").values()) == 0


# -- while a writer waits --------------------------------------------------------------------------------------


def _asked_for(frontier: Frontier, **hits: int) -> None:
    frontier.want("s1", "/", FRONT)
    for name, number in hits.items():
        frontier.want("s1", f"/{name}", LINKED)
        frontier.demand("s1", f"/{name}", number)
    _order(frontier)


def test_the_most_wanted_come_in_the_order_of_demand_then_of_rank() -> None:
    frontier = _frontier()
    _asked_for(frontier, never=0, little=1, much=9)
    assert [job.key for job in frontier.most_wanted("s1", 8, until=1.0)] == ["/much", "/little", "/", "/never"]
    assert frontier.most_wanted("s1", 8, until=1.0) == []  # they are under way


def test_there_are_only_so_many_of_them() -> None:
    frontier = _frontier()
    _asked_for(frontier, little=1, much=9)
    assert [job.key for job in frontier.most_wanted("s1", 1, until=1.0)] == ["/much"]


def test_the_others_wait_until_the_window_is_over() -> None:
    frontier = _frontier()
    _asked_for(frontier)
    frontier.want("s1", "/other", REST)
    (front,) = frontier.most_wanted("s1", 1, until=1.0)
    assert frontier.next(0.9) is None and frontier.wake_at() == 1.0
    frontier.stored(front)
    frontier.taken("s1", 0.5, kept={"/"})
    assert _order(frontier, 0.6) == ["/other"]  # and not what has just been made


def test_a_site_may_be_overtaken_and_fail_for_hours() -> None:
    frontier = _frontier()
    frontier.want("s1", "/", FRONT)
    for number in range(2000):  # an import, while visitors miss the front page
        frontier.overtaken(_next(frontier, number * 10.0), number * 10.0)
    for number in range(2000, 4000):  # a site whose PHP is broken
        frontier.failed(_next(frontier, number * 10.0), number * 10.0)
    assert frontier.wake_at() == pytest.approx(3999 * 10.0 + 5.0)


def test_what_was_overtaken_is_rendered_again_after_the_drop() -> None:
    frontier = _frontier()
    _asked_for(frontier, other=1)
    other, front = frontier.most_wanted("s1", 8, until=1.0)
    frontier.overtaken(other, 0.1)
    frontier.put_back(front)
    frontier.taken("s1", 0.3)
    assert sorted(_order(frontier, 5.0)) == ["/", "/other"]


def test_what_may_not_be_stored_is_not_made_meanwhile() -> None:
    frontier = _frontier()
    _asked_for(frontier, cart=5)
    cart, _ = frontier.most_wanted("s1", 8, until=1.0)
    frontier.refused(cart, "it sets a cookie", 0.0)
    assert [job.key for job in frontier.most_wanted("s1", 8, until=1.0)] == []


# -- the audit's questions -------------------------------------------------------------------------------------


def test_pages_are_drawn_by_demand() -> None:
    frontier = _frontier()
    for key in ("/a", "/b", "/c", "/never"):
        frontier.want("s1", key, LINKED)
    _order(frontier)
    assert frontier.drawn("s1", 0.5) is None and frontier.drawn("s9", 0.5) is None
    for key, hits in (("/a", 1), ("/b", 8), ("/c", 1)):
        frontier.demand("s1", key, hits)
    assert [frontier.drawn("s1", chance) for chance in (0.0, 0.05, 0.15, 0.85, 0.95)] == ["/a", "/a", "/b", "/b", "/c"]
    frontier.taken("s1", now=0.0, keys=["/b"])
    assert frontier.drawn("s1", 0.4) == "/a" and frontier.drawn("s1", 0.6) == "/c"


def test_idle_is_who_can_do_nothing_now() -> None:
    frontier = _frontier()
    assert frontier.is_idle(0.0)
    frontier.want("s1", "/a", LINKED)
    assert not frontier.is_idle(0.0)
    frontier.failed(_next(frontier), now=0.0)
    assert frontier.is_idle(0.05) and not frontier.is_idle(10.0)
    frontier.stored(_next(frontier, 10.0))
    assert frontier.is_idle(10.0)


def test_what_may_not_be_stored_is_not_made_at_each_miss() -> None:
    frontier = _frontier()
    frontier.missed("s1", "/cart", 0.0)
    frontier.refused(_next(frontier), "sets a cookie", 10.0)
    frontier.missed("s1", "/cart", 14.0)
    assert _order(frontier, 14.0) == []
    frontier.missed("s1", "/cart", 15.0)
    cart = _next(frontier, 15.0)
    frontier.refused(cart, "sets a cookie", 16.0)
    frontier.taken("s1", 17.0, {"/other"})  # something has changed
    frontier.missed("s1", "/cart", 18.0)
    assert _order(frontier, 18.0) == ["/cart"]


def test_a_page_that_is_waited_for_is_the_next() -> None:
    frontier = _frontier("s1")
    for key in ("/a/", "/b/", "/c/"):
        frontier.want("s1", key, REST)
    assert frontier.hasten("s1", "/c/", 0.0)
    assert frontier.hasten("s1", "/c/", 0.0)
    assert frontier.next(0.0) == Job("s1", "/c/", REST, urgent=True)
    assert _order(frontier) == ["/a/", "/b/"]


def test_some_are_there_for_those_who_wait_alone() -> None:
    frontier = _frontier("s1", "s2")
    frontier.want("s1", "/a/", REST)
    frontier.want("s2", "/b/", REST)
    assert frontier.next(0.0, urgent=True) is None
    assert frontier.hasten("s2", "/b/", 0.0)
    assert frontier.next(0.0, urgent=True) == Job("s2", "/b/", REST, urgent=True)
    assert frontier.next(0.0, urgent=True) is None
    assert _order(frontier) == ["/a/"]


def test_one_that_is_being_made_is_waited_for_and_not_made_again() -> None:
    frontier = _frontier("s1")
    frontier.want("s1", "/", FRONT)
    job = _next(frontier)
    assert frontier.hasten("s1", "/", 0.0)
    frontier.stored(job)
    assert _order(frontier) == []


def test_nobody_waits_for_what_does_not_come_soon() -> None:
    frontier = _frontier("s1")
    frontier.want("s1", "/", FRONT)
    assert not frontier.hasten("s1", "/unknown/", 0.0)
    assert not frontier.hasten("s2", "/", 0.0)
    frontier.failed(_next(frontier), 0.0)
    frontier.failed(_next(frontier, 1.0), 1.0)
    frontier.failed(_next(frontier, 2.0), 2.0)
    assert not frontier.hasten("s1", "/", 2.0), "the origin is down"
    frontier.refused(_next(frontier, 9.0), "a cart", 9.0)
    assert not frontier.hasten("s1", "/", 9.0)


def test_one_that_counts_as_stored_but_was_missed_is_waited_for() -> None:
    frontier = _frontier("s1")
    frontier.stored_already("s1", "/", FRONT)
    assert frontier.hasten("s1", "/", 0.0)
    assert _order(frontier) == ["/"]


def test_a_page_whose_old_version_was_taken_out_while_it_was_made_need_not_be_made_again() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/", FRONT)
    (job,) = frontier.most_wanted("s1", 1, until=0.3)
    assert not frontier.taken_meanwhile(job)
    frontier.taken("s1", 0.2)
    assert frontier.taken_meanwhile(job)
    assert not frontier.taken_meanwhile(job), "it is told once"
    frontier.stored(job)
    assert _order(frontier, 5.0) == []


def test_one_whose_new_version_was_taken_out_too_is_made_again() -> None:
    frontier = _frontier()
    frontier.stored_already("s1", "/", FRONT)
    (job,) = frontier.most_wanted("s1", 1, until=0.3)
    frontier.taken("s1", 0.2)
    assert frontier.taken_meanwhile(job)
    frontier.again(job)
    frontier.stored(job)
    assert _order(frontier, 5.0) == ["/"]

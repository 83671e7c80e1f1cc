from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pressroom.demo.newsroom import write_content
from pressroom.demo.pictures.press import SIZES
from pressroom.model.errors import InvalidInput

from .conftest import UNTIL, Written


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def _prose(content: dict[str, Any]) -> list[str]:
    """Every sentence that a reader can see."""
    texts = [page["content"] for page in content["pages"]]
    for article in content["articles"]:
        texts += [article["title"], article["excerpt"], article["content"], article["picture"]["caption"]]
        texts += [comment["text"] for comment in article["comments"]]
    return [re.sub(r"<!--.*?-->|<[^>]+>", " ", text) for text in texts]


def test_there_is_a_whole_paper(written: Written) -> None:
    counts = written.counts
    assert counts.articles == 184
    assert (counts.sections, counts.authors) == (8, 6)
    assert counts.pages >= 8
    assert 35 <= counts.tags <= 60
    assert 190 <= counts.comments <= 220
    content = written.content
    assert len(content["articles"]) == counts.articles
    assert sum(len(article["comments"]) for article in content["articles"]) == counts.comments
    per_section = Counter(article["section"] for article in content["articles"])
    assert min(per_section.values()) >= 15


def test_no_two_titles_or_addresses_are_equal(written: Written) -> None:
    articles = written.content["articles"]
    for key in ("title", "slug"):
        assert [one for one, n in Counter(article[key] for article in articles).items() if n > 1] == []
    taken = {page["slug"] for page in written.content["pages"]} | {s["slug"] for s in written.content["sections"]}
    assert not taken & {article["slug"] for article in articles}


def test_headlines_do_not_all_begin_alike(written: Written) -> None:
    starts = Counter(" ".join(a["title"].split()[:2]) for a in written.content["articles"])
    assert starts.most_common(1)[0][1] <= 6


def test_no_text_has_a_hole_in_it(written: Written) -> None:
    for text in _prose(written.content):
        hole = re.search(r"[\[\]{}|]|\bNone\b(?! of)|newsroom:| ,|\b[Tt]he the\b|\b(of|in|and|to) \1\b", text)
        assert hole is None, text[hole.start() - 60 :]


def test_paragraphs_and_parts_are_those_of_an_article(written: Written) -> None:
    for article in written.content["articles"]:
        text = article["content"]
        assert 5 <= text.count("<!-- wp:paragraph -->\n<p>") <= 11, article["title"]
        assert text.count("<h2>") >= 1
        assert text.count("<blockquote") == 1
        assert text.count("<!-- wp:") == text.count("<!-- /wp:")


def test_links_lead_to_articles_of_this_paper(written: Written) -> None:
    slugs = {article["slug"] for article in written.content["articles"]}
    for article in written.content["articles"]:
        links = re.findall(r'href="([^"]*)"', article["content"])
        assert len(links) >= 2, article["title"]
        for link in links:
            assert re.fullmatch(r"newsroom://[a-z0-9-]+/", link)
            assert link.removeprefix("newsroom://").rstrip("/") in slugs - {article["slug"]}


def test_dates_lie_in_the_sixty_days_before(written: Written) -> None:
    moments = [_moment(article["date"]) for article in written.content["articles"]]
    assert moments == sorted(moments)
    assert timedelta(0) < UNTIL - moments[-1] < timedelta(hours=1)
    assert timedelta(days=55) < UNTIL - moments[0] < timedelta(days=61)
    for article in written.content["articles"]:
        for place, comment in enumerate(article["comments"]):
            assert _moment(article["date"]) < _moment(comment["date"]) < UNTIL
            assert comment["answers"] is None or comment["answers"] < place


def test_comments_are_all_different_and_some_answer_others(written: Written) -> None:
    comments = [c for article in written.content["articles"] for c in article["comments"]]
    assert len({comment["text"] for comment in comments}) == len(comments)
    assert sum(comment["answers"] is not None for comment in comments) >= 20


def test_each_article_has_its_own_picture_in_all_sizes(written: Written) -> None:
    seen: set[str] = set()
    for article in written.content["articles"]:
        picture = article["picture"]
        full = written.folder / "pictures" / picture["file"]
        with Image.open(full) as image:
            assert (image.format, image.size) == ("JPEG", (picture["width"], picture["height"]))
        seen.add(hashlib.sha256(full.read_bytes()).hexdigest())
        assert set(picture["sizes"]) == set(SIZES)
        for size in picture["sizes"].values():
            with Image.open(written.folder / "pictures" / size["file"]) as image:
                assert image.size == (size["width"], size["height"])
        assert picture["alt"].startswith("Illustration: ")
    assert len(seen) == written.counts.articles


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_content(tmp_path / name, until=UNTIL, articles=24)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")
    write_content(tmp_path / "later", until=UNTIL + timedelta(days=1), articles=24)
    assert _digests(tmp_path / "later")["content.json"] != _digests(tmp_path / "one")["content.json"]


@pytest.mark.parametrize("articles", [0, 15, 5000])
def test_a_paper_that_cannot_be_is_refused(tmp_path: Path, articles: int) -> None:
    with pytest.raises(InvalidInput):
        write_content(tmp_path, until=UNTIL, articles=articles)


def test_a_moment_needs_a_time_zone(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        write_content(tmp_path, until=datetime(2026, 3, 2))

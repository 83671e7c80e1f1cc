"""Changes that pages show by relation: related articles, translations, events by their date."""

from __future__ import annotations

from tests.truth.truth import Kind
from tests.truth.ways import at_its_moment, editor, event, post, shell, sql

_BY_CLOCK = 3.0  # seconds within which a page that a moment has overtaken is made anew

RELATED = [
    Kind("check also: a related article renamed", editor(f"wp_update_post(['ID' => {post('article-9')}, 'post_title' => 'Related']);")),
    Kind("check also: a newer one of the category", editor("wp_insert_post(['post_title' => 'Newest of town', 'post_status' => 'publish',"
                                                           " 'post_category' => [get_term_by('slug', 'town', 'category')->term_id]]);")),
    Kind("check also: an article changes its category", editor(f"wp_set_post_categories({post('article-9')}, [get_term_by('slug', 'sea', 'category')->term_id]);")),
    Kind("check also: the related text", editor(f"wp_update_post(['ID' => {post('article-9')}, 'post_content' => 'Text that no box shows.']);")),
    Kind("check also: a related one in the trash", editor(f"wp_trash_post({post('article-9')});")),
    Kind("discussed: a comment more", shell(f"wp_insert_comment(['comment_post_ID' => {post('article-8')}, 'comment_content' => 'So.', 'comment_author_email' => 's@example.org', 'comment_approved' => 1]);")),
]  # fmt: skip

LANGUAGES = [
    Kind("languages: translation renamed", editor(f"wp_update_post(['ID' => {post('article-2')}, 'post_title' => 'Zweitens']);")),
    Kind("languages: translation withdrawn", editor(f"wp_update_post(['ID' => {post('article-2')}, 'post_status' => 'draft']);")),
    Kind("languages: and published again", editor("wp_publish_post(get_posts(['post_status' => 'draft', 'title' => 'Zweitens'])[0]->ID);")),
    Kind("languages: two articles become translations", editor(f"magazine_translate(['en' => {post('article-3')}, 'de' => {post('article-4')}]);")),
    Kind("languages: no translation any more", editor(f"$t = get_the_terms({post('article-3')}, 'translations')[0]; wp_delete_term($t->term_id, 'translations');")),
    Kind("languages: an article's language", editor(f"wp_set_object_terms({post('article-5')}, 'de', 'language');")),
    Kind("languages: a language renamed", editor("wp_update_term(get_term_by('slug', 'de', 'language')->term_id, 'language', ['name' => 'German']);")),
    Kind("languages: the map by SQL", sql("UPDATE wp_term_taxonomy SET description='' WHERE taxonomy='translations'"), waits=False),
]  # fmt: skip

EVENTS = [
    Kind("events: a new one", editor("magazine_event('Market', 86400);")),
    Kind("events: one of next month", editor("magazine_event('Ball', 30 * 86400);")),
    Kind("events: one that is over", editor("magazine_event('Flood', -30 * 86400);")),
    Kind("events: put off", editor("update_post_meta(magazine_find('Market'), '_ends', wp_date('Y-m-d H:i:s', time() + 5 * 86400));")),
    Kind("events: its title", editor("wp_update_post(['ID' => magazine_find('Market'), 'post_title' => 'Market day']);")),
    Kind("events: one that is over, its title", editor("wp_update_post(['ID' => magazine_find('Flood'), 'post_title' => 'The flood']);")),
    Kind("events: its place", editor("wp_set_object_terms(magazine_find('Market day'), 'Field', 'place');")),
    Kind("events: the place renamed", editor("wp_update_term(get_term_by('name', 'Field', 'place')->term_id, 'place', ['name' => 'Meadow']);")),
    Kind("events: called off", editor("wp_trash_post(magazine_find('Market day'));")),
    Kind("events: over by the clock", at_its_moment("update_post_meta(magazine_find('Concert'), '_ends', wp_date('Y-m-d H:i:s', $moment));"), waits=False, bound=_BY_CLOCK),
    Kind("events: an import", event("for ($i = 0; $i < 10; $i++) { magazine_event(\"Course $i\", (40 + $i) * 86400, 'School'); }"), waits=False),
]  # fmt: skip

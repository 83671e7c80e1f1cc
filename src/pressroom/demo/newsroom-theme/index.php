<?php
/**
 * Lists: sections, topics, authors, days, search, and all articles.
 *
 * @package Newsroom
 */

get_header();
echo '<header class="listhead">';
if ( is_author() ) {
	$newsroom_author = get_queried_object();
	echo get_avatar( $newsroom_author->ID, 96, '', '', array( 'loading' => 'eager' ) );
	printf(
		'<div><p class="kicker">%s</p><h1>%s</h1><p class="standfirst">%s</p></div>',
		esc_html( (string) get_user_meta( $newsroom_author->ID, 'newsroom_role', true ) ),
		esc_html( $newsroom_author->display_name ),
		esc_html( $newsroom_author->description )
	);
} elseif ( is_search() ) {
	/* translators: %s: what was searched for */
	echo '<div><h1>' . esc_html( '' === get_search_query( false ) ? __( 'Search', 'newsroom' ) : sprintf( __( 'Search: %s', 'newsroom' ), get_search_query( false ) ) ) . '</h1>';
	get_search_form();
	echo '</div>';
} elseif ( is_home() ) {
	echo '<div><h1>' . esc_html( get_the_title( (int) get_option( 'page_for_posts' ) ) ) . '</h1></div>';
} else {
	echo '<div>' . ( is_tag() ? '<p class="kicker">' . esc_html__( 'Topic', 'newsroom' ) . '</p>' : '' ) . '<h1>' . esc_html( wp_strip_all_tags( get_the_archive_title() ) ) . '</h1>';
	printf( '<div class="standfirst">%s</div></div>', wp_kses_post( get_the_archive_description() ) );
}
echo '</header>';
if ( have_posts() ) {
	update_post_thumbnail_cache();
	echo '<div class="list">';
	while ( have_posts() ) {
		the_post();
		newsroom_card( get_post(), array( 'level' => 2, 'kicker' => ! is_category(), 'picture' => 'post' === get_post_type() ? 'card' : '' ) );
	}
	echo '</div>';
	newsroom_pagination();
} else {
	echo '<p>' . esc_html__( 'Nothing was found. Try another word, or begin at the front page.', 'newsroom' ) . '</p>';
}
get_footer();

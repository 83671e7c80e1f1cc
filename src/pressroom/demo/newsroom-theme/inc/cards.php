<?php
/**
 * How an article is shown in lists, and the small lines that go with it.
 *
 * @package Newsroom
 */

defined( 'ABSPATH' ) || exit;

/**
 * The newest articles of a query, with their pictures fetched in one go.
 *
 * @param array $args What to ask for, as for WP_Query.
 * @return WP_Post[]
 */
function newsroom_articles( $args ) {
	$query = new WP_Query(
		$args + array(
			'post_type'           => 'post',
			'post_status'         => 'publish',
			'ignore_sticky_posts' => true,
			'no_found_rows'       => true,
		)
	);
	update_post_thumbnail_cache( $query );
	return $query->posts;
}

/**
 * The section of an article: its first category, or null.
 *
 * @param int|WP_Post $post The article.
 * @return WP_Term|null
 */
function newsroom_section( $post ) {
	$terms = get_the_category( is_object( $post ) ? $post->ID : $post );
	return $terms ? $terms[0] : null;
}

/**
 * The short word above a headline.
 *
 * @param WP_Post $post   The article.
 * @param bool    $linked Whether the section's name leads to the section.
 */
function newsroom_kicker( $post, $linked = false ) {
	$section = newsroom_section( $post );
	$kicker  = (string) get_post_meta( $post->ID, 'newsroom_kicker', true );
	$name    = $section ? esc_html( $section->name ) : '';
	if ( $section && $linked ) {
		$name = sprintf( '<a href="%s">%s</a>', esc_url( get_category_link( $section ) ), $name );
	}
	$parts = array_filter( array( $name, $linked || ! $section ? esc_html( $kicker ) : '' ) );
	return '<p class="kicker">' . implode( ' <span>·</span> ', $parts ) . '</p>';
}

/**
 * An article's day, for people and for machines.
 *
 * @param WP_Post $post The article.
 * @param string  $format As for date().
 */
function newsroom_time( $post, $format = 'j F' ) {
	return sprintf( '<time datetime="%s">%s</time>', esc_attr( get_the_date( DATE_W3C, $post ) ), esc_html( get_the_date( $format, $post ) ) );
}

/**
 * A picture with the sizes that its place needs.
 *
 * @param WP_Post $post  The article.
 * @param string  $place "lead", "hero", "card" (small on a phone), "block" or "half".
 */
function newsroom_picture( $post, $place ) {
	$places = array(
		'lead'  => array( 'newsroom-wide', '(max-width: 700px) 100vw, 640px', true ),
		'hero'  => array( 'post-thumbnail', '(max-width: 800px) 100vw, 760px', true ),
		'card'  => array( 'newsroom-card', '(max-width: 700px) 112px, 300px', false ),
		'block' => array( 'newsroom-card', '(max-width: 700px) 92vw, 300px', false ),
		'half'  => array( 'newsroom-card', '(max-width: 700px) 45vw, 300px', false ),
	);
	list( $size, $widths, $first ) = $places[ $place ];
	$attributes = array(
		'sizes'    => $widths,
		'loading'  => $first ? 'eager' : 'lazy',
		'decoding' => $first ? 'auto' : 'async',
	);
	if ( $first ) {
		$attributes['fetchpriority'] = 'high';
	}
	return get_the_post_thumbnail( $post, $size, $attributes );
}

/**
 * An article in a list.
 *
 * @param WP_Post $post The article.
 * @param array   $with picture: a place or "", excerpt: bool, kicker: bool, level: of the headline.
 */
function newsroom_card( $post, $with = array() ) {
	$with  += array( 'picture' => 'card', 'excerpt' => true, 'kicker' => true, 'byline' => true, 'level' => 3, 'class' => '' );
	$picture = $with['picture'] ? newsroom_picture( $post, $with['picture'] ) : '';
	$link    = esc_url( get_permalink( $post ) );
	printf( '<article class="card %s">', esc_attr( $with['class'] ) );
	if ( $picture ) {
		printf( '<a class="pic" href="%s" tabindex="-1" aria-hidden="true">%s</a>', $link, $picture ); // phpcs:ignore
	}
	echo '<div>';
	echo $with['kicker'] ? newsroom_kicker( $post ) : ''; // phpcs:ignore
	printf( '<h%1$d><a href="%2$s">%3$s</a></h%1$d>', (int) $with['level'], $link, get_the_title( $post ) ); // phpcs:ignore
	if ( $with['excerpt'] ) {
		printf( '<p class="standfirst">%s</p>', esc_html( wp_strip_all_tags( get_the_excerpt( $post ) ) ) );
	}
	if ( $with['byline'] ) {
		printf(
			'<p class="meta">%s · %s%s</p>',
			esc_html( get_the_author_meta( 'display_name', (int) $post->post_author ) ),
			newsroom_time( $post ), // phpcs:ignore
			$post->comment_count > 0 ? ' <span>· ' . esc_html( newsroom_comment_count( $post ) ) . '</span>' : '' // phpcs:ignore
		);
	}
	echo '</div></article>';
}

/**
 * How many comments an article has, in words.
 *
 * @param WP_Post $post The article.
 */
function newsroom_comment_count( $post ) {
	/* translators: %d: number of comments */
	return sprintf( _n( '%d comment', '%d comments', (int) $post->comment_count, 'newsroom' ), (int) $post->comment_count );
}

/**
 * The day of the newest article: the paper's own date. Asked for as a day, so that it changes once a day.
 */
function newsroom_edition() {
	global $wpdb;
	$day = $wpdb->get_var( "SELECT DATE(MAX(post_date)) FROM $wpdb->posts WHERE post_type = 'post' AND post_status = 'publish'" );
	return $day ? mysql2date( 'l, j F Y', $day . ' 12:00:00' ) : '';
}

/**
 * Links to the pages of a list.
 */
function newsroom_pagination() {
	the_posts_pagination(
		array(
			'mid_size'           => 1,
			'prev_text'          => __( 'Newer', 'newsroom' ),
			'next_text'          => __( 'Older', 'newsroom' ),
			'screen_reader_text' => __( 'Pages', 'newsroom' ),
		)
	);
}

/**
 * The margin, if it has anything in it.
 *
 * @param string $id Which one.
 */
function newsroom_margin( $id ) {
	if ( is_active_sidebar( $id ) ) {
		printf( '<aside class="margin" aria-label="%s">', esc_attr__( 'In the margin', 'newsroom' ) );
		dynamic_sidebar( $id );
		echo '</aside>';
	}
}

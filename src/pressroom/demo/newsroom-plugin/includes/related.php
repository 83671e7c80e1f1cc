<?php
/**
 * Which article comes next: the same section's next older one, and after the oldest the newest again.
 *
 * @package PressroomNewsroom
 */

defined( 'ABSPATH' ) || exit;

/**
 * The next related article, or null when the section has no other.
 *
 * @param int $post_id The article that is being read.
 * @return WP_Post|null
 */
function pressroom_newsroom_next_related( $post_id ) {
	$post  = get_post( $post_id );
	$terms = get_the_category( $post_id );
	if ( ! $post || ! $terms ) {
		return null;
	}
	$query = array(
		'cat'                    => $terms[0]->term_id,
		'posts_per_page'         => 1,
		'post__not_in'           => array( $post->ID ),
		'orderby'                => array(
			'date' => 'DESC',
			'ID'   => 'DESC',
		),
		'ignore_sticky_posts'    => true,
		'no_found_rows'          => true,
		'update_post_term_cache' => false,
	);
	$older = new WP_Query(
		$query + array(
			'date_query' => array(
				array(
					'before'    => $post->post_date,
					'inclusive' => true,
				),
			),
		)
	);
	$found = $older->posts ? $older : new WP_Query( $query );
	return $found->posts ? $found->posts[0] : null;
}

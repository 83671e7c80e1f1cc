<?php
/**
 * The parts as HTML. Each returns an empty text when it is switched off or has nothing to say.
 *
 * @package PressroomNewsroom
 */

defined( 'ABSPATH' ) || exit;

/**
 * A sponsor line.
 *
 * @param array  $options The settings.
 * @param string $place   "top" or "bottom".
 */
function pressroom_newsroom_sponsor( $options, $place ) {
	$text = $options[ $place . '_text' ];
	if ( ! $options[ $place . '_on' ] || '' === $text ) {
		return '';
	}
	$line = esc_html( $text );
	if ( '' !== $options[ $place . '_link' ] ) {
		$line = sprintf( '<a href="%s" rel="sponsored nofollow noopener">%s</a>', esc_url( $options[ $place . '_link' ] ), $line );
	}
	return sprintf(
		'<p class="pn-sponsor pn-sponsor-%s"><b>%s</b>%s</p>',
		esc_attr( $place ),
		esc_html__( 'Sponsored', 'pressroom-newsroom' ),
		$line
	);
}

/**
 * The "Check Also" box: the next related article with its picture and its opening words.
 *
 * @param array $options The settings.
 * @param int   $post_id The article that is being read.
 */
function pressroom_newsroom_check_also( $options, $post_id ) {
	$next = $options['also_on'] ? pressroom_newsroom_next_related( $post_id ) : null;
	if ( null === $next ) {
		return '';
	}
	$picture = get_the_post_thumbnail(
		$next,
		has_image_size( 'newsroom-card' ) ? 'newsroom-card' : 'medium',
		array(
			'loading' => 'lazy',
			'alt'     => '',
			'sizes'   => '(max-width: 600px) 40vw, 240px',
		)
	);
	return sprintf(
		'<aside class="pn-also" aria-label="%1$s"><h2>%1$s</h2><a href="%2$s">%3$s<span><strong>%4$s</strong><span>%5$s</span></span></a></aside>',
		esc_html( $options['also_title'] ),
		esc_url( get_permalink( $next ) ),
		$picture,
		esc_html( wp_strip_all_tags( get_the_title( $next ) ) ),
		esc_html( pressroom_newsroom_opening( $next ) )
	);
}

/**
 * An article's first words, cut by an ellipsis.
 *
 * @param WP_Post $post The article.
 */
function pressroom_newsroom_opening( $post ) {
	$text = wp_strip_all_tags( strip_shortcodes( excerpt_remove_blocks( $post->post_content ) ), true );
	return html_entity_decode( wp_trim_words( $text, 28, '…' ), ENT_QUOTES, 'UTF-8' );
}

/**
 * The affiliate disclosure.
 *
 * @param array $options The settings.
 */
function pressroom_newsroom_disclosure( $options ) {
	if ( ! $options['disclosure_on'] || '' === $options['disclosure_text'] ) {
		return '';
	}
	return sprintf( '<p class="pn-disclosure">%s</p>', esc_html( $options['disclosure_text'] ) );
}

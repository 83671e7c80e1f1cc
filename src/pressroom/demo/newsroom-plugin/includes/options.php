<?php
/**
 * The plugin's one option: its defaults, and how it is read and cleaned.
 *
 * @package PressroomNewsroom
 */

defined( 'ABSPATH' ) || exit;

/**
 * What a new installation starts with.
 */
function pressroom_newsroom_defaults() {
	return array(
		'top_on'          => true,
		'top_text'        => __( 'This page is made possible by the readers who own this paper.', 'pressroom-newsroom' ),
		'top_link'        => '',
		'also_on'         => true,
		'also_title'      => __( 'Check Also', 'pressroom-newsroom' ),
		'bottom_on'       => true,
		'bottom_text'     => __( 'Your notice could stand here.', 'pressroom-newsroom' ),
		'bottom_link'     => '',
		'disclosure_on'   => true,
		'disclosure_text' => __( 'Some links in our articles are affiliate links: if you buy something, the paper may receive a small share. It never decides what we write.', 'pressroom-newsroom' ),
	);
}

/**
 * The settings as saved, completed by the defaults.
 */
function pressroom_newsroom_options() {
	$saved = get_option( PRESSROOM_NEWSROOM_OPTION );
	return array_merge( pressroom_newsroom_defaults(), is_array( $saved ) ? $saved : array() );
}

/**
 * Cleans what comes from the settings form (or from anyone else who writes the option).
 *
 * @param mixed $input The form's fields.
 */
function pressroom_newsroom_sanitize( $input ) {
	$input = is_array( $input ) ? $input : array();
	$clean = array();
	foreach ( pressroom_newsroom_defaults() as $key => $default ) {
		$value = isset( $input[ $key ] ) && is_scalar( $input[ $key ] ) ? (string) $input[ $key ] : '';
		if ( is_bool( $default ) ) {
			$clean[ $key ] = in_array( $value, array( '1', 'on' ), true );
		} elseif ( '_link' === substr( $key, -5 ) ) {
			$clean[ $key ] = esc_url_raw( $value, array( 'http', 'https' ) );
		} else {
			$clean[ $key ] = sanitize_text_field( $value );
		}
	}
	return $clean;
}

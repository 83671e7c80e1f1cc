<?php
/**
 * Settings > Newsroom: texts, links and a switch for each part. The Settings API checks the nonce and the right.
 *
 * @package PressroomNewsroom
 */

defined( 'ABSPATH' ) || exit;

add_action( 'admin_menu', 'pressroom_newsroom_menu' );
add_action( 'admin_init', 'pressroom_newsroom_register' );

/**
 * Adds the page below Settings.
 */
function pressroom_newsroom_menu() {
	add_options_page(
		__( 'Newsroom', 'pressroom-newsroom' ),
		__( 'Newsroom', 'pressroom-newsroom' ),
		'manage_options',
		'pressroom-newsroom',
		'pressroom_newsroom_page'
	);
}

/**
 * Registers the option, and a form section for each part with its fields.
 */
function pressroom_newsroom_register() {
	register_setting(
		'pressroom-newsroom',
		PRESSROOM_NEWSROOM_OPTION,
		array(
			'type'              => 'array',
			'sanitize_callback' => 'pressroom_newsroom_sanitize',
		)
	);
	$parts = array(
		'top'        => array( __( 'Sponsor line above the article', 'pressroom-newsroom' ), array( 'on', 'text', 'link' ) ),
		'also'       => array( __( 'Box with the next related article', 'pressroom-newsroom' ), array( 'on', 'title' ) ),
		'bottom'     => array( __( 'Sponsor line below the article', 'pressroom-newsroom' ), array( 'on', 'text', 'link' ) ),
		'disclosure' => array( __( 'Affiliate disclosure', 'pressroom-newsroom' ), array( 'on', 'text' ) ),
	);
	$labels = array(
		'on'    => __( 'Show', 'pressroom-newsroom' ),
		'text'  => __( 'Text', 'pressroom-newsroom' ),
		'title' => __( 'Heading', 'pressroom-newsroom' ),
		'link'  => __( 'Link (may be empty)', 'pressroom-newsroom' ),
	);
	foreach ( $parts as $part => list( $heading, $fields ) ) {
		add_settings_section( 'pn_' . $part, $heading, '__return_empty_string', 'pressroom-newsroom' );
		foreach ( $fields as $field ) {
			$key = $part . '_' . $field;
			add_settings_field(
				$key,
				$labels[ $field ],
				'pressroom_newsroom_field',
				'pressroom-newsroom',
				'pn_' . $part,
				array(
					'key'       => $key,
					'label_for' => 'pn-' . $key,
				)
			);
		}
	}
}

/**
 * One field of the form.
 *
 * @param array $args The option's key.
 */
function pressroom_newsroom_field( $args ) {
	$key   = $args['key'];
	$value = pressroom_newsroom_options()[ $key ];
	$name  = PRESSROOM_NEWSROOM_OPTION . '[' . $key . ']';
	if ( is_bool( $value ) ) {
		printf( '<input type="checkbox" id="pn-%s" name="%s" value="1" %s>', esc_attr( $key ), esc_attr( $name ), checked( $value, true, false ) );
		return;
	}
	printf(
		'<input type="%s" class="large-text" id="pn-%s" name="%s" value="%s">',
		'_link' === substr( $key, -5 ) ? 'url' : 'text',
		esc_attr( $key ),
		esc_attr( $name ),
		esc_attr( $value )
	);
}

/**
 * The page itself.
 */
function pressroom_newsroom_page() {
	if ( ! current_user_can( 'manage_options' ) ) {
		wp_die( esc_html__( 'You may not change these settings.', 'pressroom-newsroom' ), 403 );
	}
	echo '<div class="wrap"><h1>' . esc_html( get_admin_page_title() ) . '</h1><form action="options.php" method="post">';
	settings_fields( 'pressroom-newsroom' );
	do_settings_sections( 'pressroom-newsroom' );
	submit_button();
	echo '</form></div>';
}

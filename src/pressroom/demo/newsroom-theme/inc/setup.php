<?php
/**
 * Sizes, sidebars and small habits.
 *
 * @package Newsroom
 */

defined( 'ABSPATH' ) || exit;

add_action( 'after_setup_theme', 'newsroom_setup', 20 );
add_action( 'widgets_init', 'newsroom_sidebars', 5 );
add_filter( 'excerpt_more', 'newsroom_ellipsis', 20 );
add_filter( 'get_the_archive_title_prefix', '__return_empty_string' );
add_filter( 'use_widgets_block_editor', '__return_false' );
add_filter( 'comment_form_defaults', 'newsroom_comment_form', 20 );
add_filter( 'body_class', 'newsroom_body_class', 20 );

/**
 * The theme's picture sizes; all are 16 to 9.
 */
function newsroom_setup() {
	add_image_size( 'newsroom-small', 240, 135, true );
	add_image_size( 'newsroom-card', 480, 270, true );
	add_image_size( 'newsroom-wide', 800, 450, true );
	set_post_thumbnail_size( 1200, 675, true );
	remove_theme_support( 'core-block-patterns' );
	// Articles are written in the dress that they are read in.
	remove_editor_styles();
	add_theme_support( 'editor-styles' );
	add_editor_style( 'assets/editor.css' );
	remove_filter( 'wp_get_attachment_image_attributes', 'twenty_twenty_one_get_attachment_image_attributes', 10 );
	remove_filter( 'walker_nav_menu_start_el', 'twenty_twenty_one_add_sub_menu_toggle', 10 );
	remove_filter( 'comment_form_defaults', 'twenty_twenty_one_comment_form_defaults' );
}

/**
 * Two margins of our own beside the footer that the parent has.
 */
function newsroom_sidebars() {
	$places = array(
		'newsroom-front'   => __( 'Front page margin', 'newsroom' ),
		'newsroom-article' => __( 'Article margin', 'newsroom' ),
	);
	foreach ( $places as $id => $name ) {
		register_sidebar(
			array(
				'id'            => $id,
				'name'          => $name,
				'before_widget' => '<section id="%1$s" class="widget %2$s">',
				'after_widget'  => '</section>',
				'before_title'  => '<h2 class="label">',
				'after_title'   => '</h2>',
			)
		);
	}
}

/**
 * What stands where an excerpt was cut.
 */
function newsroom_ellipsis() {
	return '…';
}

/**
 * The form under an article: as plain as can be.
 *
 * @param array $defaults The form's parts.
 */
function newsroom_comment_form( $defaults ) {
	$defaults['title_reply']         = __( 'What do you think?', 'newsroom' );
	$defaults['title_reply_before']  = '<h2 id="reply-title" class="label">';
	$defaults['title_reply_after']   = '</h2>';
	$defaults['comment_notes_after'] = '';
	return $defaults;
}

/**
 * The parent's classes speak of menus and colours that are not here.
 *
 * @param string[] $classes The body's classes.
 */
function newsroom_body_class( $classes ) {
	return array_diff( $classes, array( 'is-light-theme', 'no-js', 'has-main-navigation', 'has-background-white' ) );
}

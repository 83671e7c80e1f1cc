<?php
/**
 * The masthead: the paper's name, its date, its sections.
 *
 * @package Newsroom
 */

?><!doctype html>
<html <?php language_attributes(); ?>>
<head>
<meta charset="<?php bloginfo( 'charset' ); ?>">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#fbf8f1">
<link rel="icon" href="<?php echo esc_url( get_stylesheet_directory_uri() . '/assets/icon.svg' ); ?>" type="image/svg+xml">
<?php wp_head(); ?>
</head>
<body <?php body_class(); ?>>
<?php wp_body_open(); ?>
<a class="skip" href="#content"><?php esc_html_e( 'Skip to content', 'newsroom' ); ?></a>
<header class="masthead">
<div class="wrap">
<div class="topline"><span><?php echo esc_html( newsroom_edition() ); ?></span><a href="<?php echo esc_url( home_url( '/subscribe/' ) ); ?>"><?php esc_html_e( 'Subscribe', 'newsroom' ); ?></a></div>
<?php $newsroom_tag = is_front_page() ? 'h1' : 'p'; ?>
<<?php echo $newsroom_tag; // phpcs:ignore ?> class="title"><a href="<?php echo esc_url( home_url( '/' ) ); ?>" rel="home"><?php bloginfo( 'name' ); ?></a></<?php echo $newsroom_tag; // phpcs:ignore ?>>
<p class="tagline"><?php bloginfo( 'description' ); ?></p>
</div>
<?php
if ( has_nav_menu( 'primary' ) ) {
	printf( '<nav class="sections" aria-label="%s"><div class="wrap">', esc_attr__( 'Sections', 'newsroom' ) );
	wp_nav_menu( array( 'theme_location' => 'primary', 'container' => false, 'depth' => 1, 'items_wrap' => '<ul>%3$s</ul>', 'fallback_cb' => false ) );
	printf( '<a class="find" href="%s"><span>%s</span></a></div></nav>', esc_url( home_url( '/?s=' ) ), esc_html__( 'Search', 'newsroom' ) );
}
?>
</header>
<main id="content" class="wrap" tabindex="-1">

<?php
/**
 * No such page.
 *
 * @package Newsroom
 */

get_header();
?>
<header class="listhead"><div><p class="kicker">404</p><h1><?php esc_html_e( 'This page was never printed', 'newsroom' ); ?></h1>
<p class="standfirst"><?php esc_html_e( 'Or it has been moved. Search for it, or read what is new.', 'newsroom' ); ?></p><?php get_search_form(); ?></div></header>
<div class="grid four">
<?php
foreach ( newsroom_articles( array( 'posts_per_page' => 4 ) ) as $newsroom_post ) {
	newsroom_card( $newsroom_post, array( 'level' => 2, 'excerpt' => false, 'picture' => 'half' ) );
}
?>
</div>
<?php
get_footer();

<?php
/**
 * The foot of each page.
 *
 * @package Newsroom
 */

?>
</main>
<footer class="foot">
<div class="wrap">
<?php if ( is_active_sidebar( 'sidebar-1' ) ) : ?>
<div class="foot-widgets"><?php dynamic_sidebar( 'sidebar-1' ); ?></div>
<?php endif; ?>
<?php
if ( has_nav_menu( 'footer' ) ) {
	printf( '<nav aria-label="%s">', esc_attr__( 'The paper', 'newsroom' ) );
	wp_nav_menu( array( 'theme_location' => 'footer', 'container' => false, 'depth' => 1, 'items_wrap' => '<ul>%3$s</ul>', 'fallback_cb' => false ) );
	echo '</nav>';
}
?>
<p class="colophon"><?php bloginfo( 'name' ); ?> · <a href="<?php echo esc_url( get_feed_link() ); ?>"><?php esc_html_e( 'Feed', 'newsroom' ); ?></a></p>
</div>
</footer>
<?php wp_footer(); ?>
</body>
</html>

<?php
/**
 * The search form.
 *
 * @package Newsroom
 */

$newsroom_field = wp_unique_id( 'search-' );
?>
<form role="search" method="get" class="search" action="<?php echo esc_url( home_url( '/' ) ); ?>">
<label for="<?php echo esc_attr( $newsroom_field ); ?>"><?php esc_html_e( 'Search the paper', 'newsroom' ); ?></label>
<input type="search" id="<?php echo esc_attr( $newsroom_field ); ?>" name="s" value="<?php echo get_search_query(); ?>"><button><?php esc_html_e( 'Search', 'newsroom' ); ?></button>
</form>

<?php
/**
 * The front page: the lead, what else is new, each section, and the margin.
 *
 * @package Newsroom
 */

get_header();
$newsroom_latest = newsroom_articles( array( 'posts_per_page' => 12 ) );
$newsroom_shown  = wp_list_pluck( $newsroom_latest, 'ID' );
?>
<div class="front">
<div class="news">
<?php
$newsroom_lead = array_shift( $newsroom_latest );
if ( $newsroom_lead ) {
	newsroom_card( $newsroom_lead, array( 'picture' => 'lead', 'class' => 'lead', 'level' => 2 ) );
}
echo '<div class="seconds">';
foreach ( array_splice( $newsroom_latest, 0, 2 ) as $newsroom_post ) {
	newsroom_card( $newsroom_post, array( 'level' => 2, 'excerpt' => false ) );
}
echo '</div><div class="grid">';
foreach ( $newsroom_latest as $newsroom_post ) {
	newsroom_card( $newsroom_post, array( 'level' => 2, 'excerpt' => false ) );
}
echo '</div>';
?>
</div>
<?php newsroom_margin( 'newsroom-front' ); ?>
</div>
<div class="blocks">
<?php
foreach ( get_categories( array( 'orderby' => 'id' ) ) as $newsroom_block ) {
	// A few more than are shown, since some are higher up on the page already.
	$newsroom_posts = newsroom_articles( array( 'cat' => $newsroom_block->term_id, 'posts_per_page' => 9 ) );
	$newsroom_posts = array_filter( $newsroom_posts, function ( $post ) use ( $newsroom_shown ) {
		return ! in_array( $post->ID, $newsroom_shown, true );
	} );
	printf( '<section class="block"><h2 class="label"><a href="%s">%s</a></h2>', esc_url( get_category_link( $newsroom_block ) ), esc_html( $newsroom_block->name ) );
	foreach ( array_slice( array_values( $newsroom_posts ), 0, 4 ) as $newsroom_place => $newsroom_post ) {
		newsroom_card( $newsroom_post, array( 'kicker' => false, 'excerpt' => 0 === $newsroom_place, 'byline' => false, 'picture' => 0 === $newsroom_place ? 'block' : '', 'class' => 0 === $newsroom_place ? 'first' : 'line' ) );
	}
	echo '</section>';
}
?>
</div>
<?php
get_footer();

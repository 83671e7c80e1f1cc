<?php
/**
 * An article.
 *
 * @package Newsroom
 */

get_header();
the_post();
$newsroom_post = get_post();
?>
<div class="read">
<article <?php post_class( 'story' ); ?>>
<header>
<?php echo newsroom_kicker( $newsroom_post, true ); // phpcs:ignore ?>
<h1><?php the_title(); ?></h1>
<?php if ( has_excerpt() ) : ?>
<p class="standfirst"><?php echo esc_html( wp_strip_all_tags( get_the_excerpt() ) ); ?></p>
<?php endif; ?>
<p class="byline"><?php echo get_avatar( $newsroom_post->post_author, 44, '', '', array( 'loading' => 'eager' ) ); ?><span><?php esc_html_e( 'By', 'newsroom' ); ?> <a rel="author" href="<?php echo esc_url( get_author_posts_url( (int) $newsroom_post->post_author ) ); ?>"><?php the_author(); ?></a><br><?php echo newsroom_time( $newsroom_post, 'l, j F Y, H:i' ); // phpcs:ignore ?><?php if ( $newsroom_post->comment_count > 0 ) : ?> · <a href="#comments"><?php echo esc_html( newsroom_comment_count( $newsroom_post ) ); ?></a><?php endif; ?></span></p>
</header>
<?php if ( has_post_thumbnail() ) : ?>
<figure class="hero"><?php echo newsroom_picture( $newsroom_post, 'hero' ); // phpcs:ignore ?><?php if ( get_the_post_thumbnail_caption() ) : ?><figcaption><?php the_post_thumbnail_caption(); ?></figcaption><?php endif; ?></figure>
<?php endif; ?>
<div class="text"><?php the_content(); ?></div>
<?php the_tags( '<p class="tags"><span>' . esc_html__( 'Topics', 'newsroom' ) . '</span> ', ' ', '</p>' ); ?>
</article>
<?php newsroom_margin( 'newsroom-article' ); ?>
</div>
<?php
$newsroom_tags    = wp_get_post_tags( $newsroom_post->ID, array( 'fields' => 'ids' ) );
$newsroom_related = $newsroom_tags ? newsroom_articles( array( 'tag__in' => $newsroom_tags, 'post__not_in' => array( $newsroom_post->ID ), 'posts_per_page' => 4 ) ) : array();
if ( $newsroom_related ) {
	echo '<section class="related"><h2 class="label">' . esc_html__( 'On the same topics', 'newsroom' ) . '</h2><div class="grid four">';
	foreach ( $newsroom_related as $newsroom_one ) {
		newsroom_card( $newsroom_one, array( 'excerpt' => false, 'picture' => 'half' ) );
	}
	echo '</div></section>';
}
comments_template();
get_footer();

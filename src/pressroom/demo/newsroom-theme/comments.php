<?php
/**
 * What readers wrote, and the form to write.
 *
 * @package Newsroom
 */

if ( post_password_required() ) {
	return;
}
?>
<section id="comments" class="comments">
<?php if ( have_comments() ) : ?>
<h2 class="label"><?php echo esc_html( newsroom_comment_count( get_post() ) ); ?></h2>
<ol>
<?php wp_list_comments( array( 'style' => 'ol', 'short_ping' => true, 'avatar_size' => 40 ) ); ?>
</ol>
<?php the_comments_pagination(); ?>
<?php endif; ?>
<?php comment_form(); ?>
</section>

<?php
/**
 * A static page.
 *
 * @package Newsroom
 */

get_header();
the_post();
?>
<article <?php post_class( 'story plain' ); ?>>
<h1><?php the_title(); ?></h1>
<div class="text"><?php the_content(); ?></div>
</article>
<?php
get_footer();

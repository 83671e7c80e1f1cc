<?php
/**
 * Lists for the margins: the newest, the most discussed, and more from the section that one is in.
 *
 * @package Newsroom
 */

defined( 'ABSPATH' ) || exit;

add_action( 'widgets_init', 'newsroom_register_widgets' );

/**
 * Registers them.
 */
function newsroom_register_widgets() {
	register_widget( 'Newsroom_Latest_Widget' );
	register_widget( 'Newsroom_Discussed_Widget' );
	register_widget( 'Newsroom_Section_Widget' );
}

/**
 * A list of articles with a title and a length.
 */
abstract class Newsroom_List_Widget extends WP_Widget {

	/**
	 * The articles, and the line under each headline.
	 *
	 * @param int $number How many.
	 * @return WP_Post[]
	 */
	abstract protected function articles( $number );

	/**
	 * The line under a headline.
	 *
	 * @param WP_Post $post The article.
	 */
	protected function line( $post ) {
		return newsroom_time( $post, 'j F, H:i' );
	}

	/**
	 * The list's title.
	 *
	 * @param array $instance The settings.
	 */
	protected function title( $instance ) {
		return isset( $instance['title'] ) ? $instance['title'] : '';
	}

	/**
	 * Prints the list.
	 *
	 * @param array $args     The place.
	 * @param array $instance The settings.
	 */
	public function widget( $args, $instance ) {
		$posts = $this->articles( isset( $instance['number'] ) ? max( 1, (int) $instance['number'] ) : 5 );
		if ( ! $posts ) {
			return;
		}
		echo $args['before_widget'] . $args['before_title'] . esc_html( $this->title( $instance ) ) . $args['after_title'] . '<ol>'; // phpcs:ignore
		foreach ( $posts as $post ) {
			printf( '<li><a href="%s">%s</a><span class="meta">%s</span></li>', esc_url( get_permalink( $post ) ), get_the_title( $post ), $this->line( $post ) ); // phpcs:ignore
		}
		echo '</ol>' . $args['after_widget']; // phpcs:ignore
	}

	/**
	 * The settings' form.
	 *
	 * @param array $instance The settings.
	 */
	public function form( $instance ) {
		foreach ( array( 'title' => __( 'Title', 'newsroom' ), 'number' => __( 'Number', 'newsroom' ) ) as $key => $label ) {
			printf(
				'<p><label>%s <input class="widefat" name="%s" value="%s"></label></p>',
				esc_html( $label ),
				esc_attr( $this->get_field_name( $key ) ),
				esc_attr( isset( $instance[ $key ] ) ? (string) $instance[ $key ] : '' )
			);
		}
	}

	/**
	 * Cleans the settings.
	 *
	 * @param array $new What was sent.
	 * @param array $old What was there.
	 */
	public function update( $new, $old ) {
		return array(
			'title'  => sanitize_text_field( isset( $new['title'] ) ? $new['title'] : '' ),
			'number' => min( 20, max( 1, (int) ( isset( $new['number'] ) ? $new['number'] : 5 ) ) ),
		);
	}
}

/**
 * The newest articles.
 */
class Newsroom_Latest_Widget extends Newsroom_List_Widget {

	/**
	 * Names it.
	 */
	public function __construct() {
		parent::__construct( 'newsroom_latest', __( 'Newsroom: latest', 'newsroom' ), array( 'classname' => 'list-latest' ) );
	}

	// phpcs:ignore
	protected function articles( $number ) {
		return newsroom_articles( array( 'posts_per_page' => $number ) );
	}
}

/**
 * The articles with the most comments.
 */
class Newsroom_Discussed_Widget extends Newsroom_List_Widget {

	/**
	 * Names it.
	 */
	public function __construct() {
		parent::__construct( 'newsroom_discussed', __( 'Newsroom: most discussed', 'newsroom' ), array( 'classname' => 'list-discussed' ) );
	}

	// phpcs:ignore
	protected function articles( $number ) {
		return newsroom_articles(
			array(
				'posts_per_page' => $number,
				'orderby'        => array(
					'comment_count' => 'DESC',
					'date'          => 'DESC',
				),
			)
		);
	}

	// phpcs:ignore
	protected function line( $post ) {
		return esc_html( newsroom_comment_count( $post ) );
	}
}

/**
 * More from the section of the article that is being read.
 */
class Newsroom_Section_Widget extends Newsroom_List_Widget {

	/**
	 * Names it.
	 */
	public function __construct() {
		parent::__construct( 'newsroom_section', __( 'Newsroom: more from the section', 'newsroom' ), array( 'classname' => 'list-section' ) );
	}

	// phpcs:ignore
	protected function articles( $number ) {
		$section = is_singular( 'post' ) ? newsroom_section( get_queried_object_id() ) : null;
		if ( ! $section ) {
			return array();
		}
		$posts = newsroom_articles( array( 'posts_per_page' => $number + 1, 'cat' => $section->term_id ) );
		$other = array_filter( $posts, function ( $post ) {
			return get_queried_object_id() !== $post->ID;
		} );
		return array_slice( $other, 0, $number );
	}

	// phpcs:ignore
	protected function title( $instance ) {
		$section = newsroom_section( get_queried_object_id() );
		/* translators: %s: a section's name */
		return $section ? sprintf( __( 'More from %s', 'newsroom' ), html_entity_decode( $section->name ) ) : '';
	}
}

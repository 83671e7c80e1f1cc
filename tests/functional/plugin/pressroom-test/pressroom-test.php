<?php
/**
 * Plugin Name: Pressroom test
 * Description: Shows at the foot of every page what the tests change, and misbehaves on demand.
 * License: GPL-2.0-or-later
 */

require __DIR__ . '/idioms.php';
require __DIR__ . '/run.php';
require __DIR__ . '/shortcodes.php';

add_action(
	'wp_footer',
	function () {
		global $wpdb;
		if ( get_option( 'pressroom_test_foot' ) === 'off' ) {
			return;
		}
		$menus   = wp_list_pluck( wp_get_nav_menus(), 'name' );
		$newest  = $wpdb->get_var( "SELECT GROUP_CONCAT(post_title ORDER BY ID SEPARATOR '|') FROM $wpdb->posts WHERE post_status='publish' AND post_type='post'" );
		$comment = $wpdb->get_var( "SELECT GROUP_CONCAT(comment_content ORDER BY comment_ID SEPARATOR '|') FROM $wpdb->comments WHERE comment_approved='1'" );
		printf(
			'<pre id="pressroom-test">name=%s;theme=%s;menus=%s;option=%s;posts=%s;comments=%s;table=%s;code=%s</pre>',
			esc_html( get_bloginfo( 'name' ) ),
			esc_html( get_stylesheet() ),
			esc_html( implode( '|', $menus ) ),
			esc_html( get_option( 'pressroom_test_option', 'none' ) ),
			esc_html( $newest ),
			esc_html( $comment ),
			esc_html( (string) $wpdb->get_var( "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=1" ) ),
			esc_html( is_file( __DIR__ . '/word.php' ) ? include __DIR__ . '/word.php' : 'none' )
		);
	}
);

/** Reads that hide from those who look at WordPress's hooks: switched on one at a time, in every page's head. */
add_action(
	'wp_head',
	function () {
		global $wpdb;
		switch ( get_option( 'pressroom_test_read' ) ) {
			case 'without-end':
				$alias = 'a' . bin2hex( random_bytes( 4 ) );
				for ( $i = 0; $i < 1000; $i++ ) {
					$wpdb->query( "SELECT {$alias}x$i.ID FROM $wpdb->posts {$alias}x$i LIMIT 0" );
				}
				$names = array_map( function ( $i ) use ( $alias ) { return "{$alias}y$i"; }, range( 1, 12 ) );
				$pairs = array( '1=0' );
				foreach ( $names as $i => $one ) {
					foreach ( array_slice( $names, $i + 1 ) as $other ) {
						$pairs[] = "$one.ID=$other.ID";
					}
				}
				$wpdb->query( "SELECT 1 FROM $wpdb->posts " . implode( " JOIN $wpdb->posts ", $names ) . ' WHERE ' . implode( ' AND ', $pairs ) );
				break;
			case 'all-options':
				printf( '<!-- %d options -->', count( wp_load_alloptions() ) );
				break;
			case 'authors':
				printf( '<!-- %s -->', is_multi_author() ? 'many authors' : 'one author' );
				break;
			case 'few-options':
				wp_prime_option_caches( array( 'pressroom_few', '_transient_is_multi_author', '_site_transient_timeout_wp_theme_files_patterns-x' ) );
				printf( '<!-- few: %s -->', esc_html( wp_cache_get( 'pressroom_few', 'options' ) ?: 'none' ) );
				break;
			case 'own-options':
				printf( '<!-- %s %s -->', esc_html( bbp_pre_load_options() ), esc_html( WPForms\Helpers\Transient::get( 'pressroom_test_option' ) ) );
				break;
			case 'written-anew':
				delete_option( 'pressroom_test_anew' );
				add_option( 'pressroom_test_anew', (object) array( 'time' => microtime( true ) ) );
				break;
			case 'schedule':
				$wpdb->get_var( "SELECT a.action_id FROM {$wpdb->prefix}actionscheduler_actions a WHERE 1=1 AND a.status IN ('pending') LIMIT 0, 1" );
				$wpdb->get_var( "SELECT a.status FROM {$wpdb->prefix}actionscheduler_actions a JOIN {$wpdb->prefix}pressroom_test t ON t.id = a.action_id WHERE a.action_id = 1" );
				break;
			case 'beside-wpdb':
				$row = mysqli_fetch_row( mysqli_query( $wpdb->dbh, "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" ) );
				printf( '<!-- %s -->', esc_html( $row ? $row[0] : '' ) );
				break;
			case 'prepared':
				$statement = mysqli_prepare( $wpdb->dbh, "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" );
				mysqli_stmt_execute( $statement );
				$row = mysqli_stmt_get_result( $statement )->fetch_row();
				printf( '<!-- %s -->', esc_html( $row ? $row[0] : '' ) );
				break;
			case 'own-connection':
				$own = mysqli_connect( 'localhost', DB_USER, '', DB_NAME, 0, substr( DB_HOST, strlen( 'localhost:' ) ) );
				$row = mysqli_fetch_row( mysqli_query( $own, "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" ) );
				printf( '<!-- %s -->', esc_html( $row ? $row[0] : '' ) );
				break;
			case 'own-pdo':
				$own = new PDO( 'mysql:unix_socket=' . substr( DB_HOST, strlen( 'localhost:' ) ) . ';dbname=' . DB_NAME, DB_USER, '' );
				printf( '<!-- %s -->', esc_html( $own->query( "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" )->fetchColumn() ) );
				break;
			case 'own-wpdb':
				$own = new wpdb( DB_USER, '', DB_NAME, DB_HOST );
				printf( '<!-- %s -->', esc_html( $own->get_var( "SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" ) ) );
				break;
			case 'all-meta':
				printf( '<!-- %s -->', esc_html( wp_json_encode( get_user_meta( 1 ) ) ) );
				break;
			case 'meta-cache':
				printf( '<!-- %s -->', esc_html( wp_json_encode( update_meta_cache( 'user', array( 1 ) ) ) ) );
				break;
			case 'function':
				printf( '<!-- %s -->', esc_html( $wpdb->get_var( 'SELECT pressroom_test_word()' ) ) );
				break;
			case 'view':
				printf( '<!-- %s -->', esc_html( $wpdb->get_var( 'SELECT word FROM pressroom_test_view' ) ) );
				break;
			case 'temporary':
				$wpdb->query( "CREATE TEMPORARY TABLE pressroom_test_copy SELECT word FROM {$wpdb->prefix}pressroom_test WHERE id=3" );
				printf( '<!-- %s -->', esc_html( $wpdb->get_var( 'SELECT word FROM pressroom_test_copy' ) ) );
				$wpdb->query( 'DROP TEMPORARY TABLE pressroom_test_copy' );
				break;
			case 'sticky':
				printf( '<!-- %d sticky -->', count( (array) get_option( 'sticky_posts' ) ) );
				break;
			case 'whole-post':
				$post = get_post( get_page_by_path( 'article-1', OBJECT, 'post' )->ID );
				printf( '<!-- %s -->', esc_html( $post->post_content ) );
				break;
			case 'post-cache':
				$id = (int) $wpdb->get_var( "SELECT ID FROM $wpdb->posts WHERE post_name='article-1'" );
				get_the_title( $id );
				printf( '<!-- %s -->', esc_html( wp_cache_get( $id, 'posts' )->post_content ) );
				break;
			case 'link-by-author':
				add_filter(
					'pre_post_link',
					function ( $structure ) {
						return $structure . '%author%/';
					}
				);
				printf( '<!-- %s -->', esc_url( get_permalink( (int) $wpdb->get_var( "SELECT ID FROM $wpdb->posts WHERE post_name='article-1'" ) ) ) );
				break;
			case 'whole-term':
				printf( '<!-- %d -->', get_the_terms( get_page_by_path( 'article-1', OBJECT, 'post' ), 'category' )[0]->count );
				break;
			case 'term-cache':
				$id = (int) get_option( 'default_category' );
				get_the_category_list( '', '', get_page_by_path( 'article-1', OBJECT, 'post' )->ID );
				printf( '<!-- %d -->', wp_cache_get( $id, 'terms' )->count );
				break;
			case 'terms-listed':
				wp_list_categories( array( 'show_count' => true, 'hierarchical' => false ) );
				break;
			case 'terms-not-empty':
				wp_list_categories( array( 'hierarchical' => true ) );
				break;
			case 'terms-walked':
				$walker = new class() extends Walker_Category {
					public function start_el( &$output, $term, $depth = 0, $args = array(), $id = 0 ) {
						$output .= "<!-- $term->count -->";
					}
				};
				wp_list_categories( array( 'hierarchical' => false, 'walker' => $walker ) );
				break;
			case 'terms-of-articles':
				echo '<!-- ' . wp_json_encode( wp_get_object_terms( get_page_by_path( 'article-1', OBJECT, 'post' )->ID, 'category' ) ) . ' -->';
				break;
			case 'random':
				printf( '<!-- %d -->', wp_rand( 0, 999999999 ) );
				break;
			case 'http':
			case 'http-no-wait':
				wp_remote_get( home_url( '/wp-includes/images/blank.gif' ), array( 'blocking' => get_option( 'pressroom_test_read' ) !== 'http-no-wait' ) );
				break;
			case 'http-short':
				wp_remote_get( home_url( '/?pressroom_test=short-lived' ) );
				break;
			case 'http-stream':
				@file_get_contents( 'http://' . PRESSROOM_LOOPBACK . ':' . wp_parse_url( home_url(), PHP_URL_PORT ) . '/wp-includes/images/blank.gif' );
				break;
			case 'transient':
				echo '<!-- ' . esc_html( get_transient( 'pressroom_test' ) ) . ' -->';
				break;
			case 'transient-made':
				if ( get_transient( 'pressroom_test_made' ) === false ) {
					wp_remote_get( home_url( '/wp-includes/images/blank.gif' ) );
					set_transient( 'pressroom_test_made', 'made', 120 );
				}
				break;
			case 'nonce':
				printf( '<!-- %s -->', esc_html( wp_create_nonce( 'test' ) ) );
				break;
			case 'ago':
				printf( '<!-- %s -->', esc_html( human_time_diff( time() - 90 ) ) );
				break;
			case 'now':
				$wpdb->get_var( $wpdb->prepare( "SELECT COUNT(*) FROM $wpdb->posts WHERE post_date < %s", current_time( 'mysql' ) ) );
				break;
		}
	}
);

/** As plugins for translations do: the list that WordPress sees is another one. */
if ( get_option( 'pressroom_test_read' ) === 'sticky-by-filter' ) {
	add_filter( 'option_sticky_posts', 'array_unique' );
}

/** As plugins that make links do: the post that WordPress has taken for itself comes by here. */
if ( get_option( 'pressroom_test_read' ) === 'post-handed-on' ) {
	add_filter(
		'post_link',
		function ( $link, $post ) {
			return $link . '#' . md5( $post->post_content );
		},
		10,
		2
	);
}

/** The same with terms. */
if ( get_option( 'pressroom_test_read' ) === 'term-handed-on' ) {
	add_filter(
		'term_link',
		function ( $link, $term ) {
			return $link . '#' . $term->count;
		},
		10,
		2
	);
}
if ( get_option( 'pressroom_test_read' ) === 'terms-handed-on' ) {
	add_filter(
		'get_category',
		function ( $term ) {
			$term->slug .= '-' . $term->count;
			return $term;
		}
	);
}

if ( get_option( 'pressroom_test_read' ) === 'pages-handed-on' ) {
	add_filter(
		'get_pages',
		function ( $pages ) {
			foreach ( $pages as $page ) {
				$page->post_title .= ' ' . md5( $page->post_content );
			}
			return $pages;
		}
	);
}

/** Readers of the tests comment faster than people do. */
add_filter( 'comment_flood_filter', '__return_false', 99 );

/** A view counter as many plugins have one: each render writes. */
add_action(
	'wp_head',
	function () {
		global $wpdb;
		if ( get_option( 'pressroom_test_counter' ) ) {
			$wpdb->query( "UPDATE {$wpdb->prefix}pressroom_test SET views = views + 1 WHERE id=2" );
		}
	}
);

/** Answers for the tests: `?pressroom_test=…` runs one behaviour. */
add_action(
	'template_redirect',
	function () {
		global $wpdb;
		switch ( $_GET['pressroom_test'] ?? '' ) {
			case 'write-redirect':
				update_option( 'pressroom_test_option', sanitize_text_field( $_GET['value'] ) );
				wp_redirect( home_url( '/' ) );
				exit;
			case 'write-code':
				file_put_contents( __DIR__ . '/word.php', '<?php return ' . var_export( $_GET['value'], true ) . ';' );
				exit( 'written' );
			case 'write-flush':
				update_option( 'pressroom_test_option', sanitize_text_field( $_GET['value'] ) );
				while ( ob_get_level() > 0 ) {
					ob_end_flush();
				}
				echo 'flushed';
				flush();
				fastcgi_finish_request();
				exit;
			case 'flush-write':
				while ( ob_get_level() > 0 ) {
					ob_end_clean();
				}
				echo 'early';
				flush();
				update_option( 'pressroom_test_option', sanitize_text_field( $_GET['value'] ) );
				exit;
			case 'shutdown-write':
				add_action(
					'shutdown',
					function () {
						update_option( 'pressroom_test_option', sanitize_text_field( $_GET['value'] ) );
					},
					100
				);
				echo 'later';
				exit;
			case 'transaction':
				$wpdb->query( 'START TRANSACTION' );
				update_option( 'pressroom_test_option', sanitize_text_field( $_GET['value'] ) );
				$wpdb->query( 'COMMIT' );
				echo 'committed';
				exit;
			case 'short-lived':
				header( 'Cache-Control: public, max-age=90' );
				exit( 'short-lived' );
			case 'version':
				echo 'version: ' . esc_html( require __DIR__ . '/version.php' );
				exit;
			case 'self':
				$answer = wp_remote_get( home_url( '/wp-login.php' ) );
				echo is_wp_error( $answer ) ? 'error: ' . esc_html( $answer->get_error_message() ) : 'status: ' . (int) wp_remote_retrieve_response_code( $answer );
				exit;
			case 'mail':
				echo wp_mail( 'reader@example.org', 'Grüße from the press', "Line one\nLine two" ) ? 'sent' : 'not sent';
				exit;
		}
	}
);

/** An event of WordPress's cron: leaves behind that it ran. */
add_action(
	'pressroom_test_event',
	function ( $word ) {
		update_option( 'pressroom_test_ran', $word );
	}
);

register_activation_hook(
	__FILE__,
	function () {
		global $wpdb;
		$wpdb->query( "CREATE TABLE IF NOT EXISTS {$wpdb->prefix}pressroom_test (id INT PRIMARY KEY, word VARCHAR(50), views INT DEFAULT 0) ENGINE=InnoDB" );
		$wpdb->query( "REPLACE INTO {$wpdb->prefix}pressroom_test (id, word) VALUES (1, 'first'), (2, 'counter')" );
	}
);

<?php
/**
 * A site that means ill, for so many seconds: `?kind=KIND&seconds=N`, or `php misbehave.php KIND N` (more processes).
 * It stops short of filling a disk that has no cap: FREE bytes are left.
 */
error_reporting( 0 );
set_time_limit( 0 );
const FREE = 8e9, PIECE = 1048576;
list( $kind, $seconds ) = isset( $argv ) ? array_slice( $argv, 1 ) : array( $_GET['kind'], $_GET['seconds'] );
$wp_config = file_get_contents( __DIR__ . '/../wp-config.php' );
define( 'UNTIL', microtime( true ) + (float) $seconds );
define( 'PLACE', dirname( __DIR__, 2 ) . '/private/worst-' . getmypid() );
define( 'MANY', isset( $argv ) );
mkdir( PLACE );

function goes_on() {
	return microtime( true ) < UNTIL;
}

function constant_of( $name ) {
	global $wp_config;
	return preg_match( "/'$name', '([^']*)'/", $wp_config, $found ) ? $found[1] : '';
}

/** This many processes more of the same; each of them goes on with the script. */
function multiply( $number ) {
	for ( $made = 0; MANY && $made < $number; $made++ ) {
		if ( pcntl_fork() === 0 ) {
			return;
		}
	}
}

function connection() {
	mysqli_report( MYSQLI_REPORT_OFF );
	$connection = mysqli_init();
	$socket     = substr( constant_of( 'DB_HOST' ), strlen( 'localhost:' ) );
	$is_there   = $connection->real_connect( 'localhost', constant_of( 'DB_USER' ), '', constant_of( 'DB_NAME' ), 0, $socket );
	if ( $is_there ) {
		$connection->query( 'SET SESSION max_statement_time = 0' );
	}
	return $is_there ? $connection : null;
}

function processor() {
	multiply( 40 );
	while ( goes_on() ) {
		hash( 'sha256', str_repeat( 'x', 100000 ) );
	}
}

function forks() {
	while ( goes_on() ) {
		if ( MANY ) {
			pcntl_fork(); // Parents and children alike.
			pcntl_waitpid( -1, $status, WNOHANG );
		} else {
			exec( '/bin/true & /bin/true & /bin/true & wait' );
		}
	}
}

function memory() {
	while ( goes_on() ) {
		exec( "php8.2 -d memory_limit=-1 -r '\$all = array(); while ( true ) { \$all[] = str_repeat( \"x\", 8388608 ); }'" );
	}
}

function disk() {
	multiply( 3 );
	$name = PLACE . '-' . getmypid();
	for ( $number = 0; goes_on(); $number++ ) {
		$file = fopen( $name, 'wb' );
		for ( $size = 0; goes_on() && $size < 4e9 && disk_free_space( PLACE ) > FREE; $size += PIECE ) {
			if ( fwrite( $file, random_bytes( 1024 ) . str_repeat( 'x', PIECE - 1024 ) ) !== PIECE ) {
				break;
			}
		}
		fclose( $file );
	}
	unlink( $name );
}

/** Small synced writes, and reads that no memory serves. */
function io() {
	multiply( 15 );
	$name = PLACE . '-' . getmypid();
	file_put_contents( $name, str_repeat( 'x', 64 * PIECE ) );
	$file = fopen( $name, 'r+b' );
	while ( goes_on() ) {
		fseek( $file, random_int( 0, 16000 ) * 4096 );
		fwrite( $file, random_bytes( 4096 ) );
		fsync( $file );
		if ( MANY ) {
			exec( "dd if=$name of=/dev/null bs=1M count=16 iflag=direct 2>/dev/null" );
		}
	}
	unlink( $name );
}

function files() {
	multiply( 3 );
	$folder = PLACE . '-' . getmypid();
	while ( goes_on() ) {
		mkdir( $folder );
		for ( $number = 0; goes_on() && $number < 20000 && touch( "$folder/$number" ); $number++ );
		array_map( 'unlink', glob( "$folder/*" ) );
	}
	exec( "rm -rf $folder" );
}

function connections() {
	$held = array();
	while ( goes_on() ) {
		$one = connection();
		if ( $one ) {
			$held[] = $one;
		} else {
			usleep( 1000 );
		}
		if ( ! MANY && count( $held ) > 20 ) {
			$held = array();
		}
	}
}

/** At the platform's own sockets: where answers wait for the invalidator, and where mail is handed in. */
function knocks() {
	multiply( 7 );
	$place   = dirname( __DIR__, 2 );
	$sockets = dirname( $place, 2 ) . '/objects/' . basename( $place );
	for ( $number = 0; goes_on(); $number++ ) {
		$name = $number % 2 ? 'barrier' : 'mail';
		$one  = stream_socket_client( "unix://$sockets/$name.sock", $code, $why, 1 );
		$one && fclose( $one );
	}
}

/** As many at once as there are connections, and none that is capped. */
function statements() {
	multiply( 60 );
	while ( goes_on() ) {
		$connection = connection();
		$connection ? $connection->query( "SELECT BENCHMARK(30000000, SHA2('a', 512))" ) : usleep( 10000 );
	}
}

/** Rows, and with them the binlog, the log of InnoDB, and the disk. */
function writes() {
	multiply( 7 );
	while ( goes_on() && ! ( $connection = connection() ) );
	$connection->query( 'CREATE TABLE IF NOT EXISTS worst (n BIGINT PRIMARY KEY AUTO_INCREMENT, t MEDIUMTEXT)' );
	$rows = implode( ',', array_fill( 0, 50, "(REPEAT(MD5(RAND()), 250))" ) );
	while ( goes_on() && disk_free_space( PLACE ) > FREE ) {
		$connection->query( "INSERT INTO worst (t) VALUES $rows" );
		$connection->query( 'UPDATE worst SET t = REVERSE(t) ORDER BY RAND() LIMIT 50' );
		$connection->query( 'DELETE FROM worst WHERE n < (SELECT MAX(n) - 20000 FROM (SELECT n FROM worst) AS w)' );
	}
}

function logs() {
	multiply( 3 );
	while ( goes_on() && disk_free_space( PLACE ) > FREE ) {
		error_log( str_repeat( 'x', 4000 ) );
		file_put_contents( 'php://stderr', str_repeat( 'x', 4000 ) . "\n" );
		connection(); // Which ends without a word.
	}
}

$kind();
rmdir( PLACE );
echo 'done';

"""Attempts of a tenant at what is not its own: a name, the walls of which each keeps it out by itself, and PHP code that
returns whether it came through. `<A>` and `<B>` are the homes of the tenant's and a neighbour's site, `<R>` is the node's
root folder, `<D>` the number of MariaDB's process.
"""

ATTEMPTS = [
    ("a neighbour's wp-config.php", "files user", "return (bool) file_get_contents( '<B>/public/wp-config.php' );"),
    ("the same by a link", "files user", "symlink( '<B>/public/wp-config.php', '<A>/private/l' ); $got = file_get_contents( '<A>/private/l' ); unlink( '<A>/private/l' ); return (bool) $got;"),
    ("the same by a hard link", "files user", "$made = link( '<B>/public/wp-config.php', '<A>/private/h' ); unlink( '<A>/private/h' ); return $made;"),
    ("the same by a program", "files user", "exec( '/bin/cat <B>/public/wp-config.php', $said ); return (bool) $said;"),
    ("the same by a program in the place of sendmail", "files user", "exec( \"/bin/sh -c 'read line < <B>/public/wp-config.php && echo \\$line'\", $said ); return (bool) $said;"),
    ("whether there is a neighbour", "files", "return file_exists( '<B>' );"),
    ("the list of sites", "files", "return (bool) file_get_contents( '<R>/etc/sites.json' );"),
    ("nginx's configuration", "files", "return (bool) file_get_contents( '<R>/etc/nginx/nginx.conf' );"),
    ("nginx's log", "files user", "return (bool) file_get_contents( '<R>/log/nginx/visits.log' );"),
    ("the platform's state", "files user", "return (bool) file_get_contents( '<R>/control/state.db' );"),
    ("the page store", "files user", "return (bool) glob( '<R>/store/*/current/*' );"),
    ("MariaDB's files", "files user", "return (bool) glob( '<R>/mariadb/*' );"),
    ("the mail of others", "files user", "return (bool) scandir( '<R>/mail' );"),
    ("the machine's passwords", "files user", "return (bool) file_get_contents( '/etc/shadow' );"),
    ("the machine's users", "files", "return 5 < count( file( '/etc/passwd' ) );"),
    ("scheduled jobs", "files", "return is_dir( '/var/spool/cron' ) || is_dir( '/etc/cron.d' );"),
    ("another user's processes", "processes", "foreach ( glob( '/proc/[0-9]*/cmdline' ) as $f ) { if ( str_starts_with( (string) file_get_contents( $f ), '/usr/sbin/mariadbd' ) ) return true; } return false;"),
    ("another process's environment", "processes user", "foreach ( glob( '/proc/[0-9]*/environ' ) as $f ) { if ( str_contains( (string) file_get_contents( $f ), 'PRESSROOM_PROGRAM=' ) && getmypid() != basename( dirname( $f ) ) ) return true; } return false;"),
    ("a signal to MariaDB", "processes user", "return posix_kill( <D>, 0 );"),
    ("supervisord", "files user", "return (bool) stream_socket_client( 'unix://<R>/run/supervisor.sock', $n, $why, 2 );"),
    ("the activator", "files user", "return (bool) stream_socket_client( 'unix://<R>/run/activator.sock', $n, $why, 2 );"),
    ("the invalidator's own socket", "files user", "return (bool) stream_socket_client( 'unix://<R>/run/core/invalidator.sock', $n, $why, 2 );"),
    ("nginx's internal way", "files user", "return (bool) stream_socket_client( 'unix://<R>/run/core/http.sock', $n, $why, 2 );"),
    ("where visitors wait", "files", "return (bool) stream_socket_client( 'unix://<R>/run/public/waiting.sock', $n, $why, 2 );"),
    ("a neighbour's PHP", "files user", "return (bool) stream_socket_client( 'unix://<B>/run/web.sock', $n, $why, 2 );"),
    ("its own render pool", "files user", "return (bool) stream_socket_client( 'unix://<A>/run/render.sock', $n, $why, 2 );"),
    ("a neighbour's gate", "files user", "$file = '<R>/gates/' . basename( '<B>' ) . '/canary'; $made = touch( $file ); unlink( $file ); return $made;"),
    ("to write into the core", "user", "return false !== file_put_contents( '<A>/public/wp-load.php', '', FILE_APPEND );"),
    ("to write beside the platform's PHP", "files user", "$made = file_put_contents( '<R>/lib/php/x', 'x' ); unlink( '<R>/lib/php/x' ); return (bool) $made;"),
    ("a user namespace", "calls", "exec( '/usr/bin/unshare -U /bin/true 2>&1', $said, $code ); return $code === 0;"),
    ("to be traced", "calls", "exec( \"/usr/bin/python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)' 2>&1\", $said, $code ); return $code === 0;"),
    ("raw packets", "calls user", "exec( \"/usr/bin/python3 -c 'import socket; socket.socket(17, 3)' 2>&1\", $said, $code ); return $code === 0;"),
]  # fmt: skip

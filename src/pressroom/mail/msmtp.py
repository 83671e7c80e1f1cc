"""The configuration of msmtp, which PHP's mail() of each site starts. Pure."""

from __future__ import annotations

from pressroom.model.layout import Layout

# msmtp's sender for mail whose program named none (`%U` is the Unix user). The relay's way replaces it.
NOBODY_DOMAIN = "localhost"


def msmtprc(layout: Layout) -> str:
    """The text of a site's ``private/msmtprc``; the same for every site, for the socket's peer tells who sends.

    PHP's ``sendmail_path`` is ``/usr/bin/msmtp -C <that file> -t -i``. `--read-envelope-from` must not be
    added: msmtp refuses it together with the ``-f`` that PHP's mail() is often given.
    """
    return (
        "defaults\n"
        "auth off\n"
        "tls off\n"
        "syslog off\n"
        "timeout 20\n"
        f"domain {NOBODY_DOMAIN}\n"
        "account default\n"
        f'socket "{layout.mail_socket}"\n'
        f"from %U@{NOBODY_DOMAIN}\n"
    )

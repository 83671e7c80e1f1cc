"""The configuration of msmtp, which PHP's mail() of each site starts. Pure."""

from __future__ import annotations

# msmtp's sender for mail whose program named none (`%U` is the Unix user). The relay's way replaces it.
NOBODY_DOMAIN = "localhost"


def msmtprc() -> str:
    """The text of ``etc/msmtprc``; the same for every site, whose own socket is in its PHP's ``sendmail_path``.

    `--read-envelope-from` must not be added there: msmtp refuses it together with the ``-f`` that PHP's mail() is
    often given.
    """
    return (
        "defaults\n"
        "auth off\n"
        "tls off\n"
        "syslog off\n"
        "timeout 20\n"
        f"domain {NOBODY_DOMAIN}\n"
        "account default\n"
        f"from %U@{NOBODY_DOMAIN}\n"
    )

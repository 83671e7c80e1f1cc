"""Runs a site's due events: a request to its wp-cron.php by nginx's internal way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from pressroom.cron.roster import CronSite
from pressroom.cron.schedule import LONGEST_RUN, Outcome


class CronRequests:
    """Sends the requests."""

    def __init__(self, socket: Path) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket), limits=limits),
            timeout=httpx.Timeout(LONGEST_RUN, connect=5.0),
        )

    async def run(self, site: CronSite, take_over: str = "") -> tuple[Outcome, str]:
        """Ask for the site's due events. Returns how it ended and, in a few words, what was answered.

        ``doing_wp_cron`` stays empty: with a value, wp-cron.php believes that a page view has taken its lock for it,
        and does nothing unless the lock has that value. `take_over` is such a lock's, left over from the future.
        """
        url = "http://localhost/wp-cron.php?doing_wp_cron" + (f"={take_over}" if take_over else "")
        try:
            async with asyncio.timeout(LONGEST_RUN):
                async with self._client.stream("GET", url, headers={"Host": site.host_header}) as response:
                    async for _ in response.aiter_raw():
                        pass  # To its end: PHP without fastcgi_finish_request answers when it is done.
        except TimeoutError:
            return Outcome.FAILED, f"no answer within {LONGEST_RUN:g} s"
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome.UNREACHABLE, str(error) or "nginx cannot be reached"
        except httpx.HTTPError as error:
            return Outcome.FAILED, str(error) or type(error).__name__
        done = response.status_code in (200, 204)
        return (Outcome.ANSWERED if done else Outcome.FAILED), f"status {response.status_code}"

    async def close(self) -> None:
        await self._client.aclose()

"""The daemon with WebSub on, as a process over a real database, with a real hub: published, told, polled, alerted."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from newsroom import Article
from tests.conftest import Desk, end, wait_for
from tests.test_operation import free_port
from tests.test_scheduler import TEXT
from tests.websub_hub import Hub

OUTLET = "koransekanak"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def told(desk: Desk, hub: Hub) -> Desk:
    """A desk that watches one outlet once an hour, whose feed names a hub."""
    desk.newsroom.advertise(OUTLET, hub.url)
    port = free_port()
    callback = {"callback": f"http://127.0.0.1:{port}/websub", "port": port}
    desk.configure(every="1h", only=[OUTLET], websub=callback)
    text = desk.config.read_text("utf-8").replace("sources:\n", f"sources:\n{hub.entry}", 1)
    desk.config.write_text(text, "utf-8")
    return desk


def topic(desk: Desk) -> str:
    return str(desk.newsroom.outlet(OUTLET).discover[0]["feed"])


def run(desk: Desk) -> subprocess.Popen[str]:
    with (desk.folder / "log").open("a") as log:
        return subprocess.Popen(desk.command("run"), cwd=desk.folder, text=True, stdout=log, stderr=log)


CAMAT = ("Camat Dilaporkan Tidak Netral oleh Warga", TEXT)
# Another event: one that told the same would be of the first one's story, and raise no alert of its own.
DOKTER = (
    "Tiga Dokter Puskesmas Hadir di Kampanye",
    [
        "Bawaslu menelusuri foto tiga dokter berstatus ASN yang mengenakan kaus bergambar pasangan calon bupati di lapangan sepak bola.",
        "Kepala dinas kesehatan menyerahkan sanksi atas pelanggaran netralitas ASN itu kepada komisi di ibu kota sebelum akhir Desember.",
    ],
)


def publish(desk: Desk, article: tuple[str, list[str]]) -> None:
    desk.newsroom.publish(OUTLET, Article.of(OUTLET, article[0], article[1], on_topic=True))


def alerted(desk: Desk, article: tuple[str, list[str]]) -> bool:
    return article[0] in {
        delivery.json["data"].get("article", {}).get("title") for delivery in desk.receiver.deliveries
    }


def log(desk: Desk) -> str:
    return (desk.folder / "log").read_text("utf-8")


def states(desk: Desk) -> list[str]:
    return [row["state"] for row in desk.rows("SELECT state FROM subscriptions")]


def test_a_hub_s_notice_brings_an_alert_at_once_also_after_a_restart_and_not_where_it_is_forged(
    told: Desk, hub: Hub
) -> None:
    process = run(told)
    try:
        wait_for(lambda: hub.answers == [200] and "poll source=koransekanak" in log(told))
        wait_for(lambda: states(told) == ["active"])
        publish(told, CAMAT)
        assert hub.tell(topic(told)) == 202
        wait_for(lambda: alerted(told, CAMAT), 30)

        publish(told, DOKTER)
        assert hub.tell(topic(told), signature="sha256=" + "0" * 64) == 202
        assert hub.ask(hub.subscribers[topic(told)].callback + "x", mode="subscribe").status_code == 404
        status = told.pantau("status").stdout
        assert "hubs: 1 active" in status
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not alerted(told, DOKTER)

        process = run(told)  # what is subscribed stays subscribed; nobody is asked again
        wait_for(lambda: log(told).count("watching sources") == 2)
        assert hub.tell(topic(told)) == 202
        wait_for(lambda: alerted(told, DOKTER), 30)
        assert len(hub.requests) == 1

        secrets = told.rows("SELECT secret, token FROM subscriptions")[0]
        # Turned off by a reload: nobody listens any more, polls go on.
        text = told.config.read_text("utf-8")
        told.config.write_text("\n".join(line for line in text.splitlines() if "websub:" not in line) + "\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded sources" in log(told))
        with pytest.raises(httpx.ConnectError):
            hub.tell(topic(told))
        assert states(told) == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "Traceback" not in log(told)
        assert not [value for value in secrets.values() if value in log(told) + status]
    finally:
        end(process)


def test_a_port_that_is_taken_is_a_plain_error(told: Desk, hub: Hub) -> None:
    text = told.config.read_text("utf-8")
    told.config.write_text(re.sub(r'"port": \d+', f'"port": {hub.port}', text, count=1), "utf-8")
    done = told.pantau("run")
    assert (done.returncode, f"port {hub.port} cannot be used" in done.stderr) == (2, True)

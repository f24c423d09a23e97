"""Pictures come from any server or are reported, and no interruption leaves half of one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.pictures import MISSES, download
from beautylens.catalogue.download.transfer import Manners
from beautylens.images.decode import decode
from tests.catalogue.fetching import QUICK, fetch, reasons
from tests.catalogue.web import PICTURE, Handler, Web, serving
from tests.images.pictures import saved, smooth


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "pictures").rglob("*") if path.is_file())


def test_pictures_come_byte_for_byte_under_their_ids_with_the_suffix_of_their_type(
    web: Web, tmp_path: Path
) -> None:
    done = fetch(web, tmp_path, "ok", "png", "redirect")
    assert {name: path.name for name, path in done.pictures.items()} == {
        "id-ok": "id-ok.jpg", "id-png": "id-png.png", "id-redirect": "id-redirect.jpg",
    }  # fmt: skip
    assert done.pictures["id-ok"].read_bytes() == PICTURE
    assert done.pictures["id-png"].read_bytes() == saved(smooth(), "PNG")
    assert files(tmp_path) == sorted(done.pictures.values())
    assert (done.fetched, done.present, done.dead, done.left) == (3, 0, (), 0)
    assert done.report.read_text() == "id,address,reason,row\n"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("404", "answers 404 Not Found"),
        ("html", "what comes holds a web page or other text"),
        ("empty", "what comes is empty"),
        ("dot", "what comes has 1 x 1 pixels; each side needs at least 8"),
        ("open-end", "what comes cannot be decoded"),
        ("large", "has 1,099,511,627,776 bytes or more, where at most 67,108,864 are allowed"),
        ("redirect-file", "redirects to no http or https address"),
        ("redirect-ftp", "redirects to no http or https address"),
        ("redirect-bad", "leads to no http or https address"),
        ("redirect-port", "redirects to another port"),
        ("redirect-private", "redirects into a private network"),
        ("redirect-round", "redirects too often (more than 5 times)"),
    ],
)
def test_a_dead_link_is_reported_and_asked_again_only_when_told(
    web: Web, tmp_path: Path, path: str, reason: str
) -> None:
    done = fetch(web, tmp_path, path, "ok")
    assert reasons(done)[path].startswith(reason)
    asked = web.asked[f"/{path}"]
    assert asked == (6 if path == "redirect-round" else 1)
    done = fetch(web, tmp_path, path, "ok")
    assert (done.fetched, done.present) == (0, 1)
    assert reasons(done)[path].startswith(reason)
    assert web.asked[f"/{path}"] == asked
    fetch(web, tmp_path, path, "ok", again=True)
    assert web.asked[f"/{path}"] == 2 * asked
    assert web.asked["/ok"] == 1
    assert [file.name for file in files(tmp_path)] == ["id-ok.jpg"]


def test_what_may_pass_is_tried_again_at_once_and_in_the_next_run(web: Web, tmp_path: Path) -> None:
    done = fetch(web, tmp_path, "500-once", "500", "cut-once", "cut")
    assert set(done.pictures) == {"id-500-once", "id-cut-once"}
    said = reasons(done)
    assert said["500"] == "for now: answers 500 Internal Server Error"
    assert said["cut"].startswith("for now: breaks off")
    assert web.asked["/500"] == 1 + QUICK.retries
    assert web.asked["/cut"] == 2
    web.answers["500"] = web.answers["cut"] = web.answers["ok"]
    done = fetch(web, tmp_path, "500-once", "500", "cut-once", "cut")
    assert (done.fetched, done.present, reasons(done)) == (2, 2, {})


def test_a_host_that_does_not_answer_is_given_up_and_the_others_go_on(
    web: Web, tmp_path: Path
) -> None:
    with serving() as other:
        away = other.url("{}", host="localhost")
    links = [Link(f"a{number}", away.format(number), number) for number in range(MISSES + 3)]
    links.append(Link("ok", web.url("ok"), 99))
    done = download(links, tmp_path, manners=QUICK)
    assert (done.fetched, len(done.dead), done.left) == (1, MISSES, 3)
    assert all(reason.startswith("for now: does not answer (") for reason in reasons(done).values())
    # The next run begins with those that were not tried, so that no few bad links block a host.
    done = download(links, tmp_path, manners=QUICK)
    assert {f"a{number}" for number in range(MISSES, MISSES + 3)} <= {
        dead.link.picture_id for dead in done.dead
    }


def test_a_host_gets_one_request_at_a_time_unless_told_and_hosts_run_side_by_side(
    web: Web, tmp_path: Path
) -> None:
    def two_meet_within(seconds: float) -> None:
        barrier = threading.Barrier(2, timeout=seconds)

        def meet(handler: Handler) -> None:
            try:
                barrier.wait()
                handler.give(PICTURE)
            except threading.BrokenBarrierError:
                handler.give(b"", 404)

        web.answers["meet"] = meet

    one_host = [Link("1", web.url("1/meet")), Link("2", web.url("2/meet"))]
    two_hosts = [Link("1", web.url("3/meet")), Link("2", web.url("4/meet", host="localhost"))]
    two_meet_within(0.1)
    assert download(one_host, tmp_path / "one", manners=QUICK).fetched == 0
    two_meet_within(5)
    assert download(two_hosts, tmp_path / "two", manners=QUICK).fetched == 2
    two_meet_within(5)
    twice = Manners(connections=2, rate=10_000)
    assert download(one_host, tmp_path / "twice", manners=twice).fetched == 2


@pytest.mark.parametrize(
    "name",
    [
        "../../up",
        "/etc/x",
        "a/b",
        "C:\\x",
        "crème 50 ml",
        "..",
        ".",
        "a.part",
        "x;y",
        "n\n1",
        "100%",
    ],
)
def test_no_id_leads_out_of_the_folder_or_hides_its_picture(
    web: Web, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    done = download([Link(name, web.url("ok"))], out, manners=QUICK)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file() and path != done.report]
    assert file == done.pictures[name]
    assert file.parent.parent == out / "pictures"
    assert file.suffix == ".jpg"
    assert download([Link(name, web.url("ok"))], out, manners=QUICK).present == 1


def test_what_is_there_but_no_picture_is_fetched_again(web: Web, tmp_path: Path) -> None:
    file = fetch(web, tmp_path, "ok").pictures["id-ok"]
    file.write_bytes(b"\0" * 100)
    done = fetch(web, tmp_path, "ok")
    assert (done.fetched, done.present, file.read_bytes()) == (1, 0, PICTURE)


def test_a_new_address_of_a_dead_link_is_asked(web: Web, tmp_path: Path) -> None:
    download([Link("n1", web.url("404"), 1)], tmp_path, manners=QUICK)
    done = download([Link("n1", web.url("ok"), 1)], tmp_path, manners=QUICK)
    assert done.fetched == 1


def test_dead_links_outside_a_shorter_run_stay_remembered(web: Web, tmp_path: Path) -> None:
    fetch(web, tmp_path, "ok", "404")
    assert fetch(web, tmp_path, "ok").dead == ()
    assert len(fetch(web, tmp_path, "ok", "404").dead) == 1
    assert web.asked["/404"] == 1


def test_a_report_that_a_kill_cut_short_still_counts_line_by_line(web: Web, tmp_path: Path) -> None:
    fetch(web, tmp_path, "404", "html")
    report = tmp_path / "dead.csv"
    text = report.read_text()
    cut = text.index("html")
    report.write_text(text[:cut])
    assert set(reasons(fetch(web, tmp_path, "404", "html", "empty"))) == {"404", "html", "empty"}
    assert (web.asked["/404"], web.asked["/html"]) == (1, 2)


def test_progress_counts_what_was_there_what_came_and_what_is_dead(
    web: Web, tmp_path: Path
) -> None:
    fetch(web, tmp_path, "ok", "404")
    seen: list[tuple[int, int, int]] = []
    paths = ("ok", "404", "png", "html")
    links = [Link(f"id-{path}", web.url(path)) for path in paths]
    download(links, tmp_path, manners=QUICK, progress=lambda *state: seen.append(state))
    assert seen == [(3, 4, 1), (4, 4, 2)]


def test_a_full_disk_stops_the_run_and_blames_no_link(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("beautylens.catalogue.download.transfer._store", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(web, tmp_path, "ok")
    assert (tmp_path / "dead.csv").read_text() == "id,address,reason,row\n"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_end_in_the_middle_leaves_no_half_picture_and_the_next_run_goes_on(
    web: Web, tmp_path: Path, end: signal.Signals
) -> None:
    half_way, release = threading.Event(), threading.Event()

    def stall(handler: Handler) -> None:
        handler.begin(len(PICTURE))
        handler.wfile.write(PICTURE[: len(PICTURE) // 2])
        half_way.set()
        release.wait(30)

    web.answers["stall"] = stall
    paths = ("ok", "404", "stall", "png")
    rows = [(f"id-{path}", web.url(path), row) for row, path in enumerate(paths, 1)]
    program = (
        # Background jobs of a shell ignore interruptions, and so would what they start.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from pathlib import Path\n"
        "from beautylens.catalogue.download.pictures import *\n"
        "from beautylens.catalogue.download.dead_links import Link\n"
        f"download([Link(*row) for row in {rows}], Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path], stderr=subprocess.PIPE)
    assert half_way.wait(20)
    process.send_signal(end)
    process.communicate(timeout=20)
    release.set()
    names = [file.name for file in files(tmp_path) if file.suffix != ".part"]
    assert names == ["id-ok.jpg"]
    assert "id-404" in (tmp_path / "dead.csv").read_text()
    web.answers["stall"] = web.answers["ok"]
    done = fetch(web, tmp_path, *paths)
    assert (done.fetched, done.present, len(done.dead)) == (2, 1, 1)
    assert (web.asked["/ok"], web.asked["/404"]) == (1, 1)
    assert all(file.suffix != ".part" for file in files(tmp_path))
    for file in done.pictures.values():
        decode(file)

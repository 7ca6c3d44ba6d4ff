"""The client against a server on this machine that speaks AcoustID's interface, in good days and bad."""

import gzip
import json
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from linernotes.audio.files import read_audio
from linernotes.cli.main import main
from linernotes.errors import InputError
from linernotes.fingerprint.chromaprint.acoustid import AcoustidClient, ServiceError
from linernotes.fingerprint.chromaprint.acoustid_answer import read_answer
from linernotes.fingerprint.chromaprint.codec import decode
from linernotes.fingerprint.chromaprint.compare import compare
from linernotes.fingerprint.chromaprint.extract import extract
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.workflows.acoustid import look_up_files

MUSIC = sorted((Path(__file__).parents[4] / "demo" / "corpus" / "audio").glob("*.ogg"))[::20]
KEY = "a-key-of-ours"
MBID = "cd2e7c47-16f5-46c6-a37c-a1eb7bf599ff"
RECORDING = {
    "id": MBID,
    "title": "Lullaby",
    "duration": 641,
    "sources": 12,
    "isrcs": ["USRC17607839"],
    "artists": [{"id": "a", "name": "Ada", "joinphrase": " feat. "}, {"id": "b", "name": "Grace"}],
    "releasegroups": [{"id": "g", "title": "Sleep", "type": "Album"}, {"id": "h"}],
}
FINGERPRINT = Chromaprint.of([1, 2, 3])


class Service:
    """AcoustID in small: knows one recording by its fingerprint, and replays the answers that a test lines up."""

    def __init__(self):
        self.requests, self.lined_up, self.known = [], [], None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                service.answer(self)

            def do_GET(self):
                service.requests.append(("GET", self.path))
                self.send_error(500)

            def log_message(self, *_given):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        assert handler.headers["Content-Encoding"] == "gzip"
        form = dict(urllib.parse.parse_qsl(gzip.decompress(body).decode(), strict_parsing=True))
        self.requests.append((handler.path, form, dict(handler.headers)))
        status, headers, held = self.lined_up.pop(0) if self.lined_up else (None, {}, None)
        if callable(held):
            held(handler)
            return
        if status is None:
            status, held = self.look_up(form)
        data = held if isinstance(held, bytes) else json.dumps(held).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def look_up(self, form):
        if form["client"] != KEY:
            return 400, {"status": "error", "error": {"code": 4, "message": "invalid API key"}}
        query = decode(form["fingerprint"])
        best = compare(query, self.known) if self.known is not None else None
        if best is None or best.score < 50:
            return 200, {"status": "ok", "results": []}
        result = {"id": "9ff43b6a", "score": 1 - best.bit_error_rate, "recordings": [RECORDING]}
        return 200, {"status": "ok", "results": [{"id": "weaker", "score": 0.1}, result]}


@pytest.fixture(scope="module")
def running():
    service = Service()
    yield service
    service.close()


@pytest.fixture
def service(running):
    running.requests, running.lined_up, running.known = [], [], None
    return running


class Hours:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def client(service, hours=None, **given):
    hours = hours or Hours()
    return AcoustidClient(KEY, service.url, sleep=hours.sleep, clock=lambda: hours.now, **given)


def test_a_known_recording_is_named(service):
    service.known = extract(read_audio(MUSIC[0]))
    (answer,) = look_up_files([MUSIC[0]], client(service))
    assert answer["query"] == str(MUSIC[0])
    best = answer["results"][0]
    assert (best["acoustid"], best["score"]) == ("9ff43b6a", 1.0)
    assert best["recordings"] == [
        {
            "mbid": MBID,
            "title": "Lullaby",
            "artist": "Ada feat. Grace",
            "duration_s": 641.0,
            "isrcs": ["USRC17607839"],
            "n_sources": 12,
            "release_groups": [
                {"mbid": "g", "title": "Sleep", "type": "Album"},
                {"mbid": "h", "title": "", "type": ""},
            ],
        }
    ]
    assert answer["results"][1]["recordings"] == []
    assert "not a false-match rate" in answer["scope"]


def test_what_is_sent_is_fingerprint_duration_and_key_and_nothing_else(service):
    look_up_files([MUSIC[0]], client(service))
    path, form, headers = service.requests[0]
    assert path == "/v2/lookup"
    assert form.keys() == {"client", "clientversion", "format", "duration", "fingerprint", "meta"}
    assert (form["client"], form["duration"], form["format"]) == (KEY, "24", "json")
    assert form["meta"].split()[:2] == ["recordings", "releasegroups"]
    assert decode(form["fingerprint"]).values.tolist() == extract(read_audio(MUSIC[0])).values.tolist()
    sent = json.dumps([form, headers])
    assert MUSIC[0].stem not in sent
    assert headers["User-Agent"].startswith("linernotes/")


def test_unknown_music_has_no_result(service):
    assert client(service).look_up(FINGERPRINT, 60).results == ()


def test_three_requests_a_second_at_most(service):
    hours = Hours()
    asking = client(service, hours)
    for _ in range(4):
        asking.look_up(FINGERPRINT, 60)
    assert hours.slept == pytest.approx([1 / 3] * 3)
    hours.now += 10
    asking.look_up(FINGERPRINT, 60)
    assert len(hours.slept) == 3


def error(code, message):
    return {"status": "error", "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "held", "kind", "words"),
    [
        (400, error(4, "invalid API key"), InputError, "'invalid API key': the service does not know this key"),
        (200, error(4, "invalid API key"), InputError, "does not know this key"),
        (400, error(3, "invalid fingerprint"), InputError, "'invalid fingerprint': it refuses this fingerprint"),
        (400, error(12, "not allowed"), ServiceError, "refuses the request: 'not allowed'"),
        (413, b"<html>too large</html>", ServiceError, "HTTP status 413"),
        (404, b"", ServiceError, "HTTP status 404"),
        (200, b"<html>hotel wifi: please log in</html>", ServiceError, "not that of an AcoustID service: '<html>hotel"),
        (200, b"", ServiceError, "not that of an AcoustID service"),
        (200, b"[1, 2]", ServiceError, "not that of an AcoustID service"),
        (200, b"[" * 100_000, ServiceError, "not that of an AcoustID service"),
        (200, {"status": "fine"}, ServiceError, "not that of an AcoustID service"),
        (200, {"status": "ok", "results": 7}, ServiceError, "'results' is 7"),
        (200, {"status": "ok", "results": [{"id": "a"}]}, ServiceError, "'score' is null"),
        (200, {"status": "ok", "results": [{"id": "a", "score": 7}]}, ServiceError, "'score' is 7"),
        (200, {"status": "ok", "results": [{"id": 5, "score": 1}]}, ServiceError, "'id' is 5"),
        (400, {"error": "words alone"}, ServiceError, "words alone"),
    ],
)  # fmt: skip
def test_answers_that_do_not_pass_by_themselves_are_errors_at_once(service, status, held, kind, words):
    service.lined_up = [(status, {}, held)]
    with pytest.raises(kind) as refused:
        client(service).look_up(FINGERPRINT, 60)
    assert words in str(refused.value)
    assert KEY not in str(refused.value)
    assert len(service.requests) == 1


def test_the_real_refusal_of_a_wrong_key_is_told(service):
    with pytest.raises(InputError, match="not the user's key"):
        AcoustidClient("another", service.url).look_up(FINGERPRINT, 60)


@pytest.mark.parametrize(
    ("status", "held", "words"),
    [
        (429, error(14, "rate limit (3.0 requests per second) exceeded, try again later"), "rate limit"),
        (500, error(5, "internal error"), "internal error"),
        (503, b"upstream down", "HTTP status 503"),
        (200, error(13, "service currently unavailable, try again later"), "currently unavailable"),
    ],
)
def test_faults_that_pass_are_tried_again_and_told_when_they_stay(service, status, held, words):
    hours = Hours()
    service.lined_up = [(status, {}, held)] * 3
    assert client(service, hours).look_up(FINGERPRINT, 60).results == ()
    assert [s for s in hours.slept if s >= 1] == [1.0, 2.0, 4.0]
    service.lined_up = [(status, {}, held)] * 9
    with pytest.raises(ServiceError, match=f"tried 4 times: .*{words}"):
        client(service).look_up(FINGERPRINT, 60)
    assert len(service.lined_up) == 5


@pytest.mark.parametrize(("said", "waited"), [("17", 17.0), ("86400", 60.0), ("soon", 1.0), ("-4", 1.0)])
def test_the_service_may_say_how_long_to_wait(service, said, waited):
    hours = Hours()
    service.lined_up = [(429, {"Retry-After": said}, error(14, "slow down"))]
    client(service, hours).look_up(FINGERPRINT, 60)
    assert hours.slept[0] == waited


def test_redirects_are_not_followed_with_the_key(service):
    service.lined_up = [(307, {"Location": service.url + "/elsewhere"}, b""), (301, {"Location": "/x"}, b"")]
    for _ in range(2):
        with pytest.raises(ServiceError, match="sends us elsewhere"):
            client(service).look_up(FINGERPRINT, 60)
    assert len(service.requests) == 2


def hang(handler):
    time.sleep(0.6)
    handler.close_connection = True


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(40):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": "ok", "res')
    handler.close_connection = True


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [(hang, "no answer within"), (drip, "no answer within"), (hang_up, "broke|no connection")],
)
def test_slow_and_broken_connections_are_named(service, behaviour, words):
    service.lined_up = [(0, {}, behaviour)] * 2
    asking = AcoustidClient(KEY, service.url, timeout_s=0.25, n_tries=2, sleep=lambda _s: None)
    with pytest.raises(ServiceError, match=f"tried 2 times: .*({words})"):
        asking.look_up(FINGERPRINT, 60)


def test_a_slow_answer_is_followed_by_a_good_one(service):
    service.lined_up = [(0, {}, hang)]
    asking = AcoustidClient(KEY, service.url, timeout_s=0.25, sleep=lambda _s: None)
    assert asking.look_up(FINGERPRINT, 60).results == ()


def test_an_answer_that_breaks_off_is_not_taken_for_whole(service):
    service.lined_up = [(0, {}, cut)] * 4
    with pytest.raises(ServiceError):
        client(service).look_up(FINGERPRINT, 60)


def test_nobody_there(service):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ServiceError, match=r"tried once: no connection .*; try again later"):
        AcoustidClient(KEY, url, n_tries=1).look_up(FINGERPRINT, 60)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"key": ""}, "key: empty"),
        ({"key": "two words"}, "not one word"),
        ({"server": "http://api.acoustid.org"}, "plain HTTP"),
        ({"server": "ftp://x.org"}, "expected an address"),
        ({"server": "api.acoustid.org"}, "expected an address"),
        ({"server": "https://x.org/?a=1"}, "expected an address"),
        ({"timeout_s": 0}, "time-out"),
        ({"n_tries": 0}, "tries"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_sent(given, words):
    with pytest.raises(InputError, match=words):
        AcoustidClient(**({"key": KEY} | given))


def test_the_address_may_name_the_interface_and_the_key_is_not_shown():
    asking = AcoustidClient(KEY, "https://acoustid.example/v2/lookup")
    assert asking.server == "https://acoustid.example"
    assert KEY not in repr(asking)


@pytest.mark.parametrize("duration_s", [0, 0.5, -3, float("nan"), 1e9])
def test_a_duration_that_cannot_be_is_refused(service, duration_s):
    with pytest.raises(InputError, match="duration"):
        client(service).look_up(FINGERPRINT, duration_s)
    assert service.requests == []


def test_recordings_without_an_id_are_passed_over():
    held = {"status": "ok", "results": [{"id": "a", "score": 1, "recordings": [{}, {"id": MBID}]}]}
    (one,) = read_answer(held).results[0].recordings
    assert (one.mbid, one.title, one.artist, one.duration_s) == (MBID, "", "", None)


def test_control_characters_do_not_reach_a_terminal(service):
    found = {"id": "a", "score": 1, "recordings": [{"id": MBID, "title": "\x1b[2Jgone\n"}]}
    service.lined_up = [(200, {}, {"status": "ok", "results": [found]})]
    assert client(service).look_up(FINGERPRINT, 60).results[0].recordings[0].title == "[2Jgone"
    service.lined_up = [(404, {}, error(12, "\x1b[2Jgone"))]
    with pytest.raises(ServiceError) as refused:
        client(service).look_up(FINGERPRINT, 60)
    assert "\x1b" not in str(refused.value)


# many files, and the command line


def test_a_file_that_cannot_be_used_stops_everything_before_a_request(service, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"broken\.wav"):
        look_up_files([MUSIC[0], tmp_path / "broken.wav"], client(service))
    assert service.requests == []
    with pytest.raises(InputError, match="no files"):
        look_up_files([], client(service))


def test_what_was_answered_before_a_fault_is_kept(service):
    service.lined_up = [(200, {}, {"status": "ok", "results": []}), (404, {}, b"")]
    answers = look_up_files(MUSIC[:3], client(service))
    assert [bool(answer["error"]) for answer in answers] == [False, True, False]
    service.lined_up = [(404, {}, b"")]
    with pytest.raises(ServiceError):
        look_up_files(MUSIC[:2], client(service))


def test_the_command_prints_and_keeps_the_key_to_itself(service, capsys, monkeypatch):
    service.known = extract(read_audio(MUSIC[0]))
    words = ["acoustid", str(MUSIC[0]), "--server", service.url]
    assert main([*words, "--key", KEY]) == 0
    told = capsys.readouterr()
    assert f"Ada feat. Grace: Lullaby, recording {MBID}" in told.out
    assert KEY not in told.out + told.err
    monkeypatch.setenv("LINERNOTES_ACOUSTID_KEY", KEY)
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["results"][0]["recordings"][0]["mbid"] == MBID
    service.known = None
    assert main(words) == 0
    assert "not known to http" in capsys.readouterr().out


def test_the_command_without_a_key_sends_nothing(service, capsys, monkeypatch):
    monkeypatch.delenv("LINERNOTES_ACOUSTID_KEY", raising=False)
    assert main(["acoustid", str(MUSIC[0]), "--server", service.url]) == 3
    assert "AcoustID key: empty" in capsys.readouterr().err
    assert service.requests == []


def test_the_command_tells_which_file_got_no_answer(service, capsys):
    service.lined_up = [(200, {}, {"status": "ok", "results": []}), (404, {}, b"")]
    words = ["acoustid", str(MUSIC[0]), str(MUSIC[1]), "--server", service.url, "--key", KEY]
    assert main(words) == 3
    assert "no answer: " in capsys.readouterr().out

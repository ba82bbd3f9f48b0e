"""A headless Chromium that does what a page of ours asks the test for."""

import http.server
import json
import queue
import shutil
import threading

from support.process import Process
from support.waiting import PATIENCE_S

# A script that cannot even be loaded is told as the result of the first job.
_PAGE = b"""<!doctype html><title>Martlet</title>
<script>onerror = what => fetch('/result', { method: 'POST', body: what })</script>
<script src='/script.js'></script>"""


class Browser:
    """The page runs `script`, which takes jobs from /job and posts what came of each to /result."""

    def __init__(self, script, directory):
        self._jobs = queue.Queue()
        self._results = queue.Queue()
        self._server = self._serve(script.encode())
        port = self._server.server_address[1]
        self._process = Process(
            [
                shutil.which("chromium"),
                "--headless",
                "--no-sandbox",  # tests may run as root
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-background-timer-throttling",  # nobody looks at the page
                "--disable-renderer-backgrounding",
                "--disable-component-update",
                "--disable-sync",
                "--ignore-certificate-errors",  # of the test's own authority
                "--remote-debugging-port=0",  # stays, instead of ending once the page is loaded
                f"--user-data-dir={directory}",
                f"http://127.0.0.1:{port}/",
            ]
        )

    def run(self, job):
        """Has the page do a job; returns what it says of it."""
        self._jobs.put(job)
        try:
            return self._results.get(timeout=PATIENCE_S + 10)
        except queue.Empty:
            lines = "\n".join(self._process.text().splitlines()[-10:])
            raise AssertionError(f"the browser did not answer: {job}\n{lines}") from None

    def close(self):
        self._jobs.put(None)
        self._process.clean_up()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, script):
        jobs, results = self._jobs, self._results

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/job":
                    self.answer("application/json", json.dumps(jobs.get()).encode())
                elif self.path == "/script.js":
                    self.answer("text/javascript; charset=utf-8", script)
                else:
                    self.answer("text/html", _PAGE)

            def do_POST(self):
                size = int(self.headers["Content-Length"])
                results.put(self.rfile.read(size).decode())
                self.answer("text/plain", b"")

            def answer(self, kind, body):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

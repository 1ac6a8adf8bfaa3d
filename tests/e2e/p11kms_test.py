"""What the end-to-end tests share: a daemon of one's own, and clients of it.

    class KeysTest(p11kms_test.ServiceCase):
        def test_a_key_is_made(self):
            key = self.service.kms().create_key()["KeyMetadata"]

The programs come from $P11KMS_BUILDDIR (build/ unless set), clients are Debian's: /usr/bin/aws and boto3.
"""

import atexit
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import boto3
import botocore.config
import botocore.exceptions

import conformance

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("P11KMS_BUILDDIR", TOP / "build")).resolve()
DAEMON = BUILD / "src" / "p11kmsd"
COMMAND = BUILD / "src" / "p11kms"
AWS = "/usr/bin/aws"

ACCOUNT = "123456789012"
ADMIN = ("FOOBARKEY", "FOOBARSECRET")
APP = ("APPKEY", "APPSECRET")
REGION = "us-east-1"

# An administrator, and a user with no policy of its own: a key policy must let it in.
SEED = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
        access-keys: [{id: FOOBARKEY, secret: FOOBARSECRET}]
      - name: app
        access-keys: [{id: APPKEY, secret: APPSECRET}]
"""

START_SECONDS = 30  # sanitizers are slow to start
STOP_SECONDS = 30


def clean_environment():
    """The caller's, without what would send a client or a daemon elsewhere."""
    unwanted = re.compile(r"AWS_|P11KMS_|SOFTHSM2_CONF|NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|PYTHON|(https?|all|no)_proxy$",
                          re.IGNORECASE)
    clean = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    clean["AWS_CONFIG_FILE"] = clean["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    clean["AWS_EC2_METADATA_DISABLED"] = "true"
    return clean


def run(*argv, env=None, stdin=None, check=True, timeout=60):
    """A finished process with text in stdout and stderr; check: its status must be 0."""
    done = subprocess.run([str(word) for word in argv], env=env or clean_environment(), text=True,
                          input=stdin or "", capture_output=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


_unclosed = set()


def _close_all():
    """What an interrupted run leaves, a run leaves not."""
    for service in list(_unclosed):
        service.abandon()


atexit.register(_close_all)

# What the sanitizers say, and what nobody should.
ALARM = re.compile(r"runtime error:|Sanitizer|stack smashing|double free|corrupted|Assertion .* failed")


class Service:
    """One p11kmsd --dev in a folder of its own, which outlives stop(), kill() and restart()."""

    def __init__(self, seed=SEED, listen=("https://127.0.0.1:0",), environment=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-e2e-"))
        self.dir = self.root / "service"
        self.seed = self.root / "seed.yaml" if seed else None
        if seed:
            self.seed.write_text(seed, encoding="utf-8")
        self.listen = listen
        self.extra_environment = environment or {}
        self.process = None
        self.env = {}  # what DIR/env exports
        _unclosed.add(self)

    # ---- the process ----

    def begin(self):
        """Starts it, ready or not."""
        argv = [str(DAEMON), "--dev", "--dir", str(self.dir)]
        if self.seed:
            argv += ["--seed", str(self.seed)]
        for url in self.listen:
            argv += ["--listen", url]
        self.log = open(self.root / "log", "ab")
        self.process = subprocess.Popen(argv, env=clean_environment() | self.extra_environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)

    def start(self):
        """Returns once it is ready; AssertionError with its log when it does not get there."""
        self.begin()
        ready = self._wait_for_line(b"environment:")
        if not ready:
            self.kill()
            raise AssertionError("p11kmsd did not get ready:\n" + self.log_text())
        self.env = self._read_exports()
        return self

    def _wait_for_line(self, prefix):
        deadline = time.monotonic() + START_SECONDS
        os.set_blocking(self.process.stdout.fileno(), False)
        seen = b""
        while time.monotonic() < deadline:
            seen += self.process.stdout.read() or b""
            if any(line.startswith(prefix) for line in seen.splitlines(keepends=True) if line.endswith(b"\n")):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.01)
        return False

    def _read_exports(self):
        show = f'. "{self.dir}/env" && env -0'
        before = {"PATH": os.environ["PATH"]}
        out = subprocess.run(["/bin/sh", "-c", show], env=before, capture_output=True, check=True).stdout
        pairs = (item.split("=", 1) for item in out.decode().split("\0") if item)
        return {name: value for name, value in pairs if name not in ("PATH", "PWD", "OLDPWD", "SHLVL", "_")}

    def stop(self):
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """SIGKILL, as a crash would."""
        return self._end(signal.SIGKILL)

    def _end(self, signum):
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signum)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("p11kmsd did not stop:\n" + self.log_text()) from None
        finally:
            process.stdout.close()
            self.log.close()
        return status

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        """SIGHUP. When it has been heeded is for the caller to find out."""
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        """Ends it and removes its folder; a sanitizer's word in its log is an AssertionError."""
        try:
            self.stop()
            log = self.root / "log"
            if log.exists() and ALARM.search(self.log_text()):
                raise AssertionError(self.log_text())
        finally:
            self.abandon()

    def abandon(self):
        _unclosed.discard(self)
        try:
            self.kill()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # ---- what it left ----

    def log_text(self):
        return (self.root / "log").read_text(encoding="utf-8", errors="replace")

    def audit(self, name=None):
        """The records on disk in order, those of one eventName or all."""
        records = []
        for segment in sorted((self.dir / "audit").glob("audit-*.jsonl")):
            lines = segment.read_text(encoding="utf-8").split("\n")
            records += [json.loads(line) for line in lines[:-1]]  # behind the last newline is a torn record
        return [record for record in records if name in (None, record["eventName"])]

    def written(self):
        """All that it wrote down: the log's folder, and its messages."""
        found = []
        for path in [*(self.dir / "audit").rglob("*"), self.root / "log"]:
            try:
                found.append(path.read_bytes())
            except (IsADirectoryError, FileNotFoundError):  # tiles come and go
                pass
        return b"\n".join(found)

    # ---- clients ----

    @property
    def url(self):
        return self.env["AWS_ENDPOINT_URL"]

    @property
    def ca(self):
        return self.env.get("AWS_CA_BUNDLE")

    @property
    def socket(self):
        return self.env["P11KMS_SOCKET"]

    @property
    def config(self):
        return self.env["P11KMS_CONFIG"]

    def client(self, service="kms", credentials=ADMIN, region=REGION, **config):
        """A boto3 client that asks once."""
        settings = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 30} | config
        client = boto3.client(service, endpoint_url=self.url, region_name=region, verify=self.ca or False,
                              aws_access_key_id=credentials[0], aws_secret_access_key=credentials[1],
                              aws_session_token=credentials[2] if len(credentials) > 2 else None,
                              config=botocore.config.Config(**settings))
        return conformance.watch(client) if service == "kms" else client

    def kms(self, credentials=ADMIN, region=REGION):
        return self.client("kms", credentials, region)

    def environment(self, credentials=None):
        """For a process that shall reach this service, as `. DIR/env` makes it."""
        env = clean_environment() | self.env
        if credentials:
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = credentials
        return env

    def aws(self, *words, credentials=None, check=True):
        """`aws kms WORDS`: its answer parsed where it is JSON; with check=False the finished process."""
        done = run(AWS, "--endpoint-url", self.url, "--output", "json", "kms", *words,
                   env=self.environment(credentials), check=check)
        if not check:
            return done
        return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[")) else done.stdout.strip()

    def p11kms(self, *words, check=True, stdin=None, credentials=None):
        """The command line of p11kms, as a finished process."""
        return run(COMMAND, *words, env=self.environment(credentials), check=check, stdin=stdin)


class ServiceCase(unittest.TestCase):
    """Tests that share one running service."""

    seed = SEED
    listen = ("https://127.0.0.1:0",)

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.seed, cls.listen)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()

    def assert_fault(self, code, call, *args, **kwargs):
        """The call fails with this AWS error code; returns its message."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*args, **kwargs)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        return error.get("Message", "")


def b64(data):
    return base64.b64encode(data).decode()


def patience(seconds):
    """What is promised to take so long, on a machine with more to do than it has processors: longer by that much."""
    return seconds * max(1, os.getloadavg()[0] / os.cpu_count())


def wait_until(holds, seconds=10, what="it to hold"):
    seconds = patience(seconds)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")

"""The real thing: p11kmsd -c with a configuration, SoftHSM tokens, certificates and declarations of its own."""

import http.client
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time
import unittest

import p11kms_test
import wire
from p11kms_test import run

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
MODULE = next((path for path in MODULES if os.path.exists(path)), MODULES[0])

VAIN_SECONDS = 20
PATIENCE = ", bound: 30s"  # of the audit log: a disk that stalls for seconds is no test's business but those that ask

# Whoever runs the tests is the administrator over the Unix socket.
IDENTITIES = f"""
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
      - name: app
peers:
  - unix: {{uid: {os.getuid()}}}
    principal: arn:aws:iam::123456789012:user/admin
"""


class Authority:
    """A CA in a folder, with openssl(1)."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.name = name
        folder.mkdir(exist_ok=True)
        self.certificate = folder / f"{name}.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      self._path("key"), "-out", self.certificate, "-subj", f"/CN={name}", "-days", "2")

    def _path(self, suffix):
        return self.folder / f"{self.name}.{suffix}"

    def _openssl(self, *words):
        run("/usr/bin/openssl", *words)

    def issue(self, name, sans, days=2):
        """The paths of a certificate and its key; issued again they are replaced."""
        certificate, key, request = (self.folder / f"{name}.{suffix}" for suffix in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={sans}\n", encoding="ascii")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                      request, "-subj", f"/O=Example/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._path("key"), "-out",
                      certificate, "-days", str(days), "-extfile", extensions, "-set_serial",
                      str(secrets.randbits(60)))
        return str(certificate), str(key)


_held = []  # the sockets of free_port()


def free_port():
    """A port for a daemon, which no other process is given while this one lives.

    It stays bound, but nobody listens: with SO_REUSEADDR, set on both, a daemon may listen there, again and again.
    """
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(holder)
    return holder.getsockname()[1]


class RealService(p11kms_test.Service):
    """Change its files between prepare(), start(), reload() and restart() as an operator would."""

    def __init__(self, identities=IDENTITIES, keys="", tokens=("prod",), top="", client_ca=False, token_options="",
                 audit_options="", module=MODULE, environment=None):
        super().__init__(seed=None, environment=environment)
        self.tokens = tokens
        self.top = top  # more of p11kmsd.yaml
        self.client_ca = client_ca
        self.token_options = token_options  # more of each token
        self.audit_options = audit_options if "bound:" in audit_options else audit_options + PATIENCE
        self.append_flag = "false"  # files with chattr +a outlive the test
        self.module = module
        self.store = "store.db"
        self.wrapper = []  # what runs the daemon, as prlimit does
        self.monitor_port = free_port()
        self.pins = {}
        self.port = free_port()
        for folder in ("", "identities.d", "keys.d", "tokens"):
            (self.dir / folder).mkdir()
        self.conf = self.dir / "p11kmsd.yaml"
        self.identities = self.dir / "identities.d" / "users.yaml"
        self.keys = self.dir / "keys.d" / "keys.yaml"
        self.identities.write_text(identities, encoding="utf-8")
        self.keys.write_text(keys, encoding="utf-8")
        self.authority = Authority(self.root / "authority")
        self.make_certificate()
        (self.dir / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.dir}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n",
            encoding="utf-8")
        self.env = {"SOFTHSM2_CONF": str(self.dir / "softhsm2.conf")}
        for name in tokens if module == MODULE else ():
            self.make_token(name)
        self.write_conf()

    # ---- files ----

    def make_certificate(self):
        self.authority.issue("server", "DNS:localhost,IP:127.0.0.1")

    def make_token(self, name):
        self.pins[name] = secrets.token_hex(8)
        run("softhsm2-util", "--init-token", "--free", "--label", name, "--so-pin", "12345678", "--pin",
            self.pins[name], env=p11kms_test.clean_environment() | self.env)
        self.write_pin(name, self.pins[name])

    def pin_file(self, name):
        return self.dir / f"pin-{name}"

    def write_pin(self, name, pin):
        file = self.pin_file(name)
        file.write_text(pin + "\n", encoding="ascii")
        file.chmod(0o600)

    def write_conf(self):
        tokens = "".join(f"""
  - name: {name}
    uri: "pkcs11:token={name}"
    module: {self.module}
    pin-source: "file:{self.pin_file(name)}"
    {self.token_options}""" for name in self.tokens) + self.more_tokens()
        client_ca = f"\n    client-ca: {self.authority.certificate}" if self.client_ca else ""
        self.conf.write_text(f"""# a configuration of tests
listen:
  - url: https://127.0.0.1:{self.port}
    certificate: {self.authority.folder}/server.pem
    key: {self.authority.folder}/server.key{client_ca}
  - "unix:{self.dir}/p11kms.sock"
tokens:{tokens}
monitor: http://127.0.0.1:{self.monitor_port}
store: {self.store}
audit: {{dir: audit, append-flag: {self.append_flag}{self.audit_options}}}
identities: identities.d
keys: keys.d
{self.top}
""", encoding="utf-8")

    def more_tokens(self):
        """Entries of `tokens:` for modules of their own."""
        return ""

    # ---- the process ----

    def argv(self, *more):
        return [*self.wrapper, str(p11kms_test.DAEMON), "-c", str(self.conf), *more]

    def environment_of_daemon(self):
        return (p11kms_test.clean_environment() | {"SOFTHSM2_CONF": self.env["SOFTHSM2_CONF"]} |
                self.extra_environment)

    def check(self):
        """`p11kmsd --check`, as a finished process."""
        return run(*self.argv("--check"), env=self.environment_of_daemon(), check=False)

    def begin(self, notify=os.devnull):
        """Starts it, ready or not."""
        self.log = open(self.root / "log", "ab")
        self.process = subprocess.Popen(self.argv(), env=self.environment_of_daemon() | {"NOTIFY_SOCKET": str(notify)},
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
                                        start_new_session=True)

    def start(self):
        """Returns once it has told systemd that it is ready."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = self.root / "notify"
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o777)  # as systemd's is
            notify.settimeout(0.05)
            self.begin(path)
            if not self._wait_for_ready(notify):
                self.kill()
                raise AssertionError("p11kmsd did not get ready:\n" + self.log_text())
        self.env |= {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{self.port}",
                     "AWS_CA_BUNDLE": str(self.authority.certificate),
                     "P11KMS_SOCKET": str(self.dir / "p11kms.sock"), "P11KMS_CONFIG": str(self.conf)}
        return self

    def _wait_for_ready(self, notify):
        deadline = time.monotonic() + p11kms_test.START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if b"READY=1" in notify.recv(4096):
                    return True
            except TimeoutError:
                pass
        return False

    def start_in_vain(self):
        """(status, what it said) of a start that must fail."""
        try:
            done = run(*self.argv(), env=self.environment_of_daemon(), check=False, timeout=VAIN_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError("p11kmsd started though it should not") from None
        return done.returncode, done.stderr

    def reload(self):
        """SIGHUP, and wait for its record; returns it."""
        before = len(self.audit("Reload"))
        self.process.send_signal(signal.SIGHUP)
        p11kms_test.wait_until(lambda: len(self.audit("Reload")) > before, 20, "the reload")
        return self.audit("Reload")[-1]

    def monitor(self, path):
        """(status, text) of /healthz, /readyz or /metrics."""
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor_port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    # ---- who asks ----

    def add_key(self, user):
        """An access key of the user, as (id, secret)."""
        answer = wire.ask_unix(self, "CreateAccessKey", {"UserName": user}, "p11kms")
        assert answer.status == 200, answer.body
        made = answer.json["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]


MOCK = p11kms_test.BUILD / "tests" / "token" / ".libs" / "mock_module.so"


def mock_service(environment=None, **options):
    """A real service on the module with faults of tests/token, whose folder counts logins."""
    if not MOCK.exists():
        raise unittest.SkipTest(f"{MOCK} is not built: make check builds it")
    service = RealService(tokens=("mock",), module=MOCK, environment=environment, **options)
    service.mock = service.root / "mock"
    service.mock.mkdir()
    service.extra_environment["MOCK_DIR"] = str(service.mock)
    service.write_pin("mock", "1234")
    return service


def objects_on(service, label):
    """How many objects a SoftHSM token holds: each is a file of its folder."""
    for folder in (service.dir / "tokens").iterdir():
        if label.encode().ljust(32) in (folder / "token.object").read_bytes():
            return len([path for path in folder.glob("*.object") if path.name != "token.object"])
    raise AssertionError(f"no token is called {label}")


def children_of(pid):
    """The processes a process has started, by /proc."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError):
            continue
        if int(fields["PPid"]) == pid:
            found.append(int(fields["Pid"]))
    return found


def alive(pid):
    try:
        return "zombie" not in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False

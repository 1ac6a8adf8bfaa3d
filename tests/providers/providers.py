"""PKCS#11 providers that run without hardware, each in a sandbox of its own, and a service on them.

A sandbox is a mount and IPC namespace: what needs fixed paths of the system finds empty ones, and nothing of the
machine's is touched. It needs root, and a machine that lets root make namespaces. Daemons get SIGKILL when the test
ends, however it ends.
"""

import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import p11kms_test  # noqa: E402, of the folder just named
import piv_card  # noqa: E402
import real  # noqa: E402
from p11kms_test import run, wait_until  # noqa: E402

UP_SECONDS = 30
INSERTIONS = 3


def module(*names):
    """The first module there is; SkipTest where there is none."""
    for name in names:
        for found in glob.glob(f"/usr/lib/*/{name}") + glob.glob(f"/usr/lib/{name}"):
            return found
    raise unittest.SkipTest(f"{names[0]} is not installed")


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def low_port(count=1):
    """So many in a row, below those that connections get: who asks one of those until it is open meets itself."""
    while True:
        port = random.randrange(20000, 32000)
        if all(is_free(port + i) for i in range(count)):
            return port


def listens(port):
    """Whether somebody does, without a connection."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows[1:])


def need(*commands):
    for command in commands:
        if shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            raise unittest.SkipTest(f"{command} is not installed")


class Sandbox:
    """Namespaces, and the processes in them."""

    # Of these the sandbox has empty ones.
    HIDDEN = ("/run", "/dev/shm", "/etc/opencryptoki", "/var/lib/opencryptoki", "/var/log/opencryptoki",
              "/etc/reader.conf.d")

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-provider-"))
        self.daemons = []
        self.holder = None
        self.environment = p11kms_test.clean_environment()

    def isolate(self):
        """Goes into namespaces, once."""
        if self.holder is not None:
            return
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root")
        need("unshare", "nsenter", "setpriv")
        mounts = "".join(f"if [ -d {path} ]; then mount -t tmpfs none {path}; fi\n" for path in self.HIDDEN)
        script = f"set -e\n{mounts}mkdir -p /run/lock\necho ready\nexec cat\n"
        # It ends when its input does: with this process, whatever becomes of that.
        self.holder = subprocess.Popen(["unshare", "--mount", "--ipc", "--propagation", "private", "sh", "-c", script],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"ready\n":
            said = self.holder.communicate()[1].decode(errors="replace").strip()
            raise unittest.SkipTest(f"no namespaces here: {said}")

    def enter(self):
        """The words before a command that make it run inside."""
        if self.holder is None:
            return []
        return ["nsenter", "--target", str(self.holder.pid), "--mount", "--ipc"]

    def run(self, *argv, **how):
        return run(*self.enter(), *argv, env=self.environment, **how)

    def daemon(self, *argv, environment=()):
        log = open(self.root / f"{pathlib.Path(argv[0]).name}.log", "ab")
        with log:
            process = subprocess.Popen([*self.enter(), "setpriv", "--pdeathsig", "KILL", "--",
                                        *(str(word) for word in argv)],
                                       env=self.environment | dict(environment), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log)
        self.daemons.append(process)
        return process

    def log_text(self):
        return "".join(f"{path.name}: {path.read_text(errors='replace')}" for path in self.root.glob("*.log"))

    def end(self, process):
        process.kill()
        process.wait()

    def close(self):
        for process in reversed(self.daemons):
            self.end(process)
        if self.holder is not None:
            self.holder.kill()
            self.holder.communicate()
        shutil.rmtree(self.root, ignore_errors=True)


class Provider:
    """A token: its name in the configuration, its module and PIN, and what its module's environment must have."""

    name = label = module = pin = None

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def entry(self, pin_file, options):
        """Of `tokens:` in the configuration."""
        return f"""
  - name: {self.name}
    uri: "pkcs11:token={self.label.replace(' ', '%20')}"
    module: {self.module}
    pin-source: "file:{pin_file}"
    {options}"""

    def wait(self, holds, what):
        """For something of the provider's own: that it does not come is not p11kms's fault."""
        try:
            wait_until(holds, UP_SECONDS, what)
        except AssertionError as error:
            last = " ".join(self.sandbox.log_text().split())[-300:]
            raise unittest.SkipTest(f"{what} of {self.name} does not come up: {error}: {last}") from None


class OpenCryptoki(Provider):
    """Its soft token."""

    name = label = "ock"
    pin = "11223344"
    SO_PIN, NEW_SO_PIN, NEW_PIN = "87654321", "76543210", "12345678"  # the first and the last are its defaults

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.module = module("opencryptoki/libopencryptoki.so", "pkcs11/libopencryptoki.so")
        need("pkcsslotd", "pkcsconf")
        sandbox.isolate()
        sandbox.run("sh", "-ec", """
            mkdir -p /run/lock/opencryptoki/swtok /var/lib/opencryptoki/swtok/TOK_OBJ /var/log/opencryptoki
            chgrp -R pkcs11 /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki
            chmod -R g+rwX /run/lock/opencryptoki /var/lib/opencryptoki /var/log/opencryptoki
            printf 'version opencryptoki-3.1\\nslot 3\\n{\\nstdll = libpkcs11_sw.so\\n}\\n' \\
                >/etc/opencryptoki/opencryptoki.conf""")
        self.start()
        self.initialize()

    def start(self):
        self.slot_manager = self.sandbox.daemon("pkcsslotd", "-f")
        self.wait(lambda: self.sandbox.run("pkcsconf", "-s", check=False).returncode == 0, "pkcsslotd")

    def stop(self):
        self.sandbox.end(self.slot_manager)

    def initialize(self):
        on_slot = ("pkcsconf", "-c", "3")
        self.sandbox.run(*on_slot, "-I", "-S", self.SO_PIN, stdin=f"{self.label}\n")
        self.sandbox.run(*on_slot, "-P", "-S", self.SO_PIN, "-n", self.NEW_SO_PIN)
        self.sandbox.run(*on_slot, "-u", "-S", self.NEW_SO_PIN, "-n", self.NEW_PIN)
        self.sandbox.run(*on_slot, "-p", "-U", self.NEW_PIN, "-n", self.pin)


class Tpm(Provider):
    """tpm2-pkcs11 on a TPM in software, which every process reaches through a resource manager on a bus of its own."""

    name = label = "tpm"
    pin, SO_PIN = "userpin1234", "sopin1234"

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.module = module("pkcs11/libtpm2_pkcs11.so", "libtpm2_pkcs11.so*")
        need("swtpm", "dbus-daemon", "tpm2-abrmd", "tpm2_ptool", "tpm2_getcap", "tpm2_dictionarylockout")
        self.store, self.state = sandbox.root / "tpm-store", sandbox.root / "tpm-state"
        self.store.mkdir()
        self.state.mkdir()
        self.bus = f"unix:path={sandbox.root}/bus"
        self.own = {"DBUS_SESSION_BUS_ADDRESS": self.bus, "TPM2_PKCS11_STORE": str(self.store),
                    "TPM2_PKCS11_TCTI": "tabrmd:bus_type=session", "TPM2TOOLS_TCTI": "tabrmd:bus_type=session",
                    "TSS2_LOG": "all+NONE", "TPM2_PKCS11_LOG_LEVEL": "0"}
        sandbox.environment |= self.own
        sandbox.daemon("dbus-daemon", "--session", "--nofork", f"--address={self.bus}")
        self.wait((sandbox.root / "bus").exists, "the bus")
        self.start()
        self.initialize()

    def start(self):
        port = low_port(2)  # clients take for granted that the control channel is the next one
        self.swtpm = self.sandbox.daemon(
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}", "--flags", "startup-clear", "--server",
            f"type=tcp,port={port},bindaddr=127.0.0.1", "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1")
        self.wait(lambda: listens(port) and listens(port + 1), "the TPM")  # else the manager ends, or hangs
        self.manager = self.sandbox.daemon("tpm2-abrmd", "--session", "--allow-root",
                                           f"--tcti=swtpm:host=127.0.0.1,port={port}")
        self.wait(lambda: self.sandbox.run("tpm2_getcap", "properties-fixed", check=False).returncode == 0,
                  "the resource manager")

    def stop(self):
        self.sandbox.end(self.manager)
        self.sandbox.end(self.swtpm)

    def ptool(self, *words):
        return self.sandbox.run("tpm2_ptool", *words, "--path", self.store)

    def initialize(self):
        self.ptool("init")
        self.ptool("addtoken", "--pid=1", f"--label={self.label}", f"--sopin={self.SO_PIN}", f"--userpin={self.pin}")

    def add_hmac_key(self, key_id, label="p11kms:ceremony"):
        """A key as a ceremony makes it; key_id is its CKA_ID, as text of 16 characters."""
        self.ptool("addkey", "--algorithm=hmac:sha256", f"--label={self.label}", f"--key-label={label}",
                   f"--id={key_id}", f"--userpin={self.pin}")


class PivCard(Provider):
    """OpenSC with a card in a virtual reader."""

    name = "card"
    label = "piv-9A"  # OpenSC takes it from the first certificate
    pin = piv_card.PIN
    READER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.module = module("opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so")
        need("pcscd")
        if not os.path.exists(self.READER):
            raise unittest.SkipTest("vpcd is not installed")
        sandbox.isolate()
        self.card = None
        self.applet = piv_card.Applet()
        self.start()

    def is_seen(self):
        """Whether the module has the card."""
        try:
            listed = self.sandbox.run("pkcs11-tool", "--module", self.module, "--list-token-slots", check=False, timeout=10)
        except subprocess.TimeoutExpired:
            return False
        return self.label in listed.stdout

    def start(self):
        port = low_port()
        self.sandbox.run("sh", "-ec", f"""
            rm -rf /run/pcscd
            mkdir -p /run/pcscd
            printf 'FRIENDLYNAME "Virtual PCD"\\nDEVICENAME /dev/null:{port}\\nLIBPATH {self.READER}\\nCHANNELID {port}\\n' \\
                >/etc/reader.conf.d/vpcd""")
        self.reader = self.sandbox.daemon("pcscd", "--foreground")
        self.wait(lambda: listens(port), "the reader")
        self.card = piv_card.Card(port, self.applet)
        self.insert()

    def insert(self):
        """The virtual reader sometimes misses that there is a card again."""
        for _ in range(INSERTIONS):
            self.card.insert()
            try:
                return wait_until(self.is_seen, UP_SECONDS / INSERTIONS, "the card")
            except AssertionError:
                self.card.pull()
        raise unittest.SkipTest("the virtual reader does not see its card")

    def stop(self):
        self.card.pull()
        self.sandbox.end(self.reader)


class Remote(Provider):
    """A SoftHSM token behind a socket that can be cut: p11-kit's server, and its client as the module."""

    name = label = "remote"
    pin = "12345678"

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.module = module("pkcs11/p11-kit-client.so")
        need("p11-kit", "softhsm2-util")
        if not os.path.exists("/usr/libexec/p11-kit/p11-kit-server"):
            raise unittest.SkipTest("p11-kit server is not installed")
        self.socket = sandbox.root / "p11-kit.sock"
        (sandbox.root / "tokens").mkdir()
        conf = sandbox.root / "remote.conf"
        conf.write_text(f"directories.tokendir = {sandbox.root}/tokens\nobjectstore.backend = file\n", encoding="utf-8")
        self.softhsm = {"SOFTHSM2_CONF": str(conf)}
        sandbox.environment["P11_KIT_SERVER_ADDRESS"] = f"unix:path={self.socket}"
        run("softhsm2-util", "--init-token", "--free", "--label", self.label, "--so-pin", "12345678", "--pin",
            self.pin, env=sandbox.environment | self.softhsm)
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.server = self.sandbox.daemon("p11-kit", "server", "--foreground", "--name", self.socket, "--provider",
                                          real.MODULE, f"pkcs11:token={self.label}", environment=self.softhsm)
        self.wait(self.socket.exists, "p11-kit's server")

    def stop(self):
        """With the processes that it has made, one a client."""
        for child in real.children_of(self.server.pid):
            os.kill(child, signal.SIGKILL)
        self.sandbox.end(self.server)


class ProviderService(real.RealService):
    """A service whose tokens are SoftHSM's, by their names, and those of providers of one sandbox."""

    def __init__(self, sandbox, providers, tokens=(), options="", **more):
        self.sandbox = sandbox
        self.providers = providers
        self.options = options
        super().__init__(tokens=tokens, **more)
        for provider in providers:
            self.pins[provider.name] = provider.pin
            self.write_pin(provider.name, provider.pin)
        self.extra_environment = {name: value for name, value in sandbox.environment.items()
                                  if os.environ.get(name) != value} | self.extra_environment
        self.wrapper = sandbox.enter()

    def more_tokens(self):
        return "".join(provider.entry(self.pin_file(provider.name), self.options) for provider in self.providers)

    def doctor(self):
        """What it says, as text."""
        return run(*self.wrapper, p11kms_test.COMMAND, "doctor", check=False,
                   env=self.environment_of_daemon() | {"P11KMS_CONFIG": str(self.conf)}).stdout

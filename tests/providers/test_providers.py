"""The service on PKCS#11 providers of other kinds, and what becomes of it when they go away."""

import base64
import os
import re
import signal
import threading
import time
import unittest

import providers
import wire  # of the folder that providers adds
import tap
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from p11kms_test import wait_until
from real import children_of

OPTIONS = "operation-deadline: 2s\n    slow-deadline: 5s"
PATIENCE = 20  # of whoever asks: many times the deadline, as the machine may be busy with other things
BACK = 60  # pauses between starts grow to 30 s
CREDENTIAL = {"AccessKeyId": "A" * 20, "RawSecretAccessKey": "x" * 43}

# What a client may repeat, and what AWS says of keys and stores that are not there for now.
RETRYABLE = {"KeyUnavailableException", "DependencyTimeoutException"}
UNAVAILABLE = {"KMSInvalidStateException", "CustomKeyStoreInvalidStateException"}


class Asking:
    """Asks the same from some threads until told to stop, and keeps every answer's code and time."""

    def __init__(self, service, operation, parameters, threads=3):
        self.asked = (service, operation, parameters)
        self.stopping = threading.Event()
        self.codes = []  # None where it was granted
        self.broken = []
        self.slowest = 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def _run(self):
        while not self.stopping.is_set():
            begun = time.monotonic()
            try:
                self.codes.append(wire.ask_unix(*self.asked).code)
            except Exception as error:  # told by check()
                self.broken.append(error)
                return
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(0.02)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def wait_for(self, wanted, seconds=BACK):
        """Until an answer that comes from now on is one of these codes."""
        before = len(self.codes)
        wait_until(lambda: self.broken or any(code in wanted for code in self.codes[before:]), seconds,
                   f"one of {wanted}; the last was {self.codes[-1:]}")

    def check(self, case, refusals):
        case.assertEqual(self.broken, [])
        case.assertFalse([thread for thread in self.threads if thread.is_alive()], "a request hangs")
        case.assertLessEqual(set(self.codes), refusals | {None})
        case.assertLess(self.slowest, PATIENCE)


class ProviderCase(unittest.TestCase):
    """Its tests share a provider; a service is each one's own unless `begin` has made one for all."""

    provider = None  # its class
    tokens = ("prod",)  # of SoftHSM, the first of them the default

    @classmethod
    def setUpClass(cls):
        cls.sandbox = providers.Sandbox()
        cls.addClassCleanup(cls.sandbox.close)
        cls.token = cls.provider(cls.sandbox)
        cls.prepare()
        cls.service = providers.ProviderService(cls.sandbox, [cls.token], tokens=cls.tokens, options=OPTIONS)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()

    @classmethod
    def prepare(cls):
        """Before the service starts."""

    def ask(self, operation, **parameters):
        answer = wire.ask_unix(self.service, operation, parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def refused(self, code, message, operation, **parameters):
        answer = wire.ask_unix(self.service, operation, parameters)
        self.assertEqual(answer.code, code, answer.body)
        self.assertRegex(answer.message, message)

    def create(self, **parameters):
        return self.ask("CreateKey", **parameters)["KeyMetadata"]["KeyId"]

    def data_key(self, key):
        """A function that asserts that a data key made now can be had back."""
        made = self.ask("GenerateDataKey", KeyId=key, KeySpec="AES_256")

        def comes_back():
            found = self.ask("Decrypt", CiphertextBlob=made["CiphertextBlob"])
            self.assertEqual(found["Plaintext"], made["Plaintext"])

        comes_back()
        return comes_back

    def store(self):
        """A connected external key store over the provider's token, one for all tests."""
        stores = {store["CustomKeyStoreName"]: store["CustomKeyStoreId"]
                  for store in self.ask("DescribeCustomKeyStores")["CustomKeyStores"]}
        name = self.token.name
        if name not in stores:
            stores[name] = self.ask(
                "CreateCustomKeyStore", CustomKeyStoreName=name, CustomKeyStoreType="EXTERNAL_KEY_STORE",
                XksProxyUriEndpoint="https://vault.example.com", XksProxyUriPath=f"/{name}/kms/xks/v1",
                XksProxyConnectivity="PUBLIC_ENDPOINT", XksProxyAuthenticationCredential=CREDENTIAL)["CustomKeyStoreId"]
            self.ask("ConnectCustomKeyStore", CustomKeyStoreId=stores[name])
        return stores[name]

    def connection(self, store):
        return self.ask("DescribeCustomKeyStores", CustomKeyStoreId=store)["CustomKeyStores"][0]["ConnectionState"]

    def kill_hosts(self):
        for host in children_of(self.service.process.pid):
            os.kill(host, signal.SIGKILL)

    def ready(self):
        wait_until(lambda: self.service.monitor("/readyz")[0] == 200, BACK, "readiness")

    def start_with_wrong_pin(self, pin):
        """A service whose provider refuses the PIN, over the time in which it might try again."""
        service = providers.ProviderService(self.sandbox, [self.token], tokens=("prod",), options=OPTIONS)
        self.addCleanup(service.close)
        service.write_pin(self.token.name, pin)
        service.start()
        wait_until(lambda: "PIN" in service.monitor("/readyz")[1], BACK, "a word about the PIN")
        for _ in range(3):
            service.reload()
        time.sleep(1)
        self.assertRegex(service.monitor("/readyz")[1], f"token '{self.token.name}'.*PIN")


class OpenCryptoki(ProviderCase):
    provider = providers.OpenCryptoki
    tokens = ()  # it is the default token

    def test_keys_of_each_kind_it_has_are_made_and_work(self):
        self.data_key(self.create())
        hmac = self.create(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        mac = self.ask("GenerateMac", KeyId=hmac, Message="eA==", MacAlgorithm="HMAC_SHA_256")["Mac"]
        self.assertTrue(self.ask("VerifyMac", KeyId=hmac, Message="eA==", Mac=mac,
                                 MacAlgorithm="HMAC_SHA_256")["MacValid"])

    def test_rsa_keys_sign_and_decrypt_for_everyone(self):
        signing = self.create(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        for algorithm, scheme in (("RSASSA_PSS_SHA_256", padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
                                  ("RSASSA_PKCS1_V1_5_SHA_256", padding.PKCS1v15())):
            signature = self.ask("Sign", KeyId=signing, Message="eA==", SigningAlgorithm=algorithm)["Signature"]
            self.public(signing).verify(base64.b64decode(signature), b"x", scheme, hashes.SHA256())
        decrypting = self.create(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        blob = self.public(decrypting).encrypt(b"x", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
        found = self.ask("Decrypt", KeyId=decrypting, CiphertextBlob=base64.b64encode(blob).decode(),
                         EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.assertEqual(found["Plaintext"], "eA==")

    def public(self, key):
        found = self.ask("GetPublicKey", KeyId=key)["PublicKey"]
        return serialization.load_der_public_key(base64.b64decode(found))

    def test_what_it_cannot_make_is_refused_with_the_reason(self):
        self.refused("UnsupportedOperationException", "ECC_NIST_P256 is not supported: the token 'ock' cannot make such",
                     "CreateKey", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.assertRegex(self.service.doctor(), r"token ock: cannot: .*P256.*ED25519")

    def test_without_its_slot_manager_it_is_away_and_comes_back_by_itself(self):
        key = self.create()
        comes_back = self.data_key(key)
        with Asking(self.service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}) as asking:
            asking.wait_for({None})
            self.token.stop()
            self.kill_hosts()
            asking.wait_for(RETRYABLE)
            self.token.start()
            asking.wait_for({None})
        asking.check(self, RETRYABLE)
        comes_back()
        self.ready()


class Tpm(ProviderCase):
    provider = providers.Tpm
    KEYS = ("0123456789abcdef", "fedcba9876543210")

    @classmethod
    def prepare(cls):
        for key in cls.KEYS:
            cls.token.add_hmac_key(key)

    def adopt(self, key_id):
        return self.create(Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=self.store(), XksKeyId=key_id.encode().hex())

    def tries(self):
        """How many wrong PINs the TPM has counted."""
        told = self.sandbox.run("tpm2_getcap", "properties-variable").stdout
        return int(re.search(r"TPM2_PT_LOCKOUT_COUNTER: 0x([0-9A-F]+)", told)[1], 16)

    def test_a_key_of_its_own_tool_comes_and_goes_with_the_tpm(self):
        key = self.adopt(self.KEYS[0])
        comes_back = self.data_key(key)
        other = self.data_key(self.create())
        with Asking(self.service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}) as asking:
            asking.wait_for({None})
            self.token.stop()
            asking.wait_for(UNAVAILABLE)
            self.assertEqual(self.ask("DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"], "Unavailable")
            other()
            self.token.start()
            asking.wait_for({None})
        asking.check(self, RETRYABLE | UNAVAILABLE)
        comes_back()
        self.ready()

    def test_it_makes_no_keys_and_that_is_told(self):
        doctor = self.service.doctor()
        self.assertRegex(doctor, r"warn  token tpm: it makes no keys for symmetric encryption: .*\n.*external key store")
        self.assertNotIn("FAIL", doctor)
        vain = providers.ProviderService(self.sandbox, [self.token], options=OPTIONS)
        self.addCleanup(vain.close)
        self.assertRegex(vain.doctor(), "FAIL  token tpm: .*makes no keys")
        self.assertRegex(vain.start_in_vain()[1], "the default token 'tpm' makes no keys")

    def test_a_wrong_pin_is_tried_once(self):
        before = self.tries()
        self.start_with_wrong_pin("wrong")
        self.assertEqual(self.tries(), before + 1)


class PivCard(ProviderCase):
    provider = providers.PivCard

    def random(self, store):
        return {"NumberOfBytes": 32, "CustomKeyStoreId": store}

    def test_a_card_pulled_in_the_middle_of_a_call_holds_nobody_up(self):
        store = self.store()
        card = self.token.card
        other = self.data_key(self.create())
        with Asking(self.service, "GenerateRandom", self.random(store)) as asking:
            asking.wait_for({None})
            card.pull()
            asking.wait_for(UNAVAILABLE)
            other()
            self.token.insert()
            asking.wait_for({None})
            card.hanging.set()
            asking.wait_for(UNAVAILABLE)
            other()
            self.token.stop()
            self.token.start()
            asking.wait_for({None})
        asking.check(self, RETRYABLE | UNAVAILABLE)
        self.assertEqual(self.connection(store), "CONNECTED")

    def test_its_keys_are_no_keys_of_ours(self):
        uses = self.token.applet.uses
        self.refused("UnsupportedOperationException", "the token 'card' has none of its algorithms", "CreateKey",
                     Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=self.store(), XksKeyId="01" * 16)
        self.assertRegex(self.service.doctor(), "warn  token card: no key for symmetric encryption works on it")
        self.assertEqual(self.token.applet.uses, uses)

    def test_a_wrong_pin_is_tried_once(self):
        applet = self.token.applet
        logins, tries = applet.logins, applet.tries
        self.start_with_wrong_pin("654321")
        self.assertEqual((applet.logins, applet.tries), (logins + 1, tries - 1))
        self.kill_hosts()  # whose right PIN gives the tries back
        wait_until(lambda: applet.tries == tries, BACK, "the right PIN")


class Remote(ProviderCase):
    provider = providers.Remote
    tokens = ()  # it is the default token

    def test_a_cut_socket_is_no_lasting_harm(self):
        key = self.create()
        comes_back = self.data_key(key)
        with Asking(self.service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}) as asking:
            asking.wait_for({None})
            self.token.stop()
            asking.wait_for(RETRYABLE)
            self.token.start()
            asking.wait_for({None})
        asking.check(self, RETRYABLE)
        comes_back()
        self.ready()

    def test_a_server_that_does_not_answer_is_left_at_the_deadline(self):
        key = self.create()
        with Asking(self.service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}) as asking:
            asking.wait_for({None})
            stopped = children_of(self.token.server.pid)
            for process in stopped:
                os.kill(process, signal.SIGSTOP)
            asking.wait_for(RETRYABLE)
            asking.wait_for({None})  # a new connection is served by a new process
        asking.check(self, RETRYABLE)
        for process in stopped:
            os.kill(process, signal.SIGKILL)


class Together(unittest.TestCase):
    """One service on a token of each kind."""

    def test_keys_of_every_token_answer_side_by_side(self):
        sandbox = providers.Sandbox()
        self.addCleanup(sandbox.close)
        found = []
        for kind in (providers.Remote, providers.OpenCryptoki, providers.PivCard):
            try:
                found.append(kind(sandbox))
            except unittest.SkipTest:
                pass
        if len(found) < 2:
            self.skipTest("fewer than two providers are here")
        service = providers.ProviderService(sandbox, found, tokens=("prod", "vault"), options=OPTIONS)
        self.addCleanup(service.close)
        service.start()
        self.assertEqual(service.monitor("/readyz"), (200, "ready\n"))
        doctor = service.doctor()
        for name in ("prod", "vault", *(token.name for token in found)):
            self.assertRegex(doctor, f"(ok  |warn)  token {name}: ")
        self.assertNotIn("FAIL", doctor)
        clusters = dict(re.findall(r"token (\w+): .*(cluster-[a-z2-7]{16})", doctor))
        blobs = [self.ask(service, "Encrypt", KeyId=self.key_on(service, clusters[name]), Plaintext="eA==")
                 for name in clusters if name != "card"]
        service.restart()
        for blob in blobs:
            wait_until(lambda blob=blob: wire.ask_unix(service, "Decrypt", {"CiphertextBlob": blob["CiphertextBlob"]})
                       .status == 200, BACK, "a token")

    def ask(self, service, operation, **parameters):
        answer = wire.ask_unix(service, operation, parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def key_on(self, service, cluster):
        store = self.ask(service, "CreateCustomKeyStore", CustomKeyStoreName=cluster, CloudHsmClusterId=cluster,
                         KeyStorePassword="not-used", TrustAnchorCertificate="x")["CustomKeyStoreId"]
        self.ask(service, "ConnectCustomKeyStore", CustomKeyStoreId=store)
        made = self.ask(service, "CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
        return made["KeyMetadata"]["KeyId"]


if __name__ == "__main__":
    tap.main()

"""Custom key stores: the tokens of the configuration under the names callers give them."""

import base64
import os
import re
import secrets
import signal
import threading
import time
import unittest

import tap
import wire
from p11kms_test import run, wait_until
from real import RealService, children_of, mock_service, objects_on

ACCOUNT = "123456789012"
CREDENTIAL = {"AccessKeyId": "A" * 20, "RawSecretAccessKey": "x" * 43}


class Refused(Exception):
    pass


class CustomCase(unittest.TestCase):
    def setUp(self):
        self.service = RealService(tokens=("prod", "vault"))
        self.addCleanup(self.service.close)
        self.service.start()

    def ask(self, operation, **parameters):
        answer = wire.ask_unix(self.service, operation, parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def refused(self, code, message, operation, **parameters):
        answer = wire.ask_unix(self.service, operation, parameters)
        self.assertEqual(answer.code, code, answer.body)
        self.assertRegex(answer.json["message"], message)

    def cluster(self, token="vault"):
        done = self.service.p11kms("doctor", check=False)
        found = re.search(rf"token {token}\b[^\n]*(cluster-[a-z2-7]{{16}})", done.stdout)
        self.assertIsNotNone(found, done.stdout)
        return found[1]

    def make(self, name="hsm", connect=True, **parameters):
        parameters = parameters or {"CloudHsmClusterId": self.cluster(), "KeyStorePassword": "not-a-pin",
                                    "TrustAnchorCertificate": "-----BEGIN CERTIFICATE-----\nx"}
        made = self.ask("CreateCustomKeyStore", CustomKeyStoreName=name, **parameters)["CustomKeyStoreId"]
        if connect:
            self.ask("ConnectCustomKeyStore", CustomKeyStoreId=made)
        return made

    def describe(self, store):
        return self.ask("DescribeCustomKeyStores", CustomKeyStoreId=store)["CustomKeyStores"][0]

    def state(self, key):
        return self.ask("DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"]


def proxy(name):
    return {"CustomKeyStoreType": "EXTERNAL_KEY_STORE", "XksProxyUriEndpoint": "https://vault.example.com",
            "XksProxyUriPath": f"/{name}/kms/xks/v1", "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyAuthenticationCredential": CREDENTIAL}


class Clusters(CustomCase):
    def test_a_store_is_described_as_it_was_made_and_keeps_no_password(self):
        store = self.make(connect=False)
        self.assertRegex(store, "^cks-[0-9a-f]{17}$")
        found = self.describe(store)
        found.pop("CreationDate")
        self.assertEqual(found, {"CustomKeyStoreId": store, "CustomKeyStoreName": "hsm",
                                 "CustomKeyStoreType": "AWS_CLOUDHSM", "CloudHsmClusterId": self.cluster(),
                                 "TrustAnchorCertificate": "-----BEGIN CERTIFICATE-----\nx",
                                 "ConnectionState": "DISCONNECTED"})
        self.assertNotIn(b"not-a-pin", self.service.written())
        self.assertNotIn(b"not-a-pin", (self.service.dir / self.service.store).read_bytes())

    def test_a_key_is_made_on_the_stores_token_and_works(self):
        store = self.make()
        before = objects_on(self.service, "prod"), objects_on(self.service, "vault")
        key = self.ask("CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]
        self.assertEqual((key["Origin"], key["CustomKeyStoreId"], key["CloudHsmClusterId"], key["KeyState"]),
                         ("AWS_CLOUDHSM", store, self.cluster(), "Enabled"))
        self.assertEqual((objects_on(self.service, "prod"), objects_on(self.service, "vault")),
                         (before[0], before[1] + 1))
        blob = self.ask("Encrypt", KeyId=key["KeyId"], Plaintext="eA==")["CiphertextBlob"]
        self.assertEqual(self.ask("Decrypt", CiphertextBlob=blob)["Plaintext"], "eA==")
        self.assertNotIn("CurrentKeyMaterialId", key)
        for operation in ("EnableKeyRotation", "DisableKeyRotation", "GetKeyRotationStatus", "ListKeyRotations",
                          "RotateKeyOnDemand"):
            self.refused("UnsupportedOperationException", "origin is AWS_CLOUDHSM which is not valid for this operation",
                         operation, KeyId=key["KeyId"])
        self.refused("CustomKeyStoreInvalidStateException", "disconnect it first", "DeleteCustomKeyStore",
                     CustomKeyStoreId=store)
        self.ask("DisconnectCustomKeyStore", CustomKeyStoreId=store)
        self.refused("CustomKeyStoreHasCMKsException", "1 KMS keys", "DeleteCustomKeyStore", CustomKeyStoreId=store)

    def test_keys_are_unavailable_while_their_store_is_disconnected_also_over_a_restart(self):
        store = self.make()
        key = self.ask("CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["KeyId"]
        blob = self.ask("Encrypt", KeyId=key, Plaintext="eA==")["CiphertextBlob"]
        self.ask("DisconnectCustomKeyStore", CustomKeyStoreId=store)
        self.assertEqual(self.state(key), "Unavailable")
        self.refused("KMSInvalidStateException", "is unavailable", "Decrypt", CiphertextBlob=blob)
        self.refused("CustomKeyStoreInvalidStateException", "not connected", "CreateKey", Origin="AWS_CLOUDHSM",
                     CustomKeyStoreId=store)
        self.refused("CustomKeyStoreInvalidStateException", "is disconnected", "DisconnectCustomKeyStore",
                     CustomKeyStoreId=store)
        self.service.restart()
        self.assertEqual(self.state(key), "Unavailable")
        self.ask("ConnectCustomKeyStore", CustomKeyStoreId=store)
        self.assertEqual(self.ask("Decrypt", CiphertextBlob=blob)["Plaintext"], "eA==")
        self.refused("CustomKeyStoreInvalidStateException", "connected", "ConnectCustomKeyStore",
                     CustomKeyStoreId=store)

    def test_keys_of_a_lost_token_are_unavailable_and_come_back_by_themselves(self):
        store = self.make()
        key = self.ask("CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["KeyId"]
        blob = self.ask("Encrypt", KeyId=key, Plaintext="eA==")["CiphertextBlob"]
        moved = self.service.dir / "elsewhere"
        (self.service.dir / "tokens").rename(moved)
        for child in children_of(self.service.process.pid):
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: self.state(key) == "Unavailable", what="the token to be missed")
        self.assertEqual(self.describe(store)["ConnectionState"] in ("FAILED", "CONNECTING"), True)
        moved.rename(self.service.dir / "tokens")
        wait_until(lambda: self.state(key) == "Enabled", 60, "the token to come back")
        self.assertEqual(self.ask("Decrypt", CiphertextBlob=blob)["Plaintext"], "eA==")

    def test_names_tokens_and_clusters_that_are_taken_or_unknown_are_refused(self):
        store = self.make(connect=False)
        self.refused("CloudHsmClusterInUseException", "vault", "CreateCustomKeyStore", CustomKeyStoreName="second",
                     CloudHsmClusterId=self.cluster())
        self.refused("CustomKeyStoreNameInUseException", "hsm is in use", "CreateCustomKeyStore",
                     CustomKeyStoreName="hsm", CloudHsmClusterId=self.cluster("prod"))
        self.refused("CloudHsmClusterNotFoundException", "doctor", "CreateCustomKeyStore", CustomKeyStoreName="x",
                     CloudHsmClusterId="cluster-aaaaaaaaaaaa")
        self.refused("CustomKeyStoreNotFoundException", "cks-0", "ConnectCustomKeyStore", CustomKeyStoreId="cks-0")
        self.refused("CustomKeyStoreNotFoundException", "nobody", "DescribeCustomKeyStores",
                     CustomKeyStoreName="nobody")
        self.refused("CloudHsmClusterNotRelatedException", "prod", "UpdateCustomKeyStore", CustomKeyStoreId=store,
                     CloudHsmClusterId=self.cluster("prod"))
        self.refused("ValidationException", "XksProxyUriPath does not go with", "CreateCustomKeyStore",
                     CustomKeyStoreName="x", CloudHsmClusterId=self.cluster(), XksProxyUriPath="/vault/kms/xks/v1")

    def test_a_store_is_renamed_and_deleted(self):
        store = self.make(connect=False)
        self.ask("UpdateCustomKeyStore", CustomKeyStoreId=store, NewCustomKeyStoreName="renamed")
        self.assertEqual(self.describe(store)["CustomKeyStoreName"], "renamed")
        self.ask("DeleteCustomKeyStore", CustomKeyStoreId=store)
        self.assertEqual(self.ask("DescribeCustomKeyStores"), {"CustomKeyStores": [], "Truncated": False})

    def test_a_store_deleted_while_a_key_is_made_in_it_leaves_none_behind(self):
        store = self.make()
        before = objects_on(self.service, "vault")
        answers = []
        hosts = children_of(self.service.process.pid)
        for host in hosts:
            os.kill(host, signal.SIGSTOP)
        making = threading.Thread(target=lambda: answers.append(wire.ask_unix(
            self.service, "CreateKey", {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store})))
        making.start()
        time.sleep(0.5)  # it waits for the token
        self.ask("DisconnectCustomKeyStore", CustomKeyStoreId=store)
        self.ask("DeleteCustomKeyStore", CustomKeyStoreId=store)
        for host in hosts:
            os.kill(host, signal.SIGCONT)
        making.join(30)
        self.assertEqual(answers[0].code, "CustomKeyStoreNotFoundException", answers[0].body)
        self.assertEqual(self.ask("ListKeys")["Keys"], [])
        self.service.restart()
        self.assertEqual(objects_on(self.service, "vault"), before)

    def test_stores_come_in_pages(self):
        made = sorted([self.make(connect=False), self.make("two", False, CloudHsmClusterId=self.cluster("prod"))])
        first = self.ask("DescribeCustomKeyStores", Limit=1)
        self.assertTrue(first["Truncated"])
        second = self.ask("DescribeCustomKeyStores", Limit=1, Marker=first["NextMarker"])
        self.assertFalse(second["Truncated"])
        self.assertEqual([page["CustomKeyStores"][0]["CustomKeyStoreId"] for page in (first, second)], made)

    def test_random_bytes_come_from_the_stores_token(self):
        store = self.make()
        answer = self.ask("GenerateRandom", NumberOfBytes=1024, CustomKeyStoreId=store)
        self.assertEqual(len(base64.b64decode(answer["Plaintext"])), 1024)
        self.ask("DisconnectCustomKeyStore", CustomKeyStoreId=store)
        self.refused("CustomKeyStoreInvalidStateException", "not connected", "GenerateRandom", NumberOfBytes=1,
                     CustomKeyStoreId=store)

    def test_what_does_not_fit_a_store_is_refused(self):
        store = self.make()
        self.refused("ValidationException", "Origin of a KMS key in the custom key store", "CreateKey",
                     CustomKeyStoreId=store)
        self.refused("ValidationException", "CustomKeyStoreId is required", "CreateKey", Origin="AWS_CLOUDHSM")
        self.refused("UnsupportedOperationException", "multi-Region", "CreateKey", Origin="AWS_CLOUDHSM",
                     CustomKeyStoreId=store, MultiRegion=True)
        self.refused("ValidationException", "external key store alone", "CreateKey", Origin="AWS_CLOUDHSM",
                     CustomKeyStoreId=store, XksKeyId="a")


class Proxies(CustomCase):
    def ceremony(self):
        """The CKA_ID of a key made as a key ceremony does, with a tool of its own."""
        key_id = secrets.token_hex(16)
        run("pkcs11-tool", "--module", self.service.module, "--token-label", "vault", "--login", "--pin",
            self.service.pins["vault"], "--keygen", "--key-type", "GENERIC:32", "--id", key_id, "--label",
            "p11kms:ceremony", "--sensitive", "--private", "--usage-sign",
            env=self.service.environment_of_daemon())
        # The token host looks for keys when it starts.
        for child in children_of(self.service.process.pid):
            os.kill(child, signal.SIGKILL)
        return key_id

    def made(self, made, parameters):
        answer = wire.ask_unix(self.service, "CreateKey", parameters)
        if answer.status == 200:
            made.append(answer.json)
        return answer.status == 200

    def test_a_key_of_a_ceremony_becomes_a_kms_key_and_outlives_it(self):
        store = self.make("external", **proxy("vault"))
        found = self.describe(store)
        self.assertEqual(found["XksProxyConfiguration"], {
            "AccessKeyId": "A" * 20, "Connectivity": "PUBLIC_ENDPOINT", "UriEndpoint": "https://vault.example.com",
            "UriPath": "/vault/kms/xks/v1"})
        external = self.ceremony()
        parameters = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": external}
        made = []
        wait_until(lambda: self.made(made, parameters), 30, "the token")
        key = made[0]["KeyMetadata"]
        self.assertEqual(key["XksKeyConfiguration"], {"Id": external})
        self.refused("XksKeyAlreadyInUseException", "belongs to another", "CreateKey", **parameters)
        blob = self.ask("Encrypt", KeyId=key["KeyId"], Plaintext="eA==")["CiphertextBlob"]
        self.assertEqual(self.ask("Decrypt", CiphertextBlob=blob)["Plaintext"], "eA==")
        self.refused("XksKeyNotFoundException", "CKA_ID", "CreateKey", **(parameters | {"XksKeyId": "ab" * 16}))
        self.refused("XksKeyInvalidConfigurationException", "16 bytes in hex", "CreateKey",
                     **(parameters | {"XksKeyId": "my-key"}))
        self.refused("UnsupportedOperationException", "symmetric", "CreateKey", KeySpec="RSA_2048",
                     KeyUsage="SIGN_VERIFY", **parameters)

    def test_a_proxy_is_a_token_by_its_path(self):
        self.refused("XksProxyUriUnreachableException", "no-such", "CreateCustomKeyStore", CustomKeyStoreName="x",
                     **proxy("no-such"))
        self.refused("ValidationException", "XksProxyUriEndpoint is required", "CreateCustomKeyStore",
                     CustomKeyStoreName="x", CustomKeyStoreType="EXTERNAL_KEY_STORE")
        self.make("first", connect=False, **proxy(self.cluster()))
        self.refused("XksProxyUriInUseException", "vault", "CreateCustomKeyStore", CustomKeyStoreName="y",
                     **proxy("vault"))


class Lacking(unittest.TestCase):
    """Tokens that cannot do all that a service may want of them."""

    def service_with(self, faults):
        service = mock_service({"MOCK_FAULTS": faults})
        self.addCleanup(service.close)
        return service

    def test_a_default_token_that_makes_no_keys_is_told_at_the_start(self):
        status, said = self.service_with("no-generate").start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertIn("the default token 'mock' makes no keys", said)
        self.assertIn("the default token 'mock' does no HMAC-SHA-256", self.service_with("wrong-hmac").start_in_vain()[1])

    def test_a_store_whose_token_gives_no_random_bytes_says_so(self):
        service = self.service_with("no-random")
        service.start()
        made = wire.ask_unix(service, "CreateCustomKeyStore", {"CustomKeyStoreName": "x"} | proxy("mock")).json
        store = {"CustomKeyStoreId": made["CustomKeyStoreId"]}
        self.assertEqual(wire.ask_unix(service, "ConnectCustomKeyStore", store).status, 200)
        answer = wire.ask_unix(service, "GenerateRandom", {"NumberOfBytes": 8} | store)
        self.assertEqual((answer.code, answer.message), ("UnsupportedOperationException",
                                                         "The custom key store's token gives no random bytes."))


if __name__ == "__main__":
    tap.main()

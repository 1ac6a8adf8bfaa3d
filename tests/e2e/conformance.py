"""Every answer of KMS that a test sees, through boto3 or as bytes, is held against AWS's model."""

import functools
import json
import pathlib
import re
import subprocess
import tempfile

import boto3

import shapes

# Keys by what tests need them for: how CreateKey is asked for them.
KINDS = {
    "symmetric": {},
    "sign": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
    "mac": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    "agree": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"},
    "rsa": {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
    "external": {"Origin": "EXTERNAL"},
    "multi": {"MultiRegion": True},
}

succeeded = set()  # operations that this process has seen a success of

TARGET = "TrentService."

# What newer models know and Debian's does not.
boto3.setup_default_session()
boto3.DEFAULT_SESSION._session.get_component("data_loader").search_paths.append(
    str(pathlib.Path(__file__).parent / "models"))


@functools.cache
def model():
    """botocore's ServiceModel of KMS."""
    return boto3.DEFAULT_SESSION._session.get_service_model("kms")


@functools.cache
def operations():
    return {name: model().operation_model(name) for name in model().operation_names}


def check(operation, status, headers, body):
    """Raises shapes.ShapeError where the answer is none that AWS's model allows. headers: lower case; body: bytes."""
    if operation not in operations():
        return
    parsed = json.loads(body) if body else None
    if status == 200:
        shapes.check_answer(operations()[operation], parsed)
        succeeded.add(operation)
    else:
        shapes.check_fault(operations()[operation], status, headers, parsed)


def cluster(service, token):
    """The CloudHsmClusterId of a token, as the doctor tells it."""
    told = service.p11kms("doctor", check=False).stdout
    return re.search(rf"token {token}\b[^\n]*(cluster-[a-z2-7]{{16}})", told)[1]


def proxy(token):
    """CreateCustomKeyStore's parameters for a token as an external key store."""
    return {"CustomKeyStoreType": "EXTERNAL_KEY_STORE", "XksProxyUriEndpoint": "https://vault.example.com",
            "XksProxyUriPath": f"/{token}/kms/xks/v1", "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyAuthenticationCredential": {"AccessKeyId": "A" * 20, "RawSecretAccessKey": "x" * 43}}


def wrap(public_key, material):
    """As GetParametersForImport wants it for RSAES_OAEP_SHA_256."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(public_key)
        file.flush()
        return subprocess.run(
            ["/usr/bin/openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", file.name, "-keyform", "DER", "-pkeyopt",
             "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"],
            input=material, capture_output=True, check=True).stdout


def _received(response_dict=None, event_name=None, **_):
    if response_dict is not None:
        headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        check(event_name.rsplit(".", 1)[1], response_dict["status_code"], headers, response_dict["body"])


def watch(client):
    """Of a boto3 client of KMS."""
    client.meta.events.register_last("response-received.kms", _received)
    return client


def check_bytes(target, answer):
    """An answer of wire.send() to a request with this X-Amz-Target. What no operation answered is left to its test."""
    if target and target.startswith(TARGET) and answer.headers.get("content-type") == "application/x-amz-json-1.1":
        check(target[len(TARGET):], answer.status, answer.headers, answer.body)

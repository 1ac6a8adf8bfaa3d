"""Requests as bytes: signed by botocore, or not, or wrongly, and sent over TCP, TLS or the Unix socket."""

import contextlib
import datetime
import hashlib
import http.client
import json
import socket
import ssl
import unittest.mock
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import conformance
import p11kms_test

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGETS = {"kms": "TrentService.", "p11kms": "P11KMS."}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body) if self.body else {}

    @property
    def code(self):
        return self.json.get("__type")

    @property
    def message(self):
        return self.json.get("message")

    @property
    def request_id(self):
        return self.headers.get("x-amzn-requestid")


@contextlib.contextmanager
def clock_shifted(seconds):
    """botocore signs as if its clock were wrong by so much."""

    real = datetime.datetime

    class Shifted(real):
        @classmethod
        def utcnow(cls):
            return real.utcnow() + datetime.timedelta(seconds=seconds)

    with unittest.mock.patch("botocore.auth.datetime.datetime", Shifted):
        yield


def trusting(service, certificate=None):
    context = ssl.create_default_context(cafile=service.ca)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def connect(service, unix=False, certificate=None, timeout=30):
    if unix:
        return UnixConnection(service.socket, timeout)
    url = urllib.parse.urlsplit(service.url)
    if url.scheme == "https":
        return http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout,
                                           context=trusting(service, certificate))
    return http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)


def request_for(service, operation, parameters, target="kms", method="POST"):
    """An AWSRequest that nobody has signed; parameters may be bytes already."""
    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGETS[target] + operation}
    return botocore.awsrequest.AWSRequest(method=method, url=(service.url or "http://localhost") + "/", data=body,
                                          headers=headers)


def sign(request, credentials=p11kms_test.ADMIN, region=p11kms_test.REGION, scope="kms", token=None, shift=0):
    keys = botocore.credentials.Credentials(*credentials, token=token)
    with clock_shifted(shift):
        botocore.auth.SigV4Auth(keys, scope, region).add_auth(request)
    return request


def presign(request, credentials=p11kms_test.ADMIN, region=p11kms_test.REGION, scope="kms", expires=60, shift=0):
    """The query form. The body's digest is part of what is signed, as everywhere but in S3."""
    keys = botocore.credentials.Credentials(*credentials)
    with clock_shifted(shift):
        botocore.auth.SigV4QueryAuth(keys, scope, region, expires=expires).add_auth(request)
    return request


def send(service, request, connection=None, **how):
    """The answer to a request; a connection handed in stays open."""
    own = connection is None
    connection = connection or connect(service, **how)
    try:
        url = urllib.parse.urlsplit(request.url)
        path = (url.path or "/") + ("?" + url.query if url.query else "")
        connection.request(request.method, path, body=request.data, headers=dict(request.headers.items()))
        response = connection.getresponse()
        answer = Answer(response, response.read())
        conformance.check_bytes(request.headers.get("X-Amz-Target"), answer)
        return answer
    finally:
        if own:
            connection.close()


def ask(service, operation, parameters=None, target="kms", **signing):
    """One signed request by nobody's model; ours ("p11kms") too."""
    request = request_for(service, operation, {} if parameters is None else parameters, target)
    return send(service, sign(request, **({"scope": target} | signing)))


def ask_unix(service, operation, parameters=None, target="kms"):
    """One unsigned request over the Unix socket."""
    return send(service, request_for(service, operation, {} if parameters is None else parameters, target), unix=True)


def set_clock(service, seconds=0, **days):
    """Moves the service's clock away from the machine's: set_clock(service, days=90)."""
    offset = seconds + int(datetime.timedelta(**days).total_seconds())
    answer = ask_unix(service, "SetClock", {"OffsetSeconds": offset}, "p11kms")
    assert answer.status == 200, answer.body


def sha256(data):
    return hashlib.sha256(data).hexdigest()

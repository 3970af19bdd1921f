"""Stands for the script of the Glue jobs: does as `orders/<step>.json` of the bucket says, and tells what it was given.

The file has a list, an order for each run of the job: `sleep` seconds, `raise` a line, `exit` with a code. It uses only
what Python has: a client of AWS takes longer to import than all else a test does.
"""

import hashlib
import hmac
import json
import os
import ssl
import sys
import time
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


def call(method: str, key: str, body: bytes = b"") -> bytes:
    """One signed call of S3, on an object of the job's bucket."""
    region, host = os.environ["AWS_REGION"], urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path, digest = f"/{ARGUMENTS['bucket']}/{key}", hashlib.sha256(body).hexdigest()
    headers = {
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    request = hashlib.sha256(f"{method}\n{path}\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
    secret = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{request}".encode(), "sha256").hex()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    asked = Request(f"https://{host}{path}", body if method == "PUT" else None, headers, method=method)
    with urlopen(asked, context=context) as answer:
        return bytes(answer.read())


def orders(key: str) -> list[dict[str, object]]:
    try:
        return list(json.loads(call("GET", key)))
    except HTTPError as problem:
        if problem.code == 404:
            return []
        raise


def arguments(words: list[str]) -> dict[str, str]:
    """Values by name; what has none is empty, as Glue leaves out a value that is empty."""
    pairs = zip(words, [*words[1:], ""], strict=True)
    return {
        word.removeprefix("--"): "" if following.startswith("--") else following
        for word, following in pairs
        if word.startswith("--")
    }


ARGUMENTS = arguments(sys.argv[1:])
key = f"orders/{ARGUMENTS['step']}.json"
order, *rest = orders(key) or [{}]
if order:
    call("PUT", key, json.dumps(rest).encode())
told = {"arguments": ARGUMENTS, "environment": sorted(os.environ), "path": sys.path}
call("PUT", f"seen/{ARGUMENTS['step']}/{ARGUMENTS['JOB_RUN_ID']}.json", json.dumps(told).encode())
sys.stdout.write("FakeError: said on standard output\n")
time.sleep(float(str(order.get("sleep", 0))))
if "raise" in order:
    kind, _, text = str(order["raise"]).partition(": ")
    raise type(kind, (Exception,), {"__module__": "rental_analytics.errors"})(text)
if "exit" in order:
    sys.stderr.write("QualityError: said on standard error, which Glue does not tell\n")
    sys.exit(int(str(order["exit"])))
call("PUT", f"done/{ARGUMENTS['step']}/{ARGUMENTS['run_id']}", b"")

"""Tests of the kit: by a stub, and, with `JANGTEO_URL`, against an empty local stack."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from jangteo import (  # noqa: E402
    FileIntents, IntentConflict, MemoryIntents, NoAnswer, Refusal, Retries, Shop, next_wait, refusals, retry_after_seconds,
)

URL = os.environ.get("JANGTEO_URL")
ORDER = {"body": {"userId": "kim", "items": [{"productId": "hanji", "quantity": 1}]}}
USER = f"python-{os.getpid()}"
TEA = f"{USER}-tea"
CUP = f"{USER}-cup"
ADMIN = {"x-user-id": "admin", "x-user-role": "ADMIN"}


def success(data):
    return 200, {}, json.dumps({"code": "SUCCESS", "message": "", "data": data}).encode()


def failure(status, code, details=None, headers={}):
    return status, headers, json.dumps({"code": code, "message": "", "requestId": "r", "details": details}).encode()


class Stub:
    """A shop that gives these answers in turn; an answer may be an error."""

    def __init__(self, *answers, **options):
        self.sent, self.waits, self._answers = [], [], answers
        self.shop = Shop("http://shop.test/", transport=self._send, sleep=self.waits.append, **options)

    def _send(self, method, url, headers, body, seconds):
        self.sent.append((url, headers.get("Idempotency-Key")))
        answer = self._answers[min(len(self.sent), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Kit(unittest.TestCase):
    def test_a_refusal_has_the_class_and_the_details_of_its_code(self):
        details = {"productId": "hanji", "requested": 2, "available": 1}
        with self.assertRaises(refusals.StockNotEnough) as raised:
            Stub(failure(409, "STOCK_NOT_ENOUGH", details)).shop.post("/orders", **ORDER)
        self.assertEqual(raised.exception.details, details)
        with self.assertRaises(Refusal):
            Stub(failure(409, "A_CODE_OF_THE_FUTURE")).shop.post("/orders", **ORDER)

    def test_retries_respect_retry_after_and_their_bounds(self):
        busy = failure(503, "TRY_AGAIN", headers={"Retry-After": "2"})
        stub = Stub(busy, success({}))
        stub.shop.post("/orders", **ORDER)
        self.assertEqual(stub.sent[0], stub.sent[1])
        self.assertTrue(2 <= stub.waits[0] <= 2.1)
        lost = Stub(ConnectionResetError())
        with self.assertRaises(NoAnswer):
            lost.shop.get("/products")
        self.assertEqual(len(lost.sent), Retries().attempts)
        change = Stub(ConnectionResetError())
        with self.assertRaises(NoAnswer):
            change.shop.patch("/users/{userId}", path={"userId": "a/b"}, body={"phone": None})
        self.assertEqual([url for url, _ in change.sent], ["http://shop.test/users/a%2Fb"])
        self.assertIsNone(next_wait(Retries(), 1, 0, 60))
        self.assertIsNone(retry_after_seconds("soon"))

    def test_an_intent_is_one_request_until_refused_at_once_or_forgotten(self):
        other = {"body": {**ORDER["body"], "items": []}}
        refused = Stub(failure(409, "STOCK_NOT_ENOUGH", {}), success({}), intents=MemoryIntents())
        with self.assertRaises(refusals.StockNotEnough):
            refused.shop.once("c", "/orders", **ORDER)
        refused.shop.once("c", "/orders", **other)
        self.assertNotEqual(refused.sent[0], refused.sent[1])
        lost = Stub(ConnectionResetError(), failure(409, "STOCK_NOT_ENOUGH", {}), success({}), intents=MemoryIntents())
        with self.assertRaises(refusals.StockNotEnough):
            lost.shop.once("c", "/orders", **ORDER)
        with self.assertRaises(IntentConflict):
            lost.shop.once("c", "/orders", **other)
        self.assertEqual(lost.shop.resume(), {"c": {}})

    def test_intents_in_files_outlive_their_process(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(FileIntents(folder).create("a/b", "1"), "1")
            self.assertEqual(FileIntents(folder).create("a/b", "2"), "1")
            FileIntents(folder).set("a/b", "3")
            self.assertEqual((FileIntents(folder).get("a/b"), FileIntents(folder).ids()), ("3", ["a/b"]))


# A customer that dies at a point of an order: argv is the source, the folder, the intent, the point and the user.
BUYER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from jangteo import FileIntents, Shop
from jangteo.shop import send
folder, intent, point, user = sys.argv[2:]
def at(here):
    if here == point: os.kill(os.getpid(), signal.SIGKILL)
class Intents(FileIntents):
    def create(self, id, text):
        at("before-writing"); kept = super().create(id, text); at("after-writing"); return kept
    def set(self, id, text):
        at("before-noting"); super().set(id, text); at("after-noting")
def transport(*request):
    at("before-sending"); answer = send(*request); at("after-answer"); return answer
shop = Shop(os.environ["JANGTEO_URL"], headers={"x-user-id": user}, intents=Intents(folder), transport=transport)
items = [{"productId": user + "-cup", "quantity": 1}]
print(shop.once(intent, "/orders", body={"userId": user, "items": items})["orderId"])
"""


@unittest.skipUnless(URL, "JANGTEO_URL names no shop")
class Journey(unittest.TestCase):
    def test_a_customers_journey(self):
        shop = Shop(URL, headers={"x-user-id": USER}, intents=MemoryIntents())
        admin = Shop(URL, headers=ADMIN)
        shop.post("/users", body={"userId": USER, "name": "김민아", "email": f"{USER}@example.com"})
        admin.post("/products", body={"productId": TEA, "name": "차", "price": 1_000, "stock": 20})
        products = shop.get("/products", query={"limit": 100})["items"]
        self.assertIn(TEA, [product["productId"] for product in products])
        balance = shop.post("/balance/charge", body={"userId": USER, "amount": 100_000})["balance"]
        items = [{"productId": TEA, "quantity": 20}]
        order = shop.once("journey", "/orders", body={"userId": USER, "items": items})
        with self.assertRaises(refusals.StockNotEnough) as raised:
            shop.post("/orders", body={"userId": USER, "items": items})
        self.assertEqual(raised.exception.details["available"], 0)
        cancelled = shop.post("/orders/{orderId}/cancel", path={"orderId": order["orderId"]})
        self.assertEqual(cancelled["status"], "FULLY_REFUNDED")
        self.assertEqual(shop.get("/balance/{userId}", path={"userId": USER})["balance"], balance)
        # Another product: units that came back are sold within a second, and not at once.
        admin.post("/products", body={"productId": CUP, "name": "잔", "price": 1_000, "stock": 20})
        self._killed_customers_order_once(shop)

    def _killed_customers_order_once(self, shop):
        points = ["before-writing", "after-writing", "before-sending", "after-answer", "before-noting", "after-noting"]
        source = str(Path(__file__).parent.parent / "src")
        with tempfile.TemporaryDirectory() as folder:
            for intent in ("one", "two"):
                for point in points:
                    done = subprocess.run([sys.executable, "-c", BUYER, source, folder, intent, point, USER], capture_output=True)
                    self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
                done = subprocess.run([sys.executable, "-c", BUYER, source, folder, intent, "", USER], capture_output=True)
                self.assertEqual(done.returncode, 0, done.stderr)
        orders = shop.get("/orders", query={"userId": USER, "limit": 100})["items"]
        self.assertEqual(len([order for order in orders if order["status"] == "PAID"]), 2)


if __name__ == "__main__":
    unittest.main()

"""The journey by the client that openapi-python-client makes, which stands beside this file as `generated`."""

import os

from generated import Client
from generated.api.balance import charge_balance, get_balance
from generated.api.orders import cancel_order, create_order
from generated.api.products import create_product, list_products
from generated.api.users import create_user
from generated.models import Charge, NewOrder, NewProduct, NewUser, OrderEnvelope, StockNotEnoughFailure

USER = f"openapi-python-client-{os.getpid()}"
PRODUCT = f"{USER}-tea"
URL = os.environ.get("JANGTEO_URL", "http://127.0.0.1:9000")

shop = Client(base_url=URL, headers={"x-user-id": USER})
admin = Client(base_url=URL, headers={"x-user-id": "admin", "x-user-role": "ADMIN"})
create_user.sync(client=shop, body=NewUser.from_dict({"userId": USER, "name": "김민아", "email": f"{USER}@example.com"}))
tea = {"productId": PRODUCT, "name": "차", "price": 1_000, "stock": 3}
create_product.sync(client=admin, body=NewProduct.from_dict(tea))

products = list_products.sync(client=shop, limit=100)
assert PRODUCT in [product.product_id for product in products.data.items]
charged = charge_balance.sync(client=shop, body=Charge(user_id=USER, amount=50_000))
order = NewOrder.from_dict({"userId": USER, "items": [{"productId": PRODUCT, "quantity": 2}]})
placed = create_order.sync(client=shop, body=order, idempotency_key=USER)
assert isinstance(placed, OrderEnvelope) and placed.data.status == "PAID", placed
refused = create_order.sync(client=shop, body=order)
assert isinstance(refused, StockNotEnoughFailure) and refused.details.available == 1, refused
cancelled = cancel_order.sync(placed.data.order_id, client=shop)
assert cancelled.data.status == "FULLY_REFUNDED", cancelled
assert get_balance.sync(USER, client=shop).data.balance == charged.data.balance
print("the journey ends well")

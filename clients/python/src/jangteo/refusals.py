"""A class for each refusal, by its code. Generated from the reference by `cargo xtask generate`."""

from typing import Literal, NotRequired, TypedDict

from .errors import Refusal


class InvalidRequest(Refusal):
    code: Literal["INVALID_REQUEST"]
    details: None


class Unauthenticated(Refusal):
    code: Literal["UNAUTHENTICATED"]
    details: None


class BalanceNotEnoughDetails(TypedDict):
    payable: int
    balance: int
    orderId: NotRequired[str]


class BalanceNotEnough(Refusal):
    code: Literal["BALANCE_NOT_ENOUGH"]
    details: BalanceNotEnoughDetails


class Forbidden(Refusal):
    code: Literal["FORBIDDEN"]
    details: None


class EntityNotFoundDetails(TypedDict):
    userId: NotRequired[str]
    productId: NotRequired[str]
    couponId: NotRequired[str]
    orderId: NotRequired[str]
    itemId: NotRequired[str]
    parcelId: NotRequired[str]
    claimId: NotRequired[str]
    orderSheetId: NotRequired[str]
    paymentId: NotRequired[str]
    refundId: NotRequired[str]
    withdrawalId: NotRequired[str]
    exportId: NotRequired[str]
    dropId: NotRequired[str]


class EntityNotFound(Refusal):
    code: Literal["ENTITY_NOT_FOUND"]
    details: EntityNotFoundDetails | None


class MethodNotAllowed(Refusal):
    code: Literal["METHOD_NOT_ALLOWED"]
    details: None


class StockNotEnoughDetails(TypedDict):
    productId: str
    requested: int
    available: int


class StockNotEnough(Refusal):
    code: Literal["STOCK_NOT_ENOUGH"]
    details: StockNotEnoughDetails


class CouponSoldOut(Refusal):
    code: Literal["COUPON_SOLD_OUT"]
    details: None


class CouponAlreadyIssued(Refusal):
    code: Literal["COUPON_ALREADY_ISSUED"]
    details: None


class CouponNotUsableDetails(TypedDict):
    couponId: str
    reason: str
    budgetLeft: NotRequired[int]


class CouponNotUsable(Refusal):
    code: Literal["COUPON_NOT_USABLE"]
    details: CouponNotUsableDetails


class CouponNotIssuable(Refusal):
    code: Literal["COUPON_NOT_ISSUABLE"]
    details: None


class ProductNotOnSaleDetails(TypedDict):
    productId: str
    saleFrom: NotRequired[str]
    saleUntil: NotRequired[str]


class ProductNotOnSale(Refusal):
    code: Literal["PRODUCT_NOT_ON_SALE"]
    details: ProductNotOnSaleDetails


class PriceChangedDetails(TypedDict):
    quoted: int
    current: int
    productId: NotRequired[str]
    offerLeft: NotRequired[int]
    refund: NotRequired[dict[str, int]]


class PriceChanged(Refusal):
    code: Literal["PRICE_CHANGED"]
    details: PriceChangedDetails


class OrderStateConflictDetails(TypedDict):
    couponId: NotRequired[str]
    orderId: NotRequired[str]
    itemId: NotRequired[str]
    parcelId: NotRequired[str]
    claimId: NotRequired[str]
    refundId: NotRequired[str]
    paymentId: NotRequired[str]
    withdrawalId: NotRequired[str]
    orderSheetId: NotRequired[str]
    status: NotRequired[str]
    allowed: NotRequired[list[str]]
    requested: NotRequired[int]
    available: NotRequired[int]
    claimed: NotRequired[int]
    named: NotRequired[int]
    orders: NotRequired[int]
    claims: NotRequired[int]
    payments: NotRequired[int]
    refunds: NotRequired[int]
    balance: NotRequired[int]


class OrderStateConflict(Refusal):
    code: Literal["ORDER_STATE_CONFLICT"]
    details: OrderStateConflictDetails | None


class AddressRequiredDetails(TypedDict):
    missing: list[str]


class AddressRequired(Refusal):
    code: Literal["ADDRESS_REQUIRED"]
    details: AddressRequiredDetails


class PaymentAmountMismatchDetails(TypedDict):
    paymentId: str
    amount: int
    named: int


class PaymentAmountMismatch(Refusal):
    code: Literal["PAYMENT_AMOUNT_MISMATCH"]
    details: PaymentAmountMismatchDetails


class OrderSheetExpiredDetails(TypedDict):
    orderSheetId: str


class OrderSheetExpired(Refusal):
    code: Literal["ORDER_SHEET_EXPIRED"]
    details: OrderSheetExpiredDetails


class UserNotActive(Refusal):
    code: Literal["USER_NOT_ACTIVE"]
    details: None


class AlreadyExistsDetails(TypedDict):
    field: NotRequired[str]


class AlreadyExists(Refusal):
    code: Literal["ALREADY_EXISTS"]
    details: AlreadyExistsDetails | None


class LimitExceededDetails(TypedDict):
    limit: str
    max: int
    productId: NotRequired[str]
    within: NotRequired[str]
    left: NotRequired[int]


class LimitExceeded(Refusal):
    code: Literal["LIMIT_EXCEEDED"]
    details: LimitExceededDetails


class PreconditionFailed(Refusal):
    code: Literal["PRECONDITION_FAILED"]
    details: None


class PayloadTooLarge(Refusal):
    code: Literal["PAYLOAD_TOO_LARGE"]
    details: None


class UnsupportedMediaType(Refusal):
    code: Literal["UNSUPPORTED_MEDIA_TYPE"]
    details: None


class IdempotencyKeyReused(Refusal):
    code: Literal["IDEMPOTENCY_KEY_REUSED"]
    details: None


class TooManyRequestsDetails(TypedDict):
    limit: NotRequired[str]
    max: NotRequired[int]
    dropId: NotRequired[str]
    reason: NotRequired[str]


class TooManyRequests(Refusal):
    code: Literal["TOO_MANY_REQUESTS"]
    details: TooManyRequestsDetails | None


class InternalServerError(Refusal):
    code: Literal["INTERNAL_SERVER_ERROR"]
    details: None


class TryAgain(Refusal):
    code: Literal["TRY_AGAIN"]
    details: None


# The class of each code. A code that is not here is a `Refusal`: a newer shop may have more.
REFUSALS: dict[str, type[Refusal]] = {
    "INVALID_REQUEST": InvalidRequest,
    "UNAUTHENTICATED": Unauthenticated,
    "BALANCE_NOT_ENOUGH": BalanceNotEnough,
    "FORBIDDEN": Forbidden,
    "ENTITY_NOT_FOUND": EntityNotFound,
    "METHOD_NOT_ALLOWED": MethodNotAllowed,
    "STOCK_NOT_ENOUGH": StockNotEnough,
    "COUPON_SOLD_OUT": CouponSoldOut,
    "COUPON_ALREADY_ISSUED": CouponAlreadyIssued,
    "COUPON_NOT_USABLE": CouponNotUsable,
    "COUPON_NOT_ISSUABLE": CouponNotIssuable,
    "PRODUCT_NOT_ON_SALE": ProductNotOnSale,
    "PRICE_CHANGED": PriceChanged,
    "ORDER_STATE_CONFLICT": OrderStateConflict,
    "ADDRESS_REQUIRED": AddressRequired,
    "PAYMENT_AMOUNT_MISMATCH": PaymentAmountMismatch,
    "ORDER_SHEET_EXPIRED": OrderSheetExpired,
    "USER_NOT_ACTIVE": UserNotActive,
    "ALREADY_EXISTS": AlreadyExists,
    "LIMIT_EXCEEDED": LimitExceeded,
    "PRECONDITION_FAILED": PreconditionFailed,
    "PAYLOAD_TOO_LARGE": PayloadTooLarge,
    "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaType,
    "IDEMPOTENCY_KEY_REUSED": IdempotencyKeyReused,
    "TOO_MANY_REQUESTS": TooManyRequests,
    "INTERNAL_SERVER_ERROR": InternalServerError,
    "TRY_AGAIN": TryAgain,
}

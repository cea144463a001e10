//! One payment of the books, and the object `Payment` that shows it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{errors, text};

/// The time in which a payment that was begun must be confirmed.
pub(crate) const TIME_TO_CONFIRM: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    WaitingForDeposit,
    Done,
    PartialCanceled,
    Canceled,
    Aborted,
    Expired,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Canceled => "CANCELED",
            Self::Aborted => "ABORTED",
            Self::Expired => "EXPIRED",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Card,
    VirtualAccount,
}

/// The account that is opened for one deposit.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) number: String,
    pub(crate) due_at: Timestamp,
    pub(crate) secret: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Cancel {
    pub(crate) amount: i64,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
    pub(crate) transaction: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) key: String,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) amount: i64,
    pub(crate) method: Method,
    /// The time for which an account stays open.
    pub(crate) valid_hours: i64,
    /// Whether the card's issuer declines the confirmation.
    pub(crate) is_declined: bool,
    pub(crate) status: Status,
    pub(crate) requested_at: Timestamp,
    /// The time at which the money came; none as long as it has not.
    pub(crate) approved_at: Option<Timestamp>,
    pub(crate) account: Option<Account>,
    pub(crate) cancels: Vec<Cancel>,
    /// The code of a decline.
    pub(crate) failure: Option<String>,
    /// The key of the latest movement.
    pub(crate) transaction: Option<String>,
}

impl Payment {
    /// Whether a confirmation had an effect: the order id is used up.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.approved_at.is_some() || self.account.is_some()
    }

    /// The end of the time in which it must be confirmed or its deposit must come.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self.status {
            Status::InProgress => Some(self.requested_at.saturating_add(TIME_TO_CONFIRM).unwrap_or(self.requested_at)),
            Status::WaitingForDeposit => self.account.as_ref().map(|account| account.due_at),
            _ => None,
        }
    }

    pub(crate) fn cancelled(&self) -> i64 {
        self.cancels.iter().map(|cancel| cancel.amount).sum()
    }

    /// The amount that can still be cancelled.
    pub(crate) fn balance(&self) -> i64 {
        self.amount - self.cancelled()
    }

    /// The money of this payment that the provider has.
    pub(crate) fn held(&self) -> i64 {
        if self.approved_at.is_some() { self.balance() } else { 0 }
    }

    /// The object `Payment` of the protocol.
    pub(crate) fn shown(&self) -> Value {
        let (vat, balance) = (self.balance() / 11, self.balance());
        let card = json!({
            "amount": self.amount, "issuerCode": "71", "acquirerCode": "71", "number": "12345678****000*",
            "installmentPlanMonths": 0, "approveNo": "00000000", "useCardPoint": false, "cardType": "신용",
            "ownerType": "개인", "acquireStatus": "READY", "isInterestFree": false, "interestPayer": null,
        });
        let is_card = self.method == Method::Card && self.approved_at.is_some();
        json!({
            "mId": "jangteo_local", "version": "2022-11-16", "type": "NORMAL", "country": "KR", "currency": "KRW",
            "paymentKey": self.key, "lastTransactionKey": self.transaction, "orderId": self.order_id,
            "orderName": self.order_name, "status": self.status.name(),
            "method": match self.method { Method::Card => "카드", Method::VirtualAccount => "가상계좌" },
            "requestedAt": text::instant(self.requested_at), "approvedAt": self.approved_at.map(text::instant),
            "totalAmount": self.amount, "balanceAmount": balance, "suppliedAmount": balance - vat, "vat": vat,
            "taxFreeAmount": 0, "taxExemptionAmount": 0, "useEscrow": false, "cultureExpense": false,
            "isPartialCancelable": true, "card": is_card.then_some(card), "virtualAccount": self.shown_account(),
            "secret": self.account.as_ref().map(|account| &account.secret), "cancels": self.shown_cancels(),
            "failure": self.failure.as_ref().map(|code| json!({ "code": code, "message": errors::message(code) })),
            "transfer": null, "mobilePhone": null, "giftCertificate": null, "easyPay": null, "cashReceipt": null,
            "cashReceipts": null, "discount": null, "receipt": null, "checkout": null,
        })
    }

    fn shown_account(&self) -> Option<Value> {
        let account = self.account.as_ref()?;
        Some(json!({
            "accountType": "일반", "accountNumber": account.number, "bankCode": "20", "customerName": "장터",
            "depositorName": "", "dueDate": text::instant(account.due_at),
            "expired": self.status == Status::Expired, "settlementStatus": "INCOMPLETED",
            "refundStatus": if self.cancels.is_empty() { "NONE" } else { "COMPLETED" }, "refundReceiveAccount": null,
        }))
    }

    fn shown_cancels(&self) -> Option<Vec<Value>> {
        let mut left = self.amount;
        let shown = self.cancels.iter().map(|cancel| {
            left -= cancel.amount;
            json!({
                "cancelAmount": cancel.amount, "cancelReason": cancel.reason, "canceledAt": text::instant(cancel.at),
                "transactionKey": cancel.transaction, "cancelStatus": "DONE", "refundableAmount": left,
                "taxFreeAmount": 0, "taxExemptionAmount": 0, "easyPayDiscountAmount": 0, "receiptKey": null,
                "cancelRequestId": null,
            })
        });
        (!self.cancels.is_empty()).then(|| shown.collect())
    }
}

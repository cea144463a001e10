//! Payments from outside, and withdrawals.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{Language, messages},
    domain::{
        OrderId, PaymentId, UserId, WithdrawalId, Won,
        provider::{Deposit, ProviderName},
        session::{PaymentSession, Purpose, SessionRefund, SessionStatus},
        states::RefundStatus,
        withdrawal::{PayoutAccount, Withdrawal, WithdrawalStatus},
    },
};

/// A payment from outside.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaymentSession)]
pub struct SessionView {
    /// The id of the payment.
    pub payment_id: PaymentId,
    /// The purpose of the money.
    pub purpose: PurposeView,
    /// The amount.
    pub amount: Won,
    /// Its state.
    pub status: SessionStatus,
    /// The provider's code of the reason for which it declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The account that the customer is to transfer the money to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Deposit>,
    /// The refunds of its money, oldest first. Those of a paid order are in the order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<SessionRefundView>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// From this instant on no confirmation begins.
    pub expires_at: Timestamp,
    /// The instant at which the money arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// The data with which a page in the customer's browser begins the payment, while it can be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout: Option<CheckoutView>,
}

/// The purpose of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = PaymentPurpose)]
pub enum PurposeView {
    /// The user's balance is topped up.
    #[serde(rename_all = "camelCase")]
    TopUp {
        /// The user with the balance.
        user_id: UserId,
        /// The amount.
        amount: Won,
    },
    /// An order is paid.
    #[serde(rename_all = "camelCase")]
    Order {
        /// The order.
        order_id: OrderId,
    },
}

/// Money of a payment that goes back to where it came from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaymentRefund)]
pub struct SessionRefundView {
    /// The id of the refund.
    pub refund_id: String,
    /// The amount.
    pub amount: Won,
    /// Its result.
    pub status: RefundStatus,
    /// The instant of the last change.
    pub at: Timestamp,
}

/// The data with which the provider's page begins a payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Checkout)]
pub struct CheckoutView {
    /// The provider.
    pub provider: ProviderName,
    /// The shop's public key at the provider.
    pub client_key: String,
    /// The id under which the provider knows the payment: the `paymentId`.
    pub merchant_order_id: PaymentId,
    /// The amount.
    pub amount: Won,
    /// The title that the provider's page shows.
    pub order_name: String,
}

impl SessionView {
    /// A session as it is at an instant, with the data for the provider's page.
    pub fn at(now: Timestamp, session: PaymentSession, client_key: &str, language: Language) -> Self {
        let status = session.status(now);
        let is_payable = !session.allowed_actions(now).is_empty();
        let order_name = messages::payment_title(session.first_item.as_deref(), session.more_items, language);
        let PaymentSession { payment_id, user_id, purpose, amount, provider, reason, deposit, .. } = session;
        let checkout = is_payable.then(|| CheckoutView {
            provider,
            client_key: client_key.to_owned(),
            merchant_order_id: payment_id.clone(),
            amount,
            order_name,
        });
        let purpose = match purpose {
            Purpose::TopUp => PurposeView::TopUp { user_id, amount },
            Purpose::Order { order_id } => PurposeView::Order { order_id },
        };
        Self {
            payment_id,
            purpose,
            amount,
            status,
            reason,
            deposit,
            refunds: session.refunds.into_iter().map(SessionRefundView::from).collect(),
            created_at: session.created_at,
            expires_at: session.expires_at,
            paid_at: session.paid_at,
            checkout,
        }
    }
}

impl From<SessionRefund> for SessionRefundView {
    fn from(SessionRefund { refund_id, amount, status, at, .. }: SessionRefund) -> Self {
        Self { refund_id, amount, status, at }
    }
}

/// Money of a balance that is cashed out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Withdrawal)]
pub struct WithdrawalView {
    /// The id of the withdrawal.
    pub withdrawal_id: WithdrawalId,
    /// The user.
    pub user_id: UserId,
    /// The amount.
    pub amount: Won,
    /// The account at the bank.
    pub account: PayoutAccount,
    /// Its state.
    pub status: WithdrawalStatus,
    /// The balance right after it; only in the answer to its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Won>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
}

impl WithdrawalView {
    /// A withdrawal, with the balance right after it if it was just asked for.
    pub fn new(withdrawal: Withdrawal, balance: Option<Won>) -> Self {
        let Withdrawal { withdrawal_id, user_id, amount, account, status, created_at, updated_at, version: _ } =
            withdrawal;
        Self { withdrawal_id, user_id, amount, account, status, balance, created_at, updated_at }
    }
}

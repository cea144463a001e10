//! A payment provider that speaks the protocol of Toss Payments, version 1, without sockets, threads or a clock.
//!
//! [`Provider::answer`] is the whole of it: a request and the time give a response. The HTTP server of the local stack
//! and the simulator run the same machine. It keeps its books in memory.
//!
//! # Routes of the protocol
//!
//! They take the secret key by HTTP Basic, and errors are `{code, message}`.
//! - `POST /v1/payments/confirm {paymentKey, orderId, amount}`
//! - `GET /v1/payments/{paymentKey}`, `GET /v1/payments/orders/{orderId}`
//! - `POST /v1/payments/{paymentKey}/cancel {cancelReason, cancelAmount?}`
//!
//! An `Idempotency-Key` is known for 15 days together with method and path: the first answer comes again, whatever the
//! body, as the provider documents it. A payment that is not confirmed in 10 minutes expires.
//!
//! # Control routes
//!
//! They are not of the protocol and take no key. Fields are checked; a 400 names the field.
//! - `POST /checkout {clientKey, merchantOrderId, amount, orderName?, method?, validHours?, outcome?}` → `{paymentKey}`
//!   does in one call what a customer does on the hosted page. `method` is `CARD` (default) or `VIRTUAL_ACCOUNT`, whose
//!   account is open for `validHours` (1 to 168, the default). `outcome` is the card issuer's answer to the
//!   confirmation: `APPROVE` (default) or `DECLINE`. Each call is another attempt with another key.
//! - `POST /deposits {merchantOrderId}` transfers the money of a virtual account.
//! - `PUT /faults` and `PUT /payments/{merchantOrderId}/faults` replace the [faults] of all payments or of one.
//! - `GET /statements/{YYYY-MM-DD}.csv` lists the movements of money of a day in Seoul, oldest first:
//!   `paymentKey,merchantOrderId,type,transactionKey,amount,at` with the type `PAYMENT` or `CANCEL`.
//! - `GET /payments` → `{payments, sums: {paid, cancelled, held}}`.
//!
//! # Notices
//!
//! Each change of a payment makes a notice `PAYMENT_STATUS_CHANGED`. A deposit, and its cancellation in full, make a
//! second one, which carries the secret of the account. [`Provider::take_notices`] hands them out when they are due.
//!
//! # Differences from the provider
//!
//! - The refund of a deposit needs no account of the customer, as if the hosted page had asked for it.
//! - Cards have no least amount, and an order id has no least length.
//! - Notices are repeated after seconds where the provider waits minutes.
//! - A payment has at most 100 cancellations.

mod books;
mod control;
mod errors;
pub mod faults;
mod http;
mod idempotency;
mod notices;
mod payment;
mod protocol;
mod provider;
mod statement;
mod text;

pub use books::{Entry, Sums};
pub use errors::Refusal;
pub use faults::{CallFault, Fault, FaultKind, NoticeFault, On};
pub use http::{Delivery, Request, Response};
pub use notices::Notice;
pub use provider::{CLIENT_KEY, Checkout, CheckoutMethod, Provider, SECRET_KEY};

//! The kinds of events: the name, the description, and the version of the shape of each.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    CampaignSnapshot, ClaimSnapshot, CouponSnapshot, Envelope, LineChange, OrderSnapshot, ParcelSnapshot,
    PaymentRequest, RefundRequest, ScaleSnapshot, SheetSnapshot, ShippingInstruction, WithdrawalSnapshot,
};

macro_rules! kinds {
    ($($(#[doc = $about:literal])+ $kind:ident: $data:ty, $version:literal;)+) => {
        /// What can happen. The names are those on the bus.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum EventKind {
            $($(#[doc = $about])+ $kind,)+
        }

        impl EventKind {
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)+
                }
            }

            /// The version of the shape of its events.
            pub fn version(self) -> u16 {
                match self {
                    $(Self::$kind => $version,)+
                }
            }

            /// The description and the shape of its events, for their contract. No function calls it.
            pub fn described(self) -> Described {
                match self {
                    $(Self::$kind => Described::of::<$data>(concat!($($about),+)),)+
                }
            }
        }
    };
}

kinds! {
    /// An order has its units and waits for the money.
    OrderPlaced: OrderSnapshot, 1;
    /// An order was paid.
    OrderPaid: OrderSnapshot, 1;
    /// An order was refused for lack of balance, and kept.
    OrderPaymentFailed: OrderSnapshot, 1;
    /// An order ended unpaid.
    OrderCancelled: OrderSnapshot, 1;
    /// A paid order was cancelled or returned, whole or in part, and paid back as much.
    OrderRefunded: OrderSnapshot, 1;
    /// All that is left of an order has arrived.
    OrderCompleted: OrderSnapshot, 1;
    /// A completion was taken back: a return or an exchange was asked for, say.
    OrderReopened: OrderSnapshot, 1;
    /// The external payment system is to get the money for an order.
    PaymentRequested: PaymentRequest, 1;
    /// The external payment system is to pay money back.
    RefundRequested: RefundRequest, 1;
    /// A refund that was asked for has had no result for too long.
    RefundOverdue: RefundRequest, 1;
    /// Money of a balance is to be paid out.
    WithdrawalRequested: WithdrawalSnapshot, 1;
    /// The delivery system is to ship what a seller owes an order.
    ShippingRequested: ShippingInstruction, 1;
    /// The delivery system is not to ship it, or a part of it.
    ShippingCancelled: ShippingInstruction, 1;
    /// Units of an order were handed to a carrier in a parcel.
    ParcelShipped: ParcelSnapshot, 1;
    /// A parcel is on its way to the recipient.
    ParcelInDelivery: ParcelSnapshot, 1;
    /// A parcel has arrived.
    ParcelDelivered: ParcelSnapshot, 1;
    /// All units of a line were shipped.
    LineShipped: LineChange, 1;
    /// All units of a line have arrived.
    LineDelivered: LineChange, 1;
    /// The purchase of a line was confirmed, by the customer or after their silence.
    PurchaseConfirmed: LineChange, 1;
    /// The customer asked to return a line.
    ReturnRequested: LineChange, 1;
    /// A line was returned.
    LineReturned: LineChange, 1;
    /// The customer asked to exchange a line.
    ExchangeRequested: LineChange, 1;
    /// A line was exchanged.
    LineExchanged: LineChange, 1;
    /// A customer claimed units: a return or an exchange.
    ClaimRequested: ClaimSnapshot, 1;
    /// A claim was accepted or refused.
    ClaimDecided: ClaimSnapshot, 1;
    /// A customer withdrew a claim.
    ClaimWithdrawn: ClaimSnapshot, 1;
    /// The units of a claim came back, or did not.
    ClaimReceived: ClaimSnapshot, 1;
    /// A claim ended with a refund or a replacement.
    ClaimCompleted: ClaimSnapshot, 1;
    /// An order sheet was drawn up.
    OrderSheetCreated: SheetSnapshot, 1;
    /// An order sheet's time was up before it was ordered.
    OrderSheetAbandoned: SheetSnapshot, 1;
    /// A user got a coupon.
    CouponIssued: CouponSnapshot, 1;
    /// A coupon that was not used was taken back.
    CouponRevoked: CouponSnapshot, 1;
    /// A product got more shards or flash mode by itself, or gave them up.
    ProductScaled: ScaleSnapshot, 1;
    /// A campaign got more counters by itself.
    CampaignScaled: CampaignSnapshot, 1;
}

/// The description of a kind of event.
pub struct Described {
    /// Its meaning.
    pub about: &'static str,
    /// The shape of the whole event: of the envelope with its data, if it has one.
    pub shape: RefOr<Schema>,
    /// The shapes that it refers to, by name.
    pub parts: Vec<(String, RefOr<Schema>)>,
}

impl Described {
    fn of<T: ToSchema>(about: &'static str) -> Self {
        let mut parts = vec![(T::name().into_owned(), T::schema())];
        Envelope::<T>::schemas(&mut parts);
        Self { about: about.trim(), shape: Envelope::<T>::schema(), parts }
    }
}

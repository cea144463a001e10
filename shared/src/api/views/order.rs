//! Orders.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::ClaimView;
use crate::{
    app::orders::{AuthorizedOrder, OrderPayment},
    domain::{
        ClaimId, CouponId, OrderId, OrderSheetId, ProductId, UserId, Won,
        address::Address,
        order::{
            Actor, Change, HistoryEvent, InconsistentAmounts, LineStatus, Order, OrderAction, OrderStatus, Parcel,
            ParcelItem, ParcelStatus, PaymentMethod, PaymentStatus, Refund, RefundStatus, Step, Tender, TenderAmount,
        },
        pricing::Amounts,
        shipping::Shipment,
    },
    store::StoreError,
};

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub struct OrderView {
    /// The order.
    pub order_id: OrderId,
    /// The orderer, who is the recipient.
    pub user_id: UserId,
    /// Its state, which follows from its lines.
    pub status: OrderStatus,
    /// The means of payment.
    pub payment: PaymentMethod,
    /// Its lines; for a seller, only their own.
    pub items: Vec<OrderLineView>,
    /// Σ `unitPrice` × `quantity`.
    pub goods_total: Won,
    /// Σ `unitDiscount` × `quantity`.
    pub goods_discount: Won,
    /// The coupon used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    /// The discount of the coupon on the goods.
    pub coupon_discount: Won,
    /// The shipments, each with its fee; for a seller, only their own.
    pub shipments: Vec<Shipment>,
    /// The sum of these fees.
    pub shipping_fee: Won,
    /// `goodsTotal` − `goodsDiscount` − `couponDiscount` + `shippingFee`.
    pub payable: Won,
    /// The amount paid: all of `payable`, or nothing yet.
    pub paid: Won,
    /// The amount refunded or on its way back. A refund that failed does not count.
    pub refunded: Won,
    /// Its parcels; for a seller, only those with lines of their own.
    pub parcels: Vec<ParcelView>,
    /// Its claims; for a seller, only those of their own lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimView>,
    /// The sources of the money; for the orderer and admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenders: Vec<TenderAmount>,
    /// The refunds, oldest first; for the orderer and admins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundView>,
    /// The address that it is shipped to; for the orderer and admins, where the order was placed, changed or looked up by
    /// its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<Address>,
    /// The order sheet that it ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_sheet_id: Option<OrderSheetId>,
    /// The end of the wait for payment, while the order is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_expires_at: Option<Timestamp>,
    /// The actions that the caller can take on the whole order now: `PAY` it from the balance, `CANCEL` everything
    /// left.
    pub allowed_actions: Vec<OrderAction>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The instant of the last change.
    pub updated_at: Timestamp,
    /// The instant of its payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// Money of an order that goes back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refund)]
pub struct RefundView {
    /// The id of the refund.
    pub refund_id: String,
    /// The amount.
    pub amount: Won,
    /// The tender that it goes to.
    pub to: Tender,
    /// Its result.
    pub status: RefundStatus,
    /// The instant of the last change.
    pub at: Timestamp,
}

impl From<Refund> for RefundView {
    fn from(Refund { refund_id, amount, to, status, at, .. }: Refund) -> Self {
        Self { refund_id, amount, to, status, at }
    }
}

/// A parcel of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Parcel)]
pub struct ParcelView {
    /// The id of the parcel within its order.
    pub parcel_id: String,
    /// The order.
    pub order_id: OrderId,
    /// The seller who shipped it; the shop itself, if there is none.
    #[schema(required)]
    pub seller_id: Option<UserId>,
    /// Its state.
    pub status: ParcelStatus,
    /// The units in it.
    pub items: Vec<ParcelItemView>,
    /// The claim whose replacement it has. Its units count apart from those of the lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_id: Option<ClaimId>,
    /// The carrier; none for units that were marked as shipped without a parcel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The number by which the carrier tracks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// The instant at which it was handed to the carrier.
    pub shipped_at: Timestamp,
    /// The instant of its arrival, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
}

/// Units of a line in a parcel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ParcelItem)]
pub struct ParcelItemView {
    /// The line.
    pub item_id: String,
    /// The number of units.
    pub quantity: u16,
}

impl ParcelView {
    /// A parcel of an order as its customer, its seller or an admin sees it.
    pub fn new(order: &Order, number: usize, parcel: &Parcel) -> Self {
        let item = |item: &ParcelItem| ParcelItemView { item_id: item.line.to_string(), quantity: item.units };
        Self {
            parcel_id: number.to_string(),
            order_id: order.order_id.clone(),
            seller_id: order.seller_of(parcel).cloned(),
            status: parcel.status,
            items: parcel.items.iter().map(item).collect(),
            claim_id: parcel.claim.and_then(|claim| order.claim_id(claim)),
            carrier: parcel.label.as_ref().map(|label| label.carrier.clone()),
            tracking_number: parcel.label.as_ref().map(|label| label.tracking_number.clone()),
            shipped_at: parcel.shipped_at,
            delivered_at: parcel.delivered_at,
        }
    }
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderLine)]
pub struct OrderLineView {
    /// The id of the line within its order.
    pub item_id: String,
    /// Its position in the order, from 1.
    pub sequence: usize,
    /// The product.
    pub product_id: ProductId,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The name of the product when it was ordered.
    pub name: String,
    /// Units ordered.
    pub quantity: u16,
    /// Units of them cancelled or returned since.
    pub cancelled_quantity: u16,
    /// Units of them put into parcels.
    pub shipped_quantity: u16,
    /// Units of them that arrived.
    pub delivered_quantity: u16,
    /// Units of them that came back, or never arrived.
    pub returned_quantity: u16,
    /// The price of a unit when it was ordered.
    pub unit_price: Won,
    /// The discount on a unit when it was ordered.
    pub unit_discount: Won,
    /// (`unitPrice` − `unitDiscount`) × `quantity`.
    pub amount: Won,
    /// The line's part of `couponDiscount`.
    pub coupon_share: Won,
    /// The line's part of the fee of its shipment.
    pub shipping_share: Won,
    /// The state of the line.
    pub status: LineStatus,
    /// The states that the caller can move the line to now.
    pub next_statuses: Vec<LineStatus>,
    /// Deprecated: `nextStatuses` by its older name, until the next version of the API.
    #[schema(deprecated)]
    pub allowed_actions: Vec<LineStatus>,
}

impl OrderView {
    /// The view with the address that the order is shipped to.
    #[must_use]
    pub fn shipped_to(self, ship_to: Option<Address>) -> Self {
        Self { ship_to, ..self }
    }
}

impl TryFrom<AuthorizedOrder> for OrderView {
    type Error = StoreError;

    fn try_from(authorized: AuthorizedOrder) -> Result<Self, StoreError> {
        let allowed_actions = authorized.allowed_actions();
        let next_statuses: Vec<Vec<LineStatus>> =
            (1..=authorized.order.items.len()).map(|number| authorized.next_statuses(number)).collect();
        let (tenders, refunds, refunded) = if authorized.is_whole() {
            let order = &authorized.order;
            let refunds = order.refunds().into_iter().map(RefundView::from).collect();
            (order.tenders(), refunds, order.refunded_or_open())
        } else {
            (Vec::new(), Vec::new(), authorized.order.refunded)
        };
        let parcels = authorized.parcels().map(|(number, parcel)| ParcelView::new(&authorized.order, number, parcel));
        let parcels = parcels.collect();
        let claims = authorized.claims().map(|(number, _)| ClaimView::new(&authorized, number));
        let claims = claims.collect::<Result<_, _>>()?;
        let (shipments, shares) = (authorized.shipments(), authorized.shipping_shares()?);
        let AuthorizedOrder { order, lines, .. } = authorized;
        let units: Vec<_> = (1..=order.items.len())
            .map(|line| (order.shipped_units(line), order.delivered_units(line), order.returned_units(line)))
            .collect();
        let Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable } = order.amounts;
        let items = order.items.into_iter().zip(next_statuses.into_iter().zip(units).zip(shares)).zip(1..);
        let items = items.filter(|(_, number)| lines.contains(number));
        let items = items.map(|((line, ((next_statuses, units), shipping_share)), sequence)| {
            let (shipped_quantity, delivered_quantity, returned_quantity) = units;
            Ok(OrderLineView {
                item_id: sequence.to_string(),
                sequence,
                amount: line.amount().ok_or(InconsistentAmounts)?,
                product_id: line.product_id,
                seller_id: line.seller_id,
                name: line.name,
                quantity: line.quantity.get(),
                cancelled_quantity: line.cancelled_quantity,
                shipped_quantity,
                delivered_quantity,
                returned_quantity,
                unit_price: line.unit_price,
                unit_discount: line.unit_discount,
                coupon_share: line.coupon_share,
                shipping_share,
                status: line.status,
                allowed_actions: next_statuses.clone(),
                next_statuses,
            })
        });
        Ok(Self {
            items: items.collect::<Result<_, StoreError>>()?,
            order_id: order.order_id,
            user_id: order.user_id,
            status: order.status,
            payment: order.payment,
            goods_total,
            goods_discount,
            coupon_id: order.coupon_id,
            coupon_discount,
            shipments,
            shipping_fee,
            payable,
            paid: order.paid,
            refunded,
            parcels,
            claims,
            tenders,
            refunds,
            ship_to: None,
            order_sheet_id: order.order_sheet_id,
            hold_expires_at: order.hold_expires_at,
            allowed_actions,
            created_at: order.created_at,
            updated_at: order.updated_at,
            paid_at: order.paid_at,
        })
    }
}

/// One entry in an order's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HistoryEntry)]
pub struct HistoryView {
    /// The id of the entry within its order; it never changes.
    pub id: String,
    /// The event.
    pub event: HistoryEvent,
    /// The line, or none if the entry is about the order as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// The state before; null if there was none.
    #[schema(required)]
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// Units of the line that were cancelled or returned with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u16>,
    /// The parcel that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parcel_id: Option<String>,
    /// The claim that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_id: Option<ClaimId>,
    /// The reason, in the words of the actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The actor of the change.
    pub actor: Actor,
    /// The instant of the change.
    pub at: Timestamp,
}

/// The state of an order or of a line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum State {
    Order(OrderStatus),
    Line(LineStatus),
}

/// An order's history, oldest entry first.
pub fn history(authorized: &AuthorizedOrder) -> Vec<HistoryView> {
    let AuthorizedOrder { order, lines, .. } = authorized;
    let steps = order.steps().into_iter().filter(|step| authorized.sees(step.entry)).filter_map(
        |Step { id, entry, actor, change, .. }| {
            let (item_id, from, to, units) = match change {
                Change::Order { from, to } => (None, from.map(State::Order), State::Order(to), 0),
                Change::Line { number, from, to, units } if lines.contains(&number) => {
                    (Some(number.to_string()), from.map(State::Line), State::Line(to), units)
                }
                Change::Line { .. } => return None,
            };
            Some(HistoryView {
                id,
                event: entry.event,
                item_id,
                from,
                to,
                quantity: (units > 0).then_some(units),
                parcel_id: entry.parcel.map(|number| number.to_string()),
                claim_id: entry.claim.and_then(|number| order.claim_id(number)),
                reason: authorized.reason(entry).map(str::to_owned),
                actor,
                at: entry.at,
            })
        },
    );
    steps.collect()
}

/// A payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
pub struct PaymentView {
    /// The id of the payment; for one from the balance, the id of its ledger entry.
    pub payment_id: String,
    /// The order.
    pub order_id: OrderId,
    /// The means of payment.
    pub method: PaymentMethod,
    /// The amount.
    pub amount: Won,
    /// Its outcome.
    pub status: PaymentStatus,
    /// The instant at which it was recorded.
    pub at: Timestamp,
}

impl From<OrderPayment> for PaymentView {
    fn from(OrderPayment { payment_id, order_id, method, amount, status, at }: OrderPayment) -> Self {
        Self { payment_id, order_id, method, amount, status, at }
    }
}

//! Order sheets.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        CouponId, OrderId, OrderSheetId, ProductId, UserId, Won,
        order::{InconsistentAmounts, OrderLine, shipping_shares},
        pricing::Amounts,
        sheet::{OrderSheet, SheetStatus},
        shipping::Shipment,
    },
    store::StoreError,
};

/// The amounts of an intended order, frozen until the sheet expires.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderSheet)]
pub struct OrderSheetView {
    /// The sheet.
    pub order_sheet_id: OrderSheetId,
    /// The owner.
    pub user_id: UserId,
    /// Whether it can be ordered.
    pub status: SheetStatus,
    /// The lines of the intended order.
    pub items: Vec<SheetLineView>,
    /// Σ `unitPrice` × `quantity`.
    pub goods_total: Won,
    /// Σ `unitDiscount` × `quantity`.
    pub goods_discount: Won,
    /// The coupon that would be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    /// The discount of the coupon on the goods.
    pub coupon_discount: Won,
    /// The shipments, each with its fee.
    pub shipments: Vec<Shipment>,
    /// The sum of these fees.
    pub shipping_fee: Won,
    /// `goodsTotal` − `goodsDiscount` − `couponDiscount` + `shippingFee`.
    pub payable: Won,
    /// The order that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The end of its validity, exclusive.
    pub expires_at: Timestamp,
}

/// A line of an order sheet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderSheetLine)]
pub struct SheetLineView {
    /// The id of the line within its sheet, and within the order.
    pub item_id: String,
    /// Its position, from 1.
    pub sequence: usize,
    /// The product.
    pub product_id: ProductId,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The name of the product when the sheet was created.
    pub name: String,
    /// Units of the product.
    pub quantity: u16,
    /// The price of a unit.
    pub unit_price: Won,
    /// The discount on a unit.
    pub unit_discount: Won,
    /// (`unitPrice` − `unitDiscount`) × `quantity`.
    pub amount: Won,
    /// The line's part of `couponDiscount`.
    pub coupon_share: Won,
    /// The line's part of the fee of its shipment.
    pub shipping_share: Won,
}

impl OrderSheetView {
    /// The sheet as it is at this instant.
    ///
    /// # Errors
    /// If the stored sheet is damaged.
    pub fn at(now: Timestamp, sheet: OrderSheet) -> Result<Self, StoreError> {
        let shipments = sheet.shipments();
        let shares = shipping_shares(&sheet.items, &shipments).ok_or(InconsistentAmounts)?;
        let line = |((line, shipping_share), sequence): ((OrderLine, Won), usize)| {
            Ok(SheetLineView {
                item_id: sequence.to_string(),
                sequence,
                amount: line.amount().ok_or(InconsistentAmounts)?,
                product_id: line.product_id,
                seller_id: line.seller_id,
                name: line.name,
                quantity: line.quantity.get(),
                unit_price: line.unit_price,
                unit_discount: line.unit_discount,
                coupon_share: line.coupon_share,
                shipping_share,
            })
        };
        let Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable } = sheet.amounts;
        Ok(Self {
            status: sheet.status(now),
            order_sheet_id: sheet.order_sheet_id,
            user_id: sheet.user_id,
            items: sheet.items.into_iter().zip(shares).zip(1..).map(line).collect::<Result<_, StoreError>>()?,
            goods_total,
            goods_discount,
            coupon_id: sheet.coupon_id,
            coupon_discount,
            shipments,
            shipping_fee,
            payable,
            order_id: sheet.order_id,
            created_at: sheet.created_at,
            expires_at: sheet.expires_at,
        })
    }
}

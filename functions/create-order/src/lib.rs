//! `POST /orders`: orders and pays in one commit.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::OrderView},
    app::{
        Shop,
        orders::{self, PlaceOrder, Visible},
    },
    domain::{CouponId, Invalid, ProductId, Quantity, UserId},
};

/// The most lines an order can have.
const MAX_LINES: usize = 50;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewOrder, rename_all = "camelCase")]
struct Body {
    /// Who orders, and receives.
    user_id: UserId,
    /// What to order: 1 to 50 products; one that is named twice is ordered once, with both quantities.
    #[schema(min_items = 1)]
    items: Vec<Item>,
    /// The coupon to use.
    #[deserr(default)]
    coupon_id: Option<CouponId>,
}

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewOrderItem, rename_all = "camelCase")]
struct Item {
    /// The product.
    product_id: ProductId,
    /// How many units.
    quantity: Quantity,
}

/// Orders the items and pays them from the balance: all of it, or nothing.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE`, `PRODUCT_NOT_ON_SALE`, `STOCK_NOT_ENOUGH` or
/// `COUPON_NOT_USABLE`, 422.
#[utoipa::path(
    post,
    path = "/orders",
    tag = "Orders",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The order, paid.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let lines = merge(body.items)?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    let actor = caller.role.into();
    let order = PlaceOrder { user_id: body.user_id, actor, lines, coupon_id: body.coupon_id };
    let order = orders::place(shop, &order, &key).await?;
    let id = order.order_id.clone();
    Ok(Reply::created(OrderView::from(Visible::whole(order)))?.about_order(id))
}

/// One line a product: one that is named twice is ordered once, with both quantities.
fn merge(items: Vec<Item>) -> Result<Vec<(ProductId, Quantity)>, FieldErrors> {
    let mut lines: Vec<(ProductId, Quantity)> = Vec::new();
    let mut errors = FieldErrors::default();
    for (index, item) in items.into_iter().enumerate() {
        match lines.iter_mut().find(|(product, _)| *product == item.product_id) {
            None => lines.push((item.product_id, item.quantity)),
            Some((_, quantity)) => {
                match Quantity::try_from(i64::from(quantity.get()) + i64::from(item.quantity.get())) {
                    Ok(sum) => *quantity = sum,
                    Err(invalid) => errors.push(format!("items[{index}].quantity"), invalid),
                }
            }
        }
    }
    if !(1..=MAX_LINES).contains(&lines.len()) {
        errors.push("items", Invalid::Count { min: 1, max: MAX_LINES });
    }
    errors.check()?;
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(quantities: &[(&str, i64)]) -> Vec<Item> {
        let item = |&(product, quantity): &(&str, i64)| Item {
            product_id: ProductId::try_from(product.to_owned()).unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
        };
        quantities.iter().map(item).collect()
    }

    #[test]
    fn a_product_named_twice_is_one_line() {
        let lines = merge(items(&[("tea", 1), ("cup", 1), ("tea", 2)])).unwrap();
        let lines: Vec<_> = lines.iter().map(|(product, quantity)| (product.as_str(), quantity.get())).collect();
        assert_eq!(lines, [("tea", 3), ("cup", 1)]);
    }

    #[test]
    fn a_merged_quantity_is_bounded_too() {
        assert!(merge(items(&[("tea", 999), ("tea", 1)])).is_err());
    }

    #[test]
    fn one_to_fifty_products() {
        assert!(merge(Vec::new()).is_err());
        let names: Vec<String> = (0..51).map(|number| format!("p{number}")).collect();
        let all: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
        assert!(merge(items(&all[..50])).is_ok());
        assert!(merge(items(&all)).is_err());
    }
}

//! `POST /coupons`: an admin starts a coupon campaign.

use std::collections::BTreeSet;

use deserr::Deserr;
use jiff::Timestamp;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, parameters::IdempotencyKey, views::CampaignView},
    app::{
        Role, Shop,
        coupons::{self, NewCampaign},
        users,
    },
    domain::{
        CouponId, Invalid, ProductId, UserId, Won, bounded,
        coupon::{CouponKind, Discount, Percent, Terms, TotalQuantity, ValidDays, Validity},
        money::{MAX_PRICE, PositiveAmount, Price},
        scope::{MAX_SCOPE, Scope},
        text::{Category, Description, Name},
        tickets::CounterShards,
        time::Instant,
    },
};

use crate::http::new_id::NewId;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewCouponCampaign, rename_all = "camelCase")]
struct Body {
    /// The id to use; without it, one is made.
    #[deserr(default)]
    #[schema(value_type = Option<CouponId>)]
    coupon_id: Option<NewId<CouponId>>,
    /// Its name.
    name: Name,
    /// Its description.
    #[deserr(default)]
    description: Option<Description>,
    /// The rule of the discount.
    kind: CouponKind,
    /// Won for `FIXED`, percent for `RATE`; `FREE_SHIPPING` takes none.
    #[deserr(default)]
    value: Option<i64>,
    /// The most that a `RATE` takes off.
    #[deserr(default)]
    max_discount: Option<Price>,
    /// The minimum of an order: goods less their own discounts, those within the scope.
    #[deserr(default)]
    min_order_amount: Option<Price>,
    /// The goods that the discount is on. Without it, all. `FREE_SHIPPING` waives the fees of shipments with such goods.
    #[deserr(default)]
    scope: Option<ScopeBody>,
    /// A budget in won, for `FIXED` and `RATE`: the most that all its coupons together take off. An order spends its whole
    /// discount, or is refused with `COUPON_NOT_USABLE`; what is cancelled or returned gives its part back.
    #[deserr(default)]
    max_total_discount: Option<PositiveAmount>,
    /// The number of coupons.
    total_quantity: TotalQuantity,
    /// The start of the issue.
    issue_from: Instant,
    /// The end of the issue, exclusive.
    issue_until: Instant,
    /// The number of days in Seoul for which a coupon is valid. Either this or `validUntil`.
    #[deserr(default)]
    valid_days: Option<ValidDays>,
    /// The end of the validity of a coupon, exclusive: in the future, and not before `issueUntil`. Either this or
    /// `validDays`.
    #[deserr(default)]
    valid_until: Option<Instant>,
    /// The number of counters over which its coupons are spread, at most one a coupon. Each takes about a thousand issues
    /// a second. Without it, one for each thousand coupons, at most 16, and more by itself once requests meet.
    #[deserr(default)]
    counter_shards: Option<CounterShards>,
}

/// The goods that a discount is on: exactly one of the three.
#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewCouponScope, rename_all = "camelCase")]
struct ScopeBody {
    /// These products, 1 to 20.
    #[deserr(default)]
    #[schema(min_items = 1, max_items = 20)]
    product_ids: Option<Vec<ProductId>>,
    /// Products of these categories, 1 to 20.
    #[deserr(default)]
    #[schema(min_items = 1, max_items = 20)]
    categories: Option<Vec<Category>>,
    /// Products of these sellers, 1 to 20.
    #[deserr(default)]
    #[schema(min_items = 1, max_items = 20)]
    seller_ids: Option<Vec<UserId>>,
}

/// Starts a campaign of `totalQuantity` coupons.
///
/// For admins. Coupons are issued from `issueFrom` until `issueUntil`, which is exclusive.
///
/// # Errors
/// 400, 401, 403, 409 `USER_NOT_ACTIVE` or `ALREADY_EXISTS`, 422.
#[utoipa::path(
    post,
    path = "/coupons",
    tag = "Coupons",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The campaign.", body = CampaignView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let mut body: Body = request.only_body()?;
    let scope = body.scope.take().map(check_scope).transpose();
    let checked = both(check_discount(&body), check_validity(&body, shop.clock.now()));
    let ((discount, validity), scope) = both(checked, scope)?;
    let caller = request.caller_as(&[Role::Admin])?;
    let new = NewCampaign {
        coupon_id: body.coupon_id.map(NewId::into_id),
        name: body.name.into_string(),
        description: body.description.map(Description::into_string),
        terms: Terms { discount, min_order_amount: body.min_order_amount.map(Price::won), scope },
        total_quantity: body.total_quantity.get(),
        issue_from: body.issue_from.timestamp(),
        issue_until: body.issue_until.timestamp(),
        validity,
        counter_shards: body.counter_shards,
        max_total_discount: body.max_total_discount.map(PositiveAmount::won),
    };
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let remaining = coupons::create(shop, new, &key).await?;
    let etag = remaining.campaign.etag();
    Ok(Reply::created(CampaignView::from(remaining))?.tagged(etag))
}

/// Checks the fields of the discount together.
fn check_discount(body: &Body) -> Result<Discount, FieldErrors> {
    let (value, cap) = (body.value.ok_or(Invalid::Required), body.max_discount.map(Price::won));
    let fixed = |won| bounded::in_range(won, 1, MAX_PRICE.get()).map(|won| Discount::Fixed(Won::new(won)));
    let rate = |percent| Percent::try_from(percent).map(|percent| Discount::Rate { percent, cap });
    let discount = match body.kind {
        CouponKind::Fixed => value.and_then(fixed),
        CouponKind::Rate => value.and_then(rate),
        CouponKind::FreeShipping if body.value.is_some() => Err(Invalid::Unknown),
        CouponKind::FreeShipping => Ok(Discount::FreeShipping),
    };
    let cap_of_kind = match cap {
        Some(_) if body.kind != CouponKind::Rate => Err(FieldErrors::one("maxDiscount", Invalid::Unknown)),
        _ => Ok(()),
    };
    let budget_of_kind = match body.max_total_discount {
        Some(_) if body.kind == CouponKind::FreeShipping => Err(FieldErrors::one("maxTotalDiscount", Invalid::Unknown)),
        _ => Ok(()),
    };
    let of_kind = both(cap_of_kind, budget_of_kind);
    let (discount, _) = both(discount.map_err(|invalid| FieldErrors::one("value", invalid)), of_kind)?;
    Ok(discount)
}

/// Checks that a scope has exactly one list.
fn check_scope(ScopeBody { product_ids, categories, seller_ids }: ScopeBody) -> Result<Scope, FieldErrors> {
    let categories = categories.map(|names| names.into_iter().map(Category::into_string).collect());
    match (product_ids, categories, seller_ids) {
        (Some(ids), None, None) => distinct("scope.productIds", ids).map(Scope::ProductIds),
        (None, Some(names), None) => distinct("scope.categories", names).map(Scope::Categories),
        (None, None, Some(ids)) => distinct("scope.sellerIds", ids).map(Scope::SellerIds),
        (None, None, None) => Err(FieldErrors::one("scope", Invalid::Required)),
        (Some(_), Some(_), _) => Err(FieldErrors::one("scope.categories", Invalid::Excludes("productIds"))),
        (Some(_), None, Some(_)) => Err(FieldErrors::one("scope.sellerIds", Invalid::Excludes("productIds"))),
        (None, Some(_), Some(_)) => Err(FieldErrors::one("scope.sellerIds", Invalid::Excludes("categories"))),
    }
}

/// The entries of a list, which must differ.
fn distinct<T: Ord>(field: &str, entries: Vec<T>) -> Result<BTreeSet<T>, FieldErrors> {
    let mut errors = FieldErrors::default();
    if !(1..=MAX_SCOPE).contains(&entries.len()) {
        errors.push(field, Invalid::Count { min: 1, max: MAX_SCOPE });
    }
    let mut set = BTreeSet::new();
    for (entry, index) in entries.into_iter().zip(0..) {
        if !set.insert(entry) {
            errors.push(format!("{field}[{index}]"), Invalid::Repeated);
        }
    }
    errors.check()?;
    Ok(set)
}

/// Checks the instants of the issue and of the validity together.
fn check_validity(body: &Body, now: Timestamp) -> Result<Validity, FieldErrors> {
    let mut errors = FieldErrors::default();
    if body.issue_until <= body.issue_from {
        errors.push("issueUntil", Invalid::After("issueFrom"));
    }
    let validity = match (body.valid_days, body.valid_until) {
        (Some(days), None) => Validity::Days(days.get()),
        (None, Some(until)) => {
            if until < body.issue_until {
                errors.push("validUntil", Invalid::NotBefore("issueUntil"));
            } else if until.timestamp() <= now {
                errors.push("validUntil", Invalid::Past);
            }
            Validity::Until(until.timestamp())
        }
        (Some(_), Some(until)) => {
            errors.push("validDays", Invalid::Excludes("validUntil"));
            Validity::Until(until.timestamp())
        }
        (None, None) => return Err(with(errors, "validDays", Invalid::Required)),
    };
    errors.check()?;
    Ok(validity)
}

fn with(mut errors: FieldErrors, field: &str, invalid: Invalid) -> FieldErrors {
    errors.push(field, invalid);
    errors
}

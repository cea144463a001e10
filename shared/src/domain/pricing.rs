//! The amounts of an order.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Quantity, UserId, Won,
    benefits::{Benefits, FreeShipment},
    coupon::{CouponProblem, Discount, Terms},
    shipping::{Shipment, ShippingRates, shipment_of},
};

pub use super::shipping::ShippingPolicy;

/// Units of a product at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PricedLine {
    pub unit_price: Won,
    pub unit_discount: Won,
    pub quantity: Quantity,
    /// Whether it is outside the scope of the order's coupon.
    pub outside_scope: bool,
}

impl PricedLine {
    /// (unit price − unit discount) × quantity, or nothing on overflow.
    pub fn amount(&self) -> Option<Won> {
        self.unit_price.checked_sub(self.unit_discount)?.checked_mul(self.quantity)
    }
}

/// The amounts of an order. Records have them among their own attributes, without zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Σ unit price × quantity.
    pub goods_total: Won,
    /// Σ unit discount × quantity.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub goods_discount: Won,
    /// The discount of the coupon on the goods.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub coupon_discount: Won,
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub shipping_fee: Won,
    /// goods total − goods discount − coupon discount + shipping fee.
    pub payable: Won,
}

/// The amounts of an order, with the lines' parts of the coupon's discount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub amounts: Amounts,
    /// Each line's part of the coupon's discount, in the order of the lines.
    pub coupon_shares: Vec<Won>,
    /// The shipments, in the order of their first line.
    pub shipments: Vec<Shipment>,
    /// The conditions of its benefits, if a partial cancellation recalculates them.
    pub benefits: Benefits,
}

impl Quote {
    /// The quote with the conditions of the benefits that it has by a coupon and these rates.
    #[must_use]
    pub fn recalculated(mut self, coupon: Option<&Terms>, rates: &ShippingRates) -> Self {
        let free = self.shipments.iter().enumerate().filter(|(_, shipment)| shipment.fee.is_zero());
        let free_shipments = free.map(|(position, shipment)| {
            let (_, policy) = rates.of(shipment.seller_id.as_ref());
            FreeShipment { shipment: position, fee: policy.fee, free_from: policy.free_from }
        });
        self.benefits = Benefits {
            coupon_minimum: coupon.and_then(|terms| terms.min_order_amount),
            coupon_ships_free: coupon.is_some_and(|terms| terms.discount == Discount::FreeShipping),
            free_shipments: free_shipments.filter(|free| !free.fee.is_zero()).collect(),
        };
        self
    }
}

/// The reason why an order has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoQuote {
    /// The coupon cannot be used for this order.
    Coupon(CouponProblem),
    /// The amounts overflow.
    Overflow,
}

/// Computes the amounts of `lines` that ship together, with a coupon's terms.
///
/// # Errors
/// If the coupon cannot be used for the order, or the amounts overflow.
pub fn quote(lines: &[PricedLine], coupon: Option<&Terms>, shipping: ShippingPolicy) -> Result<Quote, NoQuote> {
    let of_shop: Vec<(PricedLine, Option<&UserId>)> = lines.iter().map(|line| (*line, None)).collect();
    quote_shipments(&of_shop, coupon, &ShippingRates { shop: shipping, sellers: BTreeMap::new() })
}

/// Computes the amounts of lines, each with its seller, with a coupon's terms. There is a fee for each shipment.
///
/// # Errors
/// If the coupon cannot be used for the order, or the amounts overflow.
pub fn quote_shipments(
    lines: &[(PricedLine, Option<&UserId>)],
    coupon: Option<&Terms>,
    rates: &ShippingRates,
) -> Result<Quote, NoQuote> {
    let sum = |amounts: Vec<Option<Won>>| {
        amounts.into_iter().collect::<Option<Vec<Won>>>().and_then(Won::checked_sum).ok_or(NoQuote::Overflow)
    };
    let goods_total = sum(lines.iter().map(|(line, _)| line.unit_price.checked_mul(line.quantity)).collect())?;
    let goods_discount = sum(lines.iter().map(|(line, _)| line.unit_discount.checked_mul(line.quantity)).collect())?;
    let goods = goods_total.checked_sub(goods_discount).ok_or(NoQuote::Overflow)?;
    let line_amounts: Option<Vec<Won>> = lines.iter().map(|(line, _)| line.amount()).collect();
    let line_amounts = line_amounts.ok_or(NoQuote::Overflow)?;
    let mut shipments = shipments_of(lines, &line_amounts, rates)?;
    let mut coupon_discount = Won::ZERO;
    let mut coupon_shares = vec![Won::ZERO; lines.len()];
    if let Some(terms) = coupon {
        if lines.iter().all(|(line, _)| line.outside_scope) {
            return Err(NoQuote::Coupon(CouponProblem::NotInScope));
        }
        let in_scope = lines.iter().zip(&line_amounts);
        let in_scope: Vec<Won> =
            in_scope.map(|((line, _), amount)| if line.outside_scope { Won::ZERO } else { *amount }).collect();
        let scoped = sum(in_scope.iter().copied().map(Some).collect())?;
        let scoped_shipments = scoped_shipments(lines, &shipments);
        let fees =
            sum(scoped_shipments.iter().filter_map(|&position| Some(Some(shipments.get(position)?.fee))).collect())?;
        match apply(terms, scoped, fees)? {
            Applied::Discount(discount) => coupon_discount = discount,
            Applied::FreeShipping => {
                for position in scoped_shipments {
                    if let Some(shipment) = shipments.get_mut(position) {
                        shipment.fee = Won::ZERO;
                    }
                }
            }
        }
        coupon_shares = apportion(coupon_discount, &in_scope);
    }
    let shipping_fee = sum(shipments.iter().map(|shipment| Some(shipment.fee)).collect())?;
    let payable = goods
        .checked_sub(coupon_discount)
        .and_then(|goods| goods.checked_add(shipping_fee))
        .ok_or(NoQuote::Overflow)?;
    let amounts = Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable };
    Ok(Quote { amounts, coupon_shares, shipments, benefits: Benefits::default() })
}

/// The shipments of lines, in the order of their first line, each free if its goods reach the threshold of its seller.
fn shipments_of(
    lines: &[(PricedLine, Option<&UserId>)],
    amounts: &[Won],
    rates: &ShippingRates,
) -> Result<Vec<Shipment>, NoQuote> {
    let mut goods: Vec<(Option<&UserId>, ShippingPolicy, Won)> = Vec::new();
    for ((_, seller), amount) in lines.iter().zip(amounts) {
        let (seller, policy) = rates.of(*seller);
        match goods.iter_mut().find(|(known, ..)| *known == seller) {
            Some((_, _, sum)) => *sum = sum.checked_add(*amount).ok_or(NoQuote::Overflow)?,
            None => goods.push((seller, policy, *amount)),
        }
    }
    let shipments = goods.into_iter().map(|(seller, policy, goods)| {
        let fee = if goods >= policy.free_from { Won::ZERO } else { policy.fee };
        Shipment { seller_id: seller.cloned(), fee }
    });
    Ok(shipments.collect())
}

/// The positions of the shipments with a line within the scope of the coupon, each once.
fn scoped_shipments(lines: &[(PricedLine, Option<&UserId>)], shipments: &[Shipment]) -> BTreeSet<usize> {
    let in_scope = lines.iter().filter(|(line, _)| !line.outside_scope);
    in_scope.filter_map(|(_, seller)| shipment_of(shipments, *seller)).collect()
}

/// The benefit of a coupon.
enum Applied {
    /// Won off the goods.
    Discount(Won),
    /// No fee for the shipments within the scope.
    FreeShipping,
}

/// The benefit of a coupon for the goods within its scope, whose shipments cost a fee.
fn apply(terms: &Terms, goods: Won, fee: Won) -> Result<Applied, NoQuote> {
    if terms.min_order_amount.is_some_and(|least| goods < least) {
        return Err(NoQuote::Coupon(CouponProblem::OrderTooSmall));
    }
    let discount = match terms.discount {
        Discount::Fixed(amount) => amount.min(goods),
        Discount::Rate { percent, cap } => {
            let hundredfold = goods.get().checked_mul(percent.get()).ok_or(NoQuote::Overflow)?;
            let discount = Won::new(hundredfold / 100);
            discount.min(cap.unwrap_or(discount)).min(goods)
        }
        Discount::FreeShipping if fee.is_zero() => {
            return Err(NoQuote::Coupon(CouponProblem::ShippingAlreadyFree));
        }
        Discount::FreeShipping => return Ok(Applied::FreeShipping),
    };
    // A coupon is not used up without a discount.
    if discount.is_zero() {
        Err(NoQuote::Coupon(CouponProblem::NothingToDiscount))
    } else {
        Ok(Applied::Discount(discount))
    }
}

/// Each line's part of the fee of its shipment, to the won, in proportion to the amounts of the lines. A line has an amount
/// and a seller. Nothing on overflow.
pub fn shipping_shares(lines: &[(Won, Option<&UserId>)], shipments: &[Shipment]) -> Option<Vec<Won>> {
    let mut shares = vec![Won::ZERO; lines.len()];
    for (position, shipment) in shipments.iter().enumerate() {
        let is_in = |seller: Option<&UserId>| shipment_of(shipments, seller) == Some(position);
        let weight = |(amount, seller): &(Won, Option<&UserId>)| if is_in(*seller) { *amount } else { Won::ZERO };
        let mut weights: Vec<Won> = lines.iter().map(weight).collect();
        if weights.iter().all(Won::is_zero) {
            // Goods for nothing share the fee alike.
            weights = lines.iter().map(|(_, seller)| Won::new(i64::from(is_in(*seller)))).collect();
        }
        for (share, part) in shares.iter_mut().zip(apportion(shipment.fee, &weights)) {
            *share = share.checked_add(part)?;
        }
    }
    Some(shares)
}

/// Splits `total` in proportion to `weights`, to the won, by the largest remainder; of equal ones the first wins. No
/// part exceeds its weight if the total does not exceed their sum.
fn apportion(total: Won, weights: &[Won]) -> Vec<Won> {
    let total = i128::from(total.get());
    let sum: i128 = weights.iter().map(|weight| i128::from(weight.get())).sum();
    if sum == 0 {
        return vec![Won::ZERO; weights.len()];
    }
    let exact: Vec<i128> = weights.iter().map(|weight| total * i128::from(weight.get())).collect();
    let mut shares: Vec<i128> = exact.iter().map(|product| product / sum).collect();
    let left_over = total - shares.iter().sum::<i128>();

    let mut by_remainder: Vec<(usize, i128)> = exact.iter().map(|product| product % sum).enumerate().collect();
    by_remainder.sort_by_key(|&(line, remainder)| (std::cmp::Reverse(remainder), line));
    for ((line, _), _) in by_remainder.into_iter().zip(0..left_over) {
        if let Some(share) = shares.get_mut(line) {
            *share += 1;
        }
    }
    // A share is at most the total, which was an i64.
    shares.into_iter().map(|share| Won::new(i64::try_from(share).unwrap_or(i64::MAX))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::coupon::Percent;

    const SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };

    fn line(price: i64, discount: i64, quantity: i64) -> PricedLine {
        PricedLine {
            unit_price: Won::new(price),
            unit_discount: Won::new(discount),
            quantity: Quantity::try_from(quantity).unwrap(),
            outside_scope: false,
        }
    }

    fn terms(discount: Discount) -> Terms {
        discount.into()
    }

    fn fixed(amount: i64) -> Terms {
        terms(Discount::Fixed(Won::new(amount)))
    }

    fn rate(percent: i64, cap: Option<Won>) -> Terms {
        terms(Discount::Rate { percent: Percent::try_from(percent).unwrap(), cap })
    }

    #[test]
    fn adds_up() {
        let quote = quote(&[line(10_000, 1_000, 2), line(5_000, 0, 1)], None, SHIPPING).unwrap().amounts;
        assert_eq!(quote.goods_total, Won::new(25_000));
        assert_eq!(quote.goods_discount, Won::new(2_000));
        assert_eq!(quote.shipping_fee, Won::new(3_000));
        assert_eq!(quote.payable, Won::new(26_000));
    }

    #[test]
    fn goods_of_30_000_after_discounts_ship_free() {
        let fee = |price, discount| quote(&[line(price, discount, 1)], None, SHIPPING).unwrap().amounts.shipping_fee;
        assert_eq!(fee(30_000, 0), Won::ZERO);
        assert_eq!(fee(30_000, 1), Won::new(3_000));
    }

    #[test]
    fn each_shipment_has_its_own_fee_and_threshold() {
        let [dabang, other] = ["dabang", "other"].map(|id| UserId::try_from(id.to_owned()).unwrap());
        let policy = ShippingPolicy { fee: Won::new(2_500), free_from: Won::new(5_000) };
        let rates = ShippingRates { shop: SHIPPING, sellers: BTreeMap::from([(dabang.clone(), policy)]) };
        let quoted = |amount: i64, coupon: Option<&Terms>| {
            // A seller without terms ships as the shop.
            let lines =
                [(line(1_000, 0, 1), None), (line(amount, 0, 1), Some(&dabang)), (line(1_000, 0, 1), Some(&other))];
            quote_shipments(&lines, coupon, &rates)
        };
        let shipment = |seller: Option<&UserId>, fee| Shipment { seller_id: seller.cloned(), fee: Won::new(fee) };
        let quote = quoted(4_999, None).unwrap();
        assert_eq!(quote.shipments, [shipment(None, 3_000), shipment(Some(&dabang), 2_500)]);
        assert_eq!((quote.amounts.shipping_fee, quote.amounts.payable), (Won::new(5_500), Won::new(12_499)));
        let quote = quoted(5_000, None).unwrap();
        assert_eq!(quote.shipments, [shipment(None, 3_000), shipment(Some(&dabang), 0)]);
        // Free shipping waives all fees.
        let quote = quoted(4_999, Some(&terms(Discount::FreeShipping))).unwrap();
        assert_eq!(quote.shipments, [shipment(None, 0), shipment(Some(&dabang), 0)]);
        assert_eq!(quote.amounts.payable, Won::new(6_999));
    }

    #[test]
    fn a_coupon_does_not_change_what_shipping_costs() {
        let quote = quote(&[line(30_000, 0, 1)], Some(&fixed(5_000)), SHIPPING).unwrap().amounts;
        assert_eq!((quote.shipping_fee, quote.payable), (Won::ZERO, Won::new(25_000)));
    }

    #[test]
    fn a_fixed_discount_never_exceeds_the_goods() {
        let quote = quote(&[line(2_000, 0, 1)], Some(&fixed(5_000)), SHIPPING).unwrap().amounts;
        assert_eq!((quote.coupon_discount, quote.payable), (Won::new(2_000), Won::new(3_000)));
    }

    #[test]
    fn a_rate_is_rounded_down_and_capped() {
        let lines = [line(9_999, 0, 1)];
        let discount = |terms: Terms| quote(&lines, Some(&terms), SHIPPING).unwrap().amounts.coupon_discount;
        assert_eq!(discount(rate(15, None)), Won::new(1_499));
        assert_eq!(discount(rate(15, Some(Won::new(1_000)))), Won::new(1_000));
        assert_eq!(discount(rate(100, None)), Won::new(9_999));
    }

    #[test]
    fn free_shipping_takes_off_the_fee_only() {
        let coupon = terms(Discount::FreeShipping);
        let quoted = quote(&[line(10_000, 0, 1)], Some(&coupon), SHIPPING).unwrap().amounts;
        assert_eq!((quoted.coupon_discount, quoted.shipping_fee), (Won::ZERO, Won::ZERO));
        assert_eq!(
            quote(&[line(30_000, 0, 1)], Some(&coupon), SHIPPING),
            Err(NoQuote::Coupon(CouponProblem::ShippingAlreadyFree))
        );
    }

    #[test]
    fn a_minimum_is_of_the_goods_after_their_own_discounts() {
        let coupon = Terms { min_order_amount: Some(Won::new(10_000)), ..fixed(1_000) };
        assert!(quote(&[line(10_000, 0, 1)], Some(&coupon), SHIPPING).is_ok());
        assert_eq!(
            quote(&[line(10_000, 1, 1)], Some(&coupon), SHIPPING),
            Err(NoQuote::Coupon(CouponProblem::OrderTooSmall))
        );
    }

    #[test]
    fn left_over_won_go_to_the_largest_remainders() {
        let lines = [line(1_000, 0, 1), line(1_000, 0, 1), line(1_000, 0, 1)];
        let quote = quote(&lines, Some(&fixed(100)), SHIPPING).unwrap();
        assert_eq!(quote.coupon_shares, [34, 33, 33].map(Won::new));
    }

    #[test]
    fn the_largest_remainder_need_not_be_of_the_largest_line() {
        // The lines' exact parts of 99 won are 59.4, 19.8 and 19.8.
        let lines = [line(3_000, 0, 1), line(500, 0, 2), line(1_100, 100, 1)];
        let quote = quote(&lines, Some(&fixed(99)), SHIPPING).unwrap();
        assert_eq!(quote.coupon_shares, [59, 20, 20].map(Won::new));
    }

    #[test]
    fn a_coupon_is_not_used_up_for_nothing() {
        let nothing = Err(NoQuote::Coupon(CouponProblem::NothingToDiscount));
        for (price, terms) in [(0, fixed(1_000)), (99, rate(1, None))] {
            assert_eq!(quote(&[line(price, 0, 1)], Some(&terms), SHIPPING), nothing, "{terms:?}");
        }
        assert!(quote(&[line(100, 0, 1)], Some(&rate(1, None)), SHIPPING).is_ok());
    }

    #[test]
    fn free_goods_cost_their_shipping() {
        let quote = quote(&[line(0, 0, 1), line(1_000, 1_000, 2)], None, SHIPPING).unwrap();
        assert_eq!((quote.amounts.payable, quote.coupon_shares), (SHIPPING.fee, vec![Won::ZERO; 2]));
    }

    #[test]
    fn amounts_that_do_not_fit_have_no_quote() {
        let huge = i64::MAX / 2;
        let rate = rate(15, None);
        for (lines, coupon) in [
            (vec![line(huge, 0, 3)], None),
            (vec![line(huge, 0, 1); 3], None),
            (vec![line(0, huge, 3)], None),
            (vec![line(huge, 0, 1)], Some(&rate)),
        ] {
            assert_eq!(quote(&lines, coupon, SHIPPING), Err(NoQuote::Overflow), "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_and_never_exceed_their_line(
            prices in proptest::collection::vec((0_i64..1_000_000_000, 1_i64..=999), 1..50), value in 1_i64..2_000_000_000,
        ) {
            let lines: Vec<_> = prices.into_iter().map(|(price, quantity)| line(price, 0, quantity)).collect();
            let quote = quote(&lines, Some(&fixed(value)), SHIPPING).unwrap();
            prop_assert_eq!(Won::checked_sum(quote.coupon_shares.iter().copied()), Some(quote.amounts.coupon_discount));
            for (line, share) in lines.iter().zip(&quote.coupon_shares) {
                prop_assert!(Won::ZERO <= *share && *share <= line.amount().unwrap());
            }
            prop_assert!(quote.amounts.payable >= Won::ZERO);
        }
    }
}

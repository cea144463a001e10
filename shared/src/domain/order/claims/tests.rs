//! Tests of the rules of claims.

use proptest::prelude::*;

use super::{
    super::{
        OrderEffects,
        tests::{after, assert_sound, draft_of, id, line, units},
    },
    *,
};
use crate::domain::{
    coupon::{Discount, Terms},
    refusal::OpenBusiness,
    shipping::{ShippingPolicy, ShippingRates},
};

fn label() -> Label {
    Label { carrier: "CJ".to_owned(), tracking_number: "1".to_owned() }
}

/// An order of three teas at 1,000 won, all delivered at once.
fn delivered() -> Order {
    let order = Order::paid(id(), draft_of(vec![line("tea", 1_000, 3)], 0));
    let order = order.ship(&[(1, 3)].into(), label(), Actor::Seller, after(1)).unwrap();
    order.move_parcel(1, ParcelStatus::Delivered, Actor::Seller, after(2)).unwrap().unwrap()
}

fn wish(kind: ClaimType, reason: ClaimReason, items: &[(usize, u16)]) -> NewClaim {
    NewClaim { kind, items: items.iter().copied().collect(), reason, text: None }
}

fn claimed(order: &Order, new: &NewClaim) -> Result<Order, Refusal> {
    order.request_claim(new, &ClaimPolicy::DEFAULT, Actor::Customer, after(10))
}

#[test]
fn a_claim_is_found_by_its_id() {
    let order = claimed(&delivered(), &wish(ClaimType::Return, ClaimReason::Defect, &[(1, 1)])).unwrap();
    let claim_id = order.claim_id(1).unwrap();
    assert_eq!(claim_id.parts(), Some((id(), 1)));
    for nobody in ["claim_0_order", "claim_01_order", "claim_1_", "claim_1", "order_1"] {
        assert_eq!(ClaimId::try_from(nobody.to_owned()).unwrap().parts(), None, "{nobody}");
    }
}

#[test]
fn the_reason_decides_who_pays() {
    for reason in ClaimReason::ALL {
        let is_customer = *reason == ClaimReason::ChangeOfMind;
        let order = claimed(&delivered(), &wish(ClaimType::Return, *reason, &[(1, 1)])).unwrap();
        let claim = order.claim(1).unwrap();
        assert_eq!((claim.paid_by() == PaidBy::Customer, claim.fee > Won::ZERO), (is_customer, is_customer));
    }
    let order = claimed(&delivered(), &wish(ClaimType::Exchange, ClaimReason::ChangeOfMind, &[(1, 1)])).unwrap();
    assert_eq!(order.claim(1).unwrap().fee, Won::ZERO, "an exchange has no refund to take a fee from");
}

#[test]
fn an_exchange_moves_units_between_shelf_and_scrap_only() {
    let new = wish(ClaimType::Exchange, ClaimReason::Defect, &[(1, 3)]);
    let asked = claimed(&delivered(), &new).unwrap();
    let accepted = asked.decide_claim(1, true, None, Actor::Seller, after(11)).unwrap();
    let tea = &asked.items[0].product_id;
    let effects = OrderEffects::between(&asked, &accepted);
    assert_eq!((effects.taken, effects.units), ([(tea, 3)].into(), BTreeMap::new()));
    let receipt = Receipt::from([
        ((1, UnitCondition::Sellable), 1),
        ((1, UnitCondition::Unsellable), 1),
        ((1, UnitCondition::Missing), 1),
    ]);
    let received = accepted.receive_claim(1, &receipt, Actor::Seller, after(12)).unwrap();
    let effects = OrderEffects::between(&accepted, &received);
    assert_eq!((effects.taken, effects.units), (BTreeMap::new(), [(tea, 2)].into()));
    assert_eq!((received.items[0].scrapped, received.replacement_left(1, 1)), (1, 2));
    let withdrawn = accepted.withdraw_claim(1, Actor::Customer, after(12)).unwrap();
    assert_eq!(OrderEffects::between(&accepted, &withdrawn).units, [(tea, 3)].into());
}

#[test]
fn units_are_taken_from_the_parcel_whose_window_ends_first() {
    let order = Order::paid(id(), draft_of(vec![line("tea", 1_000, 2)], 0));
    let mut order = order;
    for (number, at) in [(1, 5), (2, 3)] {
        order = order.ship(&[(1, 1)].into(), label(), Actor::Seller, after(1)).unwrap();
        order = order.move_parcel(number, ParcelStatus::Delivered, Actor::Seller, after(at)).unwrap().unwrap();
    }
    let order = claimed(&order, &wish(ClaimType::Return, ClaimReason::Defect, &[(1, 1)])).unwrap();
    assert_eq!(order.claim(1).unwrap().units, [ClaimedUnits { line: 1, parcel: 2, units: 1 }]);
}

#[test]
fn the_history_knows_the_units_that_left_the_shelf_and_did_not_return() {
    let new = wish(ClaimType::Exchange, ClaimReason::Defect, &[(1, 2)]);
    let accepted = claimed(&delivered(), &new).unwrap().decide_claim(1, true, None, Actor::Seller, after(11)).unwrap();
    let receipt = Receipt::from([((1, UnitCondition::Unsellable), 2)]);
    let received = accepted.receive_claim(1, &receipt, Actor::Seller, after(12)).unwrap();
    let withdrawn = accepted.withdraw_claim(1, Actor::Customer, after(12)).unwrap();
    for (order, taken) in [(accepted, 2), (received, 2), (withdrawn, 0)] {
        let by_history: i64 =
            order.history.iter().flat_map(|entry| order.taken_by(entry)).map(|(_, units)| units).sum();
        assert_eq!((by_history, order.off_shelf(1) - 3), (taken, taken), "{:?}", order.claims[0].status);
    }
}

#[test]
fn an_open_claim_of_a_part_is_open_business_of_its_customer() {
    let open_business = |order: &Order| {
        let mut open = OpenBusiness::default();
        open.add_order(order);
        (open.orders, open.claims)
    };
    let asked = claimed(&delivered(), &wish(ClaimType::Return, ClaimReason::Defect, &[(1, 1)])).unwrap();
    assert_eq!((asked.items[0].status, open_business(&asked)), (LineStatus::Delivered, (0, 1)));
    let refused = asked.decide_claim(1, false, None, Actor::Seller, after(11)).unwrap();
    assert_eq!(open_business(&refused), (0, 0));
}

/// A step of an order, at random.
#[derive(Debug, Clone)]
enum AnyStep {
    Cancel,
    Ship,
    Deliver,
    Claim(ClaimType, ClaimReason),
    Decide(bool),
    Receive(UnitCondition),
    Withdraw,
    Replace,
}

fn any_step() -> impl Strategy<Value = AnyStep> {
    let kind = prop_oneof![3 => Just(ClaimType::Return), 1 => Just(ClaimType::Exchange)];
    let reason = proptest::sample::select(ClaimReason::ALL);
    let condition = proptest::sample::select(UnitCondition::ALL);
    prop_oneof![
        2 => Just(AnyStep::Cancel),
        4 => Just(AnyStep::Ship),
        4 => Just(AnyStep::Deliver),
        6 => (kind, reason).prop_map(|(kind, reason)| AnyStep::Claim(kind, reason)),
        4 => prop::bool::weighted(0.8).prop_map(AnyStep::Decide),
        4 => condition.prop_map(AnyStep::Receive),
        1 => Just(AnyStep::Withdraw),
        2 => Just(AnyStep::Replace),
    ]
}

fn take(order: &Order, step: &AnyStep, number: usize, many: u16, fee: i64) -> Option<Order> {
    let (customer, seller, now) = (Actor::Customer, Actor::Seller, after(10));
    let policy = ClaimPolicy { return_fee: Won::new(fee), ..ClaimPolicy::DEFAULT };
    let claim = number.checked_rem(order.claims.len()).map_or(1, |index| index + 1);
    let parcel = number.checked_rem(order.parcels.len()).map_or(1, |index| index + 1);
    let line = number % order.items.len() + 1;
    let part: BTreeMap<usize, u16> = [(line, many)].into();
    match step {
        AnyStep::Cancel => order.cancel(&units(&[(line, many)]), customer, None, now).ok(),
        AnyStep::Ship => order.ship(&part, label(), seller, now).ok(),
        AnyStep::Deliver => order.move_parcel(parcel, ParcelStatus::Delivered, seller, now).ok()?,
        AnyStep::Claim(kind, reason) => {
            let is_possible = *kind == ClaimType::Return || *reason != ClaimReason::NotDelivered;
            let new = NewClaim { kind: *kind, items: part, reason: *reason, text: None };
            order.request_claim(&new, &policy, customer, now).ok().filter(|_| is_possible)
        }
        AnyStep::Decide(accept) => order.decide_claim(claim, *accept, None, seller, now).ok(),
        AnyStep::Receive(condition) => {
            let items = &order.claim(claim)?.items;
            // The last unit of each line is found in the condition, the others as they were sold.
            let mut receipt = Receipt::new();
            for item in items {
                *receipt.entry((item.line, *condition)).or_default() += 1;
                *receipt.entry((item.line, UnitCondition::Sellable)).or_default() += item.units - 1;
            }
            order.receive_claim(claim, &receipt, seller, now).ok()
        }
        AnyStep::Withdraw => order.withdraw_claim(claim, customer, now).ok(),
        AnyStep::Replace => order.ship_replacement(claim, &part, label(), seller, now).ok(),
    }
}

/// The units of all lines that are not on the shelf.
fn off_shelf(order: &Order) -> i64 {
    (1..=order.items.len()).map(|number| order.off_shelf(number)).sum()
}

proptest! {
    /// Claims, cancellations and parcels in any order: the refunds and the fees kept are exactly the amount paid for all
    /// that is gone, and every unit is on the shelf, live, scrapped or held.
    #[test]
    fn any_claims_and_cancellations_pay_back_all_but_the_fees(
        lines in proptest::collection::vec((0_i64..50_000, 1_i64..=6), 1..4),
        discount in 0_i64..60_000,
        fee in 0_i64..6_000,
        recalculates in any::<bool>(),
        steps in proptest::collection::vec((any_step(), 0_usize..12, 1_u16..=3), 0..80),
    ) {
        let items = lines.into_iter().zip(0..).map(|((price, quantity), n)| line(&format!("p{n}"), price, quantity));
        let mut draft = draft_of(items.collect(), discount);
        if recalculates {
            // The coupon's minimum is half of the goods.
            let goods = draft.quote.amounts.goods_total.get();
            let minimum = Some(Won::new(goods / 2));
            let coupon = Terms { min_order_amount: minimum, ..Discount::Fixed(Won::new(discount)).into() };
            let shop = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
            let rates = ShippingRates { shop, sellers: BTreeMap::new() };
            draft.quote = draft.quote.recalculated(Some(&coupon), &rates);
        }
        let mut order = Order::paid(id(), draft);
        let mut on_shelf = -off_shelf(&order);
        let follow = |order: &mut Order, on_shelf: &mut i64, next: Order| {
            assert_sound(&next);
            let effects = OrderEffects::between(order, &next);
            *on_shelf += effects.units.values().sum::<i64>() - effects.taken.values().sum::<i64>();
            assert_eq!(-off_shelf(&next), *on_shelf);
            assert!(next.refunded >= order.refunded);
            let (lost, withheld) = (next.benefits_lost().unwrap(), next.withheld().unwrap());
            assert!((Won::ZERO..=lost).contains(&withheld), "{withheld:?} withheld, {lost:?} lost");
            // Only a refund that would be below zero leaves less withheld than is lost.
            assert!(withheld == lost || next.refunded == order.refunded);
            for number in 1..=next.items.len() {
                let line = next.line(number).unwrap();
                assert_eq!(line.live_units() == 0, line.status.is_terminal());
                let travelling = next.shipped_units(number) - next.returned_units(number);
                assert!(travelling + line.cancelled_quantity <= line.quantity.get());
                if line.status.is_on_its_way() {
                    assert_eq!(next.status_by_parcels(number), Some(line.status));
                }
            }
            for (entry, claim) in next.history.iter().filter_map(|entry| Some((entry, entry.claim?))) {
                assert!(next.claim(claim).is_some(), "{entry:?}");
            }
            *order = next;
        };
        for (step, number, many) in steps {
            if let Some(next) = take(&order, &step, number, many, fee) {
                follow(&mut order, &mut on_shelf, next);
            }
        }
        // The end: open claims are withdrawn or shipped, all units are cancelled, or delivered and returned.
        for number in 1..=order.claims.len() {
            if let Ok(next) = order.withdraw_claim(number, Actor::Customer, after(20)) {
                follow(&mut order, &mut on_shelf, next);
            }
            for line in 1..=order.items.len() {
                let left = order.replacement_left(number, line);
                if left > 0 {
                    let next = order.ship_replacement(number, &[(line, left)].into(), label(), Actor::Seller, after(20));
                    follow(&mut order, &mut on_shelf, next.unwrap());
                }
            }
        }
        for number in 1..=order.parcels.len() {
            if let Some(next) = order.move_parcel(number, ParcelStatus::Delivered, Actor::Seller, after(21)).unwrap() {
                follow(&mut order, &mut on_shelf, next);
            }
        }
        for number in 1..=order.items.len() {
            let unshipped = order.unshipped_units(number);
            if unshipped > 0 {
                let next = order.cancel(&units(&[(number, unshipped)]), Actor::Customer, None, after(22));
                follow(&mut order, &mut on_shelf, next.unwrap());
            }
            let live = order.line(number).unwrap().live_units();
            if live > 0 {
                let next = claimed(&order, &wish(ClaimType::Return, ClaimReason::ChangeOfMind, &[(number, live)]));
                follow(&mut order, &mut on_shelf, next.unwrap());
                let claim = order.claims.len();
                let next = order.decide_claim(claim, true, None, Actor::Seller, after(23));
                follow(&mut order, &mut on_shelf, next.unwrap());
                let receipt = Receipt::from([((number, UnitCondition::Sellable), live)]);
                let next = order.receive_claim(claim, &receipt, Actor::Seller, after(24));
                follow(&mut order, &mut on_shelf, next.unwrap());
            }
        }
        prop_assert_eq!(order.status, crate::domain::order::OrderStatus::FullyRefunded);
        prop_assert_eq!(order.refunded.checked_add(order.fees_kept().unwrap()), Some(order.paid));
    }
}

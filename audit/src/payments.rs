//! Payments of the external system: the one that paid an order, and those that the order has asked back.

use std::collections::BTreeMap;

use shared::{
    domain::{
        OrderId, PaymentId, Won,
        order::{Payment, PaymentMethod, PaymentStatus},
        session::{PaymentSession, Purpose, SessionStatus},
    },
    store::{Key, keys},
};

use crate::{
    findings::{Checks, Findings},
    orders::{Known, Orders},
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The payments of all orders.
#[derive(Debug, Default)]
pub(crate) struct Payments {
    noted: BTreeMap<OrderId, Noted>,
    /// The order that claimed each payment.
    claims: BTreeMap<PaymentId, OrderId>,
    orders_of: BTreeMap<PaymentId, Vec<OrderId>>,
}

/// The payments of an order that moved money. Failed payments are left out: none of them can have paid the order.
#[derive(Debug, Default)]
struct Noted {
    paid: BTreeMap<PaymentId, Won>,
    asked_back: BTreeMap<PaymentId, Won>,
}

impl Payments {
    pub(crate) fn add(&mut self, payment: Payment, selection: &Selection) {
        let Payment { payment_id, order_id, amount, status, .. } = payment;
        if selection.has(relation::payment(&payment_id)) {
            self.orders_of.entry(payment_id.clone()).or_default().push(order_id.clone());
        }
        if selection.has(relation::order(&order_id)) {
            let noted = self.noted.entry(order_id).or_default();
            match status {
                PaymentStatus::Paid => {
                    noted.paid.insert(payment_id, amount);
                }
                PaymentStatus::RefundRequested => {
                    noted.asked_back.insert(payment_id, amount);
                }
                PaymentStatus::Failed | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {}
            }
        }
    }

    /// Adds the session that paid an order. It is the record of the payment.
    pub(crate) fn add_session(&mut self, session: &PaymentSession, selection: &Selection) {
        let Purpose::Order { order_id } = &session.purpose else { return };
        if session.status == SessionStatus::Paid && selection.has(relation::order(order_id)) {
            let noted = self.noted.entry(order_id.clone()).or_default();
            noted.paid.insert(session.payment_id.clone(), session.amount);
        }
    }

    pub(crate) fn add_claim(&mut self, payment: PaymentId, order: OrderId, selection: &Selection) {
        if selection.has(relation::payment(&payment)) {
            self.claims.insert(payment, order);
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.noted.retain(|order, _| selection.has(relation::order(order)));
        self.claims.retain(|payment, _| selection.has(relation::payment(payment)));
        self.orders_of.retain(|payment, _| selection.has(relation::payment(payment)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.noted.len() * 450 + self.claims.len() * 220 + self.orders_of.len() * 260
    }

    pub(crate) fn finish(self, orders: &Orders, findings: &mut Findings) {
        let Self { noted: mut payments, mut claims, orders_of } = self;
        for (payment, mut orders) in orders_of {
            let claimed = claims.remove(&payment);
            orders.sort();
            let has: Vec<&str> = orders.iter().map(OrderId::as_str).collect();
            let claim: Vec<&str> = claimed.iter().map(OrderId::as_str).collect();
            let keys: Vec<Key> = orders.iter().map(|order| keys::payment(order, &payment)).collect();
            for order in &orders {
                let relation = Relation::Payment(payment.clone());
                let checks = findings.between(Invariant::Payments, Subject::Order(order.clone()), relation);
                let mut checks = checks.with(keys.clone());
                checks.equal(format_args!("order that payment {payment} is for"), &claim, &has);
            }
        }
        for (payment, order) in claims {
            let relation = Relation::Payment(payment.clone());
            let mut checks = findings.between(Invariant::Payments, Subject::Order(order), relation);
            checks.violated(format_args!("payment {payment}, which is claimed"), "one", "none");
        }
        for (id, order) in orders.iter() {
            let noted = payments.remove(id).unwrap_or_default();
            let relation = Relation::Order(id.clone());
            noted.check(order, &mut findings.between(Invariant::Payments, Subject::Order(id.clone()), relation));
        }
        for id in payments.into_keys() {
            let relation = Relation::Order(id.clone());
            let mut checks = findings.between(Invariant::Payments, Subject::Order(id), relation);
            checks.violated("order of a payment", "one", "none");
        }
    }
}

/// Checks a payment by itself. The order records later refunds, not the payment.
pub(crate) fn check(payment: &Payment, findings: &mut Findings) {
    let Payment { payment_id, order_id, status, .. } = payment;
    if matches!(status, PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded) {
        let mut checks = findings.about(Invariant::Payments, Subject::Order(order_id.clone()));
        let rule = format_args!("payment {payment_id}: status");
        checks.violated(rule, "what became of it when it came", format_args!("{status:?}"));
    }
}

impl Noted {
    /// An order that was paid outside was paid by exactly the payment that it names, and any other order by none. All
    /// other money received is asked back, and the history names each payment.
    fn check(&self, order: &Known, checks: &mut Checks<'_>) {
        let is_paid_outside = order.is_paid && order.payment == PaymentMethod::External;
        let paid_by = order.payment_id.as_ref().filter(|_| is_paid_outside).map(|id| (id, &order.external));
        checks.equal("payment that paid it, and won", in_won(paid_by), in_won(&self.paid));
        checks.equal("payments asked back, and won", in_won(&order.returned), in_won(&self.asked_back));
    }
}

fn in_won<'a>(payments: impl IntoIterator<Item = (&'a PaymentId, &'a Won)>) -> BTreeMap<&'a str, i64> {
    payments.into_iter().map(|(id, amount)| (id.as_str(), amount.get())).collect()
}

#[cfg(test)]
mod tests {
    use shared::{domain::order::Returned, store::keys};

    use super::*;
    use crate::fixture::{DAYS_AGO, Shop, at, order, payment};

    const O5: &str = "[payments] order o5";

    #[test]
    fn what_was_paid_outside_has_the_payment_that_paid_it() {
        let wrong = |id: &str, amount: i64, status: PaymentStatus| {
            let mut shop = Shop::healthy();
            shop.put_payment("o5", id, amount, status);
            shop.violations()
        };
        let paid = format!("{O5}: payment that paid it, and won: expected {{\"p1\": 24000}}, found");
        let asked_back = format!("{O5}: payments asked back, and won: expected {{\"p2\": 24000}}, found");
        assert_eq!(wrong("p1", 24_000, PaymentStatus::Paid), [] as [&str; 0]);
        assert_eq!(wrong("p1", 23_999, PaymentStatus::Paid), [format!("{paid} {{\"p1\": 23999}}")]);
        assert_eq!(wrong("p1", 24_000, PaymentStatus::Failed), [format!("{paid} {{}}")]);
        assert_eq!(
            wrong("p1", 24_000, PaymentStatus::RefundRequested),
            [format!("{paid} {{}}"), format!("{asked_back} {{\"p1\": 24000, \"p2\": 24000}}")]
        );
        assert_eq!(wrong("p4", 24_000, PaymentStatus::Paid), [format!("{paid} {{\"p1\": 24000, \"p4\": 24000}}")]);
        let mut shop = Shop::healthy();
        shop.remove(keys::payment(&order("o5"), &payment("p1")));
        let claimed = format!("{O5}: payment p1, which is claimed: expected one, found none");
        assert_eq!(shop.violations(), [claimed, format!("{paid} {{}}")]);
        shop.remove(keys::payment_claim(&payment("p1")));
        assert_eq!(shop.violations(), [format!("{paid} {{}}")]);
        shop.put_payment("o5", "p4", 24_000, PaymentStatus::Paid);
        assert_eq!(shop.violations(), [format!("{paid} {{\"p4\": 24000}}")]);
    }

    #[test]
    fn nothing_else_was_paid_by_a_payment() {
        for (id, payable) in [("o1", 25_000), ("o2", 8_000), ("o4", 16_000)] {
            let mut shop = Shop::healthy();
            shop.put_payment(id, "p4", payable, PaymentStatus::Failed);
            assert_eq!(shop.violations(), [] as [&str; 0]);
            shop.put_payment(id, "p4", payable, PaymentStatus::Paid);
            let paid = format!("[payments] order {id}: payment that paid it, and won: expected {{}}");
            assert_eq!(shop.violations(), [format!("{paid}, found {{\"p4\": {payable}}}")]);
        }
    }

    #[test]
    fn what_is_asked_back_is_in_the_history_and_what_is_there_is_asked_back() {
        let asked_back = format!("{O5}: payments asked back, and won: expected {{\"p2\": 24000}}, found");
        let mut shop = Shop::healthy();
        shop.put_payment("o5", "p2", 23_999, PaymentStatus::RefundRequested);
        assert_eq!(shop.violations(), [format!("{asked_back} {{\"p2\": 23999}}")]);
        shop.put_payment("o5", "p2", 24_000, PaymentStatus::Failed);
        assert_eq!(shop.violations(), [format!("{asked_back} {{}}")]);
        shop.put_payment("o5", "p2", 24_000, PaymentStatus::RefundRequested);
        shop.put_payment("o5", "p3", 1, PaymentStatus::RefundRequested);
        assert_eq!(shop.violations(), [format!("{asked_back} {{\"p2\": 24000, \"p3\": 1}}")]);

        // Money can arrive for an order in any state.
        let mut shop = Shop::healthy();
        for id in ["o1", "o2", "o3", "o4"] {
            let came = format!("p4-{id}");
            shop.put_payment(id, &came, 1_000, PaymentStatus::RefundRequested);
            let missing = format!("[payments] order {id}: payments asked back, and won: expected {{}}");
            assert_eq!(shop.violations(), [format!("{missing}, found {{\"{came}\": 1000}}")]);
            let returned = Returned { payment_id: payment(&came), amount: Won::new(1_000) };
            shop.change_order(id, |order| *order = order.return_payment(returned, at(DAYS_AGO)));
            assert_eq!(shop.violations(), [] as [&str; 0]);
        }
    }

    #[test]
    fn what_was_paid_back_since_is_not_noted_here() {
        for status in [PaymentStatus::PartiallyRefunded, PaymentStatus::Refunded] {
            let mut shop = Shop::healthy();
            shop.put_payment("o5", "p3", 24_000, status);
            let expected = "expected what became of it when it came";
            assert_eq!(shop.violations(), [format!("{O5}: payment p3: status: {expected}, found {status:?}")]);
        }
    }

    #[test]
    fn a_payment_is_for_the_order_that_claims_it_and_no_other() {
        let mut shop = Shop::healthy();
        shop.put_payment("o1", "p3", 25_000, PaymentStatus::Failed);
        let both = "order that payment p3 is for: expected [\"o1\"], found [\"o1\", \"o5\"]";
        assert_eq!(shop.violations(), [format!("[payments] order o1: {both}"), format!("{O5}: {both}")]);
        let mut shop = Shop::healthy();
        shop.remove(keys::payment_claim(&payment("p3")));
        assert_eq!(shop.violations(), [format!("{O5}: order that payment p3 is for: expected [], found [\"o5\"]")]);
    }

    #[test]
    fn every_payment_is_of_an_order() {
        let mut shop = Shop::healthy();
        shop.put_payment("nowhere", "p4", 1_000, PaymentStatus::Failed);
        assert_eq!(shop.violations(), ["[payments] order nowhere: order of a payment: expected one, found none"]);
    }
}

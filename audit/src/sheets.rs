//! Order sheets: an ordered sheet and its order name each other and agree. Any other sheet names no order, and no order
//! names it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::domain::{
    OrderId, OrderSheetId, UserId, Won,
    order::OrderStatus,
    sheet::{OrderSheet, SheetState},
};

use crate::{
    findings::{Checks, Findings},
    holds,
    orders::{Known, Orders},
    report::{Figures, Invariant, Subject},
};

/// All order sheets that still exist: storage removes them some time after their end.
#[derive(Debug, Default)]
pub(crate) struct Sheets(BTreeMap<OrderSheetId, Sheet>);

#[derive(Debug)]
enum Sheet {
    Open { expires_at: Timestamp },
    Ordered { order: Option<OrderId>, user: UserId, payable: Won },
    Abandoned,
}

impl Sheets {
    pub(crate) fn add(&mut self, sheet: OrderSheet, findings: &mut Findings) {
        let OrderSheet { order_sheet_id, user_id, state, amounts, order_id, expires_at, .. } = sheet;
        let mut checks = findings.about(Invariant::Sheets, Subject::Sheet(order_sheet_id.clone()));
        checks.equal("names an order", state == SheetState::Ordered, order_id.is_some());
        let sheet = match state {
            SheetState::Open => Sheet::Open { expires_at },
            SheetState::Ordered => Sheet::Ordered { order: order_id, user: user_id, payable: amounts.payable },
            SheetState::Abandoned => Sheet::Abandoned,
        };
        self.0.insert(order_sheet_id, sheet);
    }

    pub(crate) fn finish(self, orders: &Orders, now: Timestamp, findings: &mut Findings, figures: &mut Figures) {
        for (id, order) in orders.iter() {
            let mut checks = findings.about(Invariant::Sheets, Subject::Order(id.clone()));
            self.check_order(id, order, &mut checks);
        }
        for (id, sheet) in self.0 {
            match sheet {
                Sheet::Open { expires_at } => {
                    figures.sheets_open += 1;
                    let mut checks = findings.about(Invariant::Holds, Subject::Sheet(id));
                    holds::check_end(expires_at, now, &mut checks);
                }
                Sheet::Ordered { order: Some(order), user, payable } => {
                    let mut checks = findings.about(Invariant::Sheets, Subject::Sheet(id.clone()));
                    check_ordered(&id, &order, (&user, payable), orders, &mut checks);
                }
                Sheet::Ordered { order: None, .. } | Sheet::Abandoned => {}
            }
        }
    }

    /// An order and its sheet belong together, if the sheet still exists. An order that could not be paid has left its
    /// sheet to the next one.
    fn check_order(&self, id: &OrderId, order: &Known, checks: &mut Checks<'_>) {
        let named = order.sheet.as_ref().filter(|_| order.status != OrderStatus::PaymentFailed);
        let Some((named, sheet)) = named.and_then(|named| Some((named, self.0.get(named)?))) else {
            return;
        };
        let of = match sheet {
            Sheet::Ordered { order, .. } => order.as_ref().map(OrderId::as_str),
            Sheet::Open { .. } | Sheet::Abandoned => None,
        };
        checks.equal(format_args!("order of its sheet {named}"), Some(id.as_str()), of);
    }
}

/// The order of a sheet names the sheet, has the same user, and costs the sheet's price.
fn check_ordered(
    id: &OrderSheetId,
    order_id: &OrderId,
    (user, payable): (&UserId, Won),
    orders: &Orders,
    checks: &mut Checks<'_>,
) {
    let names_it = |order: &&Known| order.sheet.as_ref() == Some(id) && order.status != OrderStatus::PaymentFailed;
    let Some(order) = orders.get(order_id).filter(names_it) else {
        checks.violated("order that it names", format_args!("{order_id}, naming it"), "none");
        return;
    };
    checks.equal("user of its order", user.as_str(), order.user.as_str());
    checks.equal("payable of its order", payable.get(), order.payable.get());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shop, order, sheet, user};

    const S1: &str = "[sheets] sheet s1";
    const O5: &str = "[sheets] order o5: order of its sheet s1: expected Some(\"o5\")";

    #[test]
    fn an_ordered_sheet_names_an_order_that_names_it() {
        let back = format!("{O5}, found");
        for (named, expected) in [
            (None, vec![format!("{back} None"), format!("{S1}: names an order: expected true, found false")]),
            (
                Some("nowhere"),
                vec![
                    format!("{back} Some(\"nowhere\")"),
                    format!("{S1}: order that it names: expected nowhere, naming it, found none"),
                ],
            ),
            (
                Some("o4"),
                vec![
                    format!("{back} Some(\"o4\")"),
                    format!("{S1}: order that it names: expected o4, naming it, found none"),
                ],
            ),
        ] {
            let mut shop = Shop::healthy();
            shop.change_sheet("s1", |sheet| sheet.order_id = named.map(order));
            let mut found = shop.violations();
            found.sort();
            assert_eq!(found, expected);
        }
        let mut shop = Shop::healthy();
        shop.change_order("o5", |order| order.order_sheet_id = None);
        assert_eq!(shop.violations(), [format!("{S1}: order that it names: expected o5, naming it, found none")]);
    }

    #[test]
    fn a_sheet_and_its_order_agree() {
        let mut shop = Shop::healthy();
        shop.change_sheet("s1", |sheet| (sheet.user_id, sheet.amounts.payable) = (user("jun"), Won::new(23_999)));
        assert_eq!(
            shop.violations(),
            [
                format!("{S1}: payable of its order: expected 23999, found 24000"),
                format!("{S1}: user of its order: expected \"jun\", found \"sora\""),
            ]
        );
    }

    #[test]
    fn a_sheet_that_was_not_ordered_names_no_order() {
        for id in ["s2", "s3"] {
            let mut shop = Shop::healthy();
            shop.change_sheet(id, |sheet| sheet.order_id = Some(order("o5")));
            assert_eq!(shop.violations(), [format!("[sheets] sheet {id}: names an order: expected false, found true")]);
        }
    }

    #[test]
    fn no_order_names_a_sheet_that_is_not_its_own() {
        for (named, of) in [("s1", "Some(\"o5\")"), ("s2", "None"), ("s3", "None")] {
            let mut shop = Shop::healthy();
            shop.change_order("o4", |order| order.order_sheet_id = Some(sheet(named)));
            assert_eq!(
                shop.violations(),
                [format!("[sheets] order o4: order of its sheet {named}: expected Some(\"o4\"), found {of}")]
            );
        }
    }

    #[test]
    fn an_order_that_could_not_be_paid_has_left_its_sheet_to_others() {
        let mut shop = Shop::healthy();
        for named in ["s1", "s2", "s3"] {
            shop.change_order("o2", |order| order.order_sheet_id = Some(sheet(named)));
            assert_eq!(shop.violations(), [] as [&str; 0]);
        }
        shop.change_order("o2", |order| order.order_sheet_id = Some(sheet("s1")));
        shop.change_sheet("s1", |sheet| sheet.order_id = Some(order("o2")));
        let left = format!("{S1}: order that it names: expected o2, naming it, found none");
        assert!(shop.violations().contains(&left));
    }

    #[test]
    fn a_sheet_that_storage_removed_is_not_missed() {
        let mut shop = Shop::healthy();
        shop.remove(shared::store::keys::sheet(&sheet("s1")));
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }
}

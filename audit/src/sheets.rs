//! Order sheets: an ordered sheet and its order name each other and agree. Any other sheet names no order, and no order
//! names it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{
        OrderId, OrderSheetId, UserId, Won,
        order::{Order, OrderStatus},
        sheet::{OrderSheet, SheetState},
    },
    store::keys,
};

use crate::{
    findings::{Checks, Findings},
    holds,
    relation::{self, Relation, Selection},
    report::{Figures, Invariant, Subject},
};

/// All order sheets that still exist, and the orders that name a sheet: storage removes sheets some time after their end.
#[derive(Debug, Default)]
pub(crate) struct Sheets(BTreeMap<OrderSheetId, Books>);

#[derive(Debug, Default)]
struct Books {
    sheet: Option<Sheet>,
    orders: Vec<Named>,
}

#[derive(Debug)]
enum Sheet {
    Open { expires_at: Timestamp },
    Ordered { order: Option<OrderId>, user: UserId, payable: Won },
    Abandoned,
}

/// An order that names a sheet.
#[derive(Debug)]
struct Named {
    id: OrderId,
    user: UserId,
    payable: Won,
}

impl Sheets {
    pub(crate) fn add(&mut self, sheet: OrderSheet, selection: &Selection) {
        let OrderSheet { order_sheet_id, user_id, state, amounts, order_id, expires_at, .. } = sheet;
        if selection.has(relation::sheet(&order_sheet_id)) {
            let sheet = match state {
                SheetState::Open => Sheet::Open { expires_at },
                SheetState::Ordered => Sheet::Ordered { order: order_id, user: user_id, payable: amounts.payable },
                SheetState::Abandoned => Sheet::Abandoned,
            };
            self.0.entry(order_sheet_id).or_default().sheet = Some(sheet);
        }
    }

    /// Adds an order of a sheet. An order that could not be paid has left its sheet to the next one.
    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        let sheet = order.order_sheet_id.as_ref().filter(|_| order.status != OrderStatus::PaymentFailed);
        if let Some(sheet) = sheet.filter(|sheet| selection.has(relation::sheet(sheet))) {
            let (id, user, payable) = (order.order_id.clone(), order.user_id.clone(), order.amounts.payable);
            self.0.entry(sheet.clone()).or_default().orders.push(Named { id, user, payable });
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.0.retain(|sheet, _| selection.has(relation::sheet(sheet)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.len() * 350
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        for (id, Books { sheet, orders }) in self.0 {
            // Orders outlive their sheets.
            let Some(sheet) = sheet else { continue };
            let relation = Relation::Sheet(id.clone());
            let keys: Vec<_> = orders.iter().map(|order| keys::order(&order.id)).collect();
            let of = match &sheet {
                Sheet::Ordered { order, .. } => order.as_ref().map(OrderId::as_str),
                Sheet::Open { .. } | Sheet::Abandoned => None,
            };
            for order in &orders {
                let subject = Subject::Order(order.id.clone());
                let mut checks = findings.between(Invariant::Sheets, subject, relation.clone()).with(keys.clone());
                checks.equal(format_args!("order of its sheet {id}"), Some(order.id.as_str()), of);
            }
            match sheet {
                Sheet::Open { expires_at } => {
                    let mut checks = findings.between(Invariant::Holds, Subject::Sheet(id), relation);
                    holds::check_end(expires_at, now, &mut checks);
                }
                Sheet::Ordered { order: Some(order), user, payable } => {
                    let mut checks = findings.between(Invariant::Sheets, Subject::Sheet(id), relation).with(keys);
                    check_ordered(&order, (&user, payable), &orders, &mut checks);
                }
                Sheet::Ordered { order: None, .. } | Sheet::Abandoned => {}
            }
        }
    }
}

/// Checks a sheet by itself.
pub(crate) fn check(sheet: &OrderSheet, findings: &mut Findings) {
    let mut checks = findings.about(Invariant::Sheets, Subject::Sheet(sheet.order_sheet_id.clone()));
    checks.equal("names an order", sheet.state == SheetState::Ordered, sheet.order_id.is_some());
}

/// Adds a sheet to the figures.
pub(crate) fn count(sheet: &OrderSheet, figures: &mut Figures) {
    figures.sheets_open += u64::from(sheet.state == SheetState::Open);
}

/// The order of a sheet names the sheet, has the same user, and costs the sheet's price.
fn check_ordered(named: &OrderId, (user, payable): (&UserId, Won), orders: &[Named], checks: &mut Checks<'_>) {
    let Some(order) = orders.iter().find(|order| order.id == *named) else {
        checks.violated("order that it names", format_args!("{named}, naming it"), "none");
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
        shop.remove(keys::sheet(&sheet("s1")));
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }
}

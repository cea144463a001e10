//! Corrections of balances, and withdrawals.

use serde_json::{Value, json};

use super::{Asked, Outcome, Reference, fine, not_found, number};

#[derive(Debug, Clone)]
pub(super) struct Withdrawal {
    user: String,
    amount: i64,
    status: String,
}

impl Withdrawal {
    fn shown(&self) -> Value {
        json!({ "userId": self.user, "amount": self.amount, "status": self.status })
    }
}

impl Reference {
    pub(super) fn adjust(&mut self, asked: &Asked<'_>) -> Outcome {
        let (user, amount) = (asked.text("userId"), number(&asked.sent, "amount"));
        let there = self.users.get(&user).ok_or_else(not_found)?;
        if there.is("WITHDRAWN") {
            return Err(("USER_NOT_ACTIVE", json!({})));
        }
        if there.balance + amount < 0 {
            return Err(("BALANCE_NOT_ENOUGH", json!({ "payable": -amount, "balance": there.balance })));
        }
        let balance = self.book(&user, "ADJUSTMENT", amount, None);
        fine(json!({ "userId": user, "balance": balance }))
    }

    pub(super) fn withdraw(&mut self, asked: &Asked<'_>) -> Outcome {
        let (user, amount) = (asked.text("userId"), number(&asked.sent, "amount"));
        let balance = self.ensure_active(&user)?.balance;
        if balance < amount {
            return Err(("BALANCE_NOT_ENOUGH", json!({ "payable": amount, "balance": balance })));
        }
        let balance = self.book(&user, "WITHDRAWAL", -amount, None);
        let withdrawal = Withdrawal { user, amount, status: "REQUESTED".to_owned() };
        let mut shown = withdrawal.shown();
        shown["balance"] = json!(balance);
        self.withdrawals.insert(asked.id("withdrawalId"), withdrawal);
        Ok((201, shown))
    }

    pub(super) fn withdrawal(&self, asked: &Asked<'_>) -> Outcome {
        let theirs = |it: &&Withdrawal| asked.call.role() == "ADMIN" || it.user == asked.call.caller();
        fine(self.withdrawals.get(&asked.part(2)).filter(theirs).ok_or_else(not_found)?.shown())
    }

    /// Money that was paid out can come back; money that is back stays.
    pub(super) fn end_withdrawal(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let to = asked.text("status");
        let there = self.withdrawals.get_mut(&asked.part(2)).ok_or_else(not_found)?;
        if there.status == to {
            return fine(there.shown());
        }
        if there.status == "RETURNED" {
            return Err(("ORDER_STATE_CONFLICT", json!({ "status": "RETURNED" })));
        }
        there.status = to;
        let after = there.clone();
        if after.status == "RETURNED" {
            self.book(&after.user, "WITHDRAWAL", after.amount, None);
        }
        fine(after.shown())
    }
}

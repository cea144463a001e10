//! The table of transitions of an order line, in words, from the table that the shop itself uses.

use std::fmt::Write as _;

use shared::domain::order::{Actor, LineStatus, TRANSITIONS};
use utoipa::openapi::OpenApi;

use super::{Error, operations};

const OPERATION: &str = "updateOrderItem";

/// Publishes the table with the operation that follows it.
pub(crate) fn publish(document: &mut OpenApi) -> Result<(), Error> {
    let operation = operations::each_mut(document)
        .map(|(_, _, operation)| operation)
        .find(|operation| operation.operation_id.as_deref() == Some(OPERATION))
        .ok_or(Error::NoOperation(OPERATION))?;
    let description = operation.description.take().unwrap_or_default();
    let introduction = "From each state, who can move the line where; an admin can do what either can. A customer who \
                        withdraws a request can only go back to the state before it.";
    operation.description = Some(format!("{description}\n\n{introduction}\n\n{}", table()));
    Ok(())
}

/// A line for each state that a line of an order can be in.
fn table() -> String {
    let mut lines: Vec<String> = Vec::new();
    for from in LineStatus::ALL {
        let mut line = format!("- `{}`:", from.as_str());
        let mut is_final = true;
        for (actor, name) in [(Actor::Customer, "the customer"), (Actor::Seller, "the seller")] {
            let edges = TRANSITIONS.iter().filter(|edge| edge.from == *from && edge.by == actor);
            let next: Vec<String> = edges.map(|edge| format!("`{}`", edge.to.as_str())).collect();
            if !next.is_empty() {
                // Writing into a string cannot fail.
                let _ = write!(line, "{} {name} to {}", if is_final { "" } else { ";" }, next.join(", "));
                is_final = false;
            }
        }
        if is_final {
            line.push_str(if *from == LineStatus::PendingPayment { " by payment or its end only" } else { " final" });
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_line() {
        let table = table();
        assert_eq!(table.lines().count(), LineStatus::ALL.len());
        assert!(table.contains("- `PREPARING`: the customer to `CANCELLED`; the seller to `CANCELLED`, `SHIPPED`\n"));
        assert!(table.contains("- `SHIPPED`: the customer to `CANCEL_REQUESTED`; the seller to"));
        assert!(table.contains("- `RETURNED`: final"));
    }
}

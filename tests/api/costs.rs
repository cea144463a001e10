//! The cost of each operation, against its budget.

use tests::costs;

#[tokio::test]
async fn every_operation_is_within_its_budget() {
    let mut over = Vec::new();
    for row in costs::measure().await {
        if !row.within_budget() {
            over.push(row.to_string());
        }
    }
    assert!(over.is_empty(), "over budget:\n{}", over.join("\n"));
}

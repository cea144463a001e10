//! Every operation as a request of a `.http` file, which editors send: those of JetBrains, and VS Code with REST Client.
//!
//! The requests are the commands of the reference ([`super::commands`]). Ids that a request makes are variables, filled from
//! the answer of the request that makes them.

use std::fmt::Write as _;

use super::{Error, commands, document, operations};

/// The file that the requests are kept in.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/jangteo.http");

const HEAD: &str = "\
# Requests to a shop, for editors that send `.http` files. Generated from the reference by `cargo xtask generate`.
# They fit the sample data of `cargo xtask dev`. At a deployed shop, `Authorization: Bearer TOKEN` replaces `x-user-id` and
# `x-user-role`; `cargo xtask token` prints a token.
#
# A variable has a value once the request that it names was sent. `key` is the `paymentKey` that the checkout page returns.

@shop = http://localhost:9000
@order = {{createOrder.response.body.data.orderId}}
@sheet = {{createOrderSheet.response.body.data.orderSheetId}}
@payment = {{createPayment.response.body.data.paymentId}}
@key = paymentKey
@claim = {{createClaim.response.body.data.claimId}}
@withdrawal = {{createWithdrawal.response.body.data.withdrawalId}}
@export = {{createExport.response.body.data.exportId}}
@ticket = {{enterDrop.response.body.data.ticket}}
";

/// The file.
///
/// # Errors
/// As [`document`].
pub fn text() -> Result<String, Error> {
    let document = document()?;
    let mut text = HEAD.to_owned();
    for (method, path, operation) in operations::each(&document) {
        let no_command = || Error::NoCommand(format!("{method} {path}"));
        let request = commands::request(method, path).ok_or_else(no_command)?;
        let name = operation.operation_id.as_deref().unwrap_or_default();
        let summary = operation.summary.as_deref().unwrap_or_default();
        // Writing into a string cannot fail.
        let _ = write!(text, "\n### {summary}\n# @name {name}\n{request}\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn the_committed_requests_are_what_the_code_generates() {
        let committed = fs::read_to_string(FILE).unwrap();
        assert!(
            committed == text().unwrap(),
            "clients/jangteo.http is not that of the code: run `cargo xtask generate`"
        );
    }

    #[test]
    fn each_variable_is_declared_and_filled_by_a_request() {
        let text = text().unwrap();
        let declared: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix('@')?.split_once(" = ")).map(|(name, _)| name).collect();
        let names: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("# @name ")).collect();
        for (_, rest) in text.match_indices("{{").map(|(at, _)| text.split_at(at + 2)) {
            let used = rest.split("}}").next().unwrap();
            match used.split_once(".response.") {
                Some((request, _)) => assert!(names.contains(request), "{used}"),
                None => assert!(used == "$guid" || declared.contains(used), "{used}"),
            }
        }
    }
}

//! How a process that cargo has started starts another cargo.

use std::{env, ffi::OsString};

/// The cargo that started this process, or else the one on the path.
#[must_use]
pub fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The environment for cargo: this process's own, less the variables that another cargo set when it started this
/// process. Those describe another package and would make build scripts run again.
pub fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    const ANOTHER_PACKAGES: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_"];
    env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !ANOTHER_PACKAGES.iter().any(|prefix| name.starts_with(prefix))
    })
}

//! The ends of two manifests: the binaries of the functions, and the router of `cargo lambda watch`.
//!
//! Cargo would find the binaries by itself, but then it would also build a test of each, which takes minutes and gigabytes.

use std::{collections::BTreeMap, fmt::Write as _, fs, io};

use build_functions::function_names;
use functions::ROUTES;

/// The manifest of the functions, whose end is [`binaries`].
pub const FUNCTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/Cargo.toml");

/// The manifest of the workspace, whose end is [`router`].
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

/// The line from which on a manifest is generated.
const MARK: &str = "# ---- Generated from functions/src by `cargo xtask generate`\n";

/// Writes the generated end of both manifests.
///
/// # Errors
/// If a manifest cannot be read or written.
pub fn write() -> io::Result<()> {
    for (file, end) in [(FUNCTIONS, binaries()?), (WORKSPACE, router())] {
        let manifest = fs::read_to_string(file)?;
        let kept = manifest.split(MARK).next().unwrap_or_default();
        fs::write(file, format!("{kept}{MARK}{end}"))?;
    }
    Ok(())
}

/// A target per file in `functions/src/bin`, none of which is built as a test.
///
/// # Errors
/// If the folder cannot be read.
pub fn binaries() -> io::Result<String> {
    let names = function_names()?;
    Ok(names.iter().map(|name| format!("\n[[bin]]\nname = \"{name}\"\ntest = false\n")).collect())
}

/// The functions that serve each path. `HEAD` is served wherever `GET` is.
#[must_use]
pub fn router() -> String {
    let mut paths: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for route in ROUTES {
        let methods = paths.entry(route.path).or_default();
        methods.push((route.method, route.function));
        if route.method == "GET" {
            methods.push(("HEAD", route.function));
        }
    }
    let mut text = String::from("\n[workspace.metadata.lambda.watch.router]\n");
    for (path, methods) in paths {
        let served =
            |(method, function): &(&str, &str)| format!("{{ method = \"{method}\", function = \"{function}\" }}");
        let methods: Vec<_> = methods.iter().map(served).collect();
        let _ = writeln!(text, "\"{path}\" = [{}]", methods.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_manifests_are_what_the_code_generates() {
        for (file, end) in [(FUNCTIONS, binaries().unwrap()), (WORKSPACE, router())] {
            let committed = fs::read_to_string(file).unwrap();
            assert_eq!(committed.split(MARK).nth(1), Some(end.as_str()), "run `cargo xtask generate`");
        }
    }
}

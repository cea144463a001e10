//! Every selection of packages is built with the same features, so that none compiles a dependency again.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use tests::template::project_file;

/// The features of each dependency, as cargo unites them for these packages.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--format", "{p}|{f}", "--edges", "normal,build"])
        .args(selection)
        .current_dir(project_file(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((package, features)) = line.trim_end_matches(" (*)").split_once('|') else { continue };
        let features = features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned);
        found.entry(package.to_owned()).or_default().extend(features);
    }
    found
}

/// What is missing is named; it belongs into infra/features/Cargo.toml.
#[test]
fn no_selection_of_packages_lacks_a_feature() {
    let all = features(&["--workspace"]);
    for packages in [
        &[][..],
        &["functions"],
        &["audit-cli"],
        &["dead-letters"],
        &["migrate"],
        &["contracts"],
        &["preflight"],
        &["reconcile"],
        &["suites"],
    ] {
        let mut selection = vec!["--package", "xtask"];
        selection.extend(packages.iter().flat_map(|package| ["--package", package]));
        for (package, features) in features(&selection) {
            let missing: Vec<_> = all[&package].difference(&features).collect();
            assert!(missing.is_empty(), "{packages:?}: {package} lacks {missing:?}");
        }
    }
}

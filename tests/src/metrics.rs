//! The metrics that the functions write.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::LazyLock};

use crate::template::project_file;

/// The metrics in the sources of the functions: the name of each, with the names of its dimensions.
pub static WRITTEN: LazyLock<BTreeSet<(String, Vec<String>)>> = LazyLock::new(|| {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![project_file("functions"), project_file("shared/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                for call in text.split("metrics::").skip(1) {
                    let Some((kind, rest)) = call.split_once("!(") else { continue };
                    if ["counter", "gauge", "histogram"].contains(&kind) {
                        let arguments = rest.split_once(')').unwrap().0;
                        let mut names = arguments.split('"').skip(1).step_by(2).map(str::to_owned);
                        found.insert((names.next().unwrap(), names.collect()));
                    }
                }
            }
        }
    }
    found
});

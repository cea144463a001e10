//! The table of endpoints and the binaries must agree, and no floor may name one above it. `tests/template` holds that the
//! template agrees with both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use functions::ROUTES;
use serde_json::Value;
use tests::template;

use crate::documents::markdown_files;

/// A binary serves the handler that the table names for it: the tests call handlers by the table.
#[test]
fn each_binary_of_the_api_serves_its_handler() {
    let table = fs::read_to_string(template::project_file("functions/src/lib.rs")).unwrap();
    for binary in ROUTES.iter().map(|route| route.function) {
        let row = table.lines().find(|line| line.contains(&format!("\"{binary}\","))).unwrap();
        let module = row.split(',').nth(3).unwrap().trim();
        let main = fs::read_to_string(template::project_file(&format!("functions/src/bin/{binary}.rs"))).unwrap();
        assert!(main.contains(&format!("functions::http::{module}::handle")), "{binary}: {module}");
    }
}

/// Only the local runner may make functions believe headers.
#[test]
fn the_template_does_not_trust_headers() {
    let text = fs::read_to_string(template::project_file("template.yaml")).unwrap();
    assert!(!text.contains("JANGTEO_IDENTITY"));
}

/// Tests that the tables of the documents name as `module::test`, or `e2e module::test`, exist.
#[test]
fn every_test_that_the_documents_name_exists() {
    let mut pages = Vec::new();
    markdown_files(&template::project_file("docs"), &mut pages);
    let text: String = pages.iter().map(|page| fs::read_to_string(page).unwrap()).collect();
    let tables = text.lines().filter(|line| line.starts_with('|'));
    let names: Vec<&str> = tables.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    let mut files = Vec::new();
    sources(&template::project_file("tests"), &mut files);
    let mut found = 0;
    for name in names {
        let (path, folders) = match name.strip_prefix("e2e ") {
            Some(path) => (path, &["e2e"][..]),
            None => (name, &["api", "faults", "models", "logs"][..]),
        };
        // Whole modules, and names of other crates, are skipped.
        let Some((module, test)) = path.rsplit_once("::").filter(|_| !path.contains([' ', '*'])) else { continue };
        let module = module.replace("::", "/");
        let ends = [format!("{module}.rs"), format!("{module}/mod.rs"), format!("{module}/main.rs")];
        let is_in =
            |file: &Path| folders.iter().any(|folder| file.starts_with(template::project_file("tests").join(folder)));
        let mut sources = files.iter().filter(|file| is_in(file) && ends.iter().any(|end| file.ends_with(end)));
        let holds = |file: &PathBuf| fs::read_to_string(file).unwrap().contains(&format!("fn {test}("));
        assert!(sources.any(holds), "{name}");
        found += 1;
    }
    assert!(found > 30, "{found}");
}

/// An example in a doc comment would not be compiled: no package runs doc tests, since to look for them takes each a second.
#[test]
fn no_doc_comment_has_an_example() {
    let mut files = Vec::new();
    ["audit", "functions", "infra", "shared", "tests"]
        .iter()
        .for_each(|folder| sources(&template::project_file(folder), &mut files));
    let begins = |line: &str| ["/// ```", "//! ```"].iter().any(|fence| line.trim_start().starts_with(fence));
    files.retain(|file| fs::read_to_string(file).unwrap().lines().any(begins));
    assert_eq!(files, [] as [PathBuf; 0]);
}

/// The floors of the crate `shared`, from the ground to the roof.
const FLOORS: [&str; 7] = ["platform", "domain", "store", "events", "app", "api", "lambda"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of the crate that a source names after `crate::`, alone or as the first names of a group.
fn named_floors(source: &str) -> Vec<String> {
    let mut named = Vec::new();
    for after in source.split("crate::").skip(1) {
        let (group, mut depth) = (after.strip_prefix('{'), 0_usize);
        let mut name = String::new();
        for letter in group.unwrap_or(after).chars() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    named.push(std::mem::take(&mut name));
                    if group.is_none() {
                        break;
                    }
                }
                ';' => break,
                _ if depth == 0 => name.push(letter),
                _ => {}
            }
        }
        named.push(name);
    }
    let first = |path: String| path.trim().split(|letter: char| !letter.is_alphanumeric()).next().map(str::to_owned);
    named.into_iter().filter_map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_floors_that_a_source_names_are_found() {
    let source = "use crate::{\n    api::{a, b::c},\n    domain::X,\n};\nuse crate::store::Y;\ncrate::app::f(1, 2)";
    assert_eq!(named_floors(source), ["api", "domain", "store", "app"].map(str::to_owned));
}

#[test]
fn no_floor_names_one_above_it() {
    let mut violations = Vec::new();
    for (height, floor) in FLOORS.iter().enumerate() {
        let mut files = Vec::new();
        sources(&template::project_file(&format!("shared/src/{floor}")), &mut files);
        assert!(!files.is_empty(), "{floor}");
        for file in files {
            let named = named_floors(&fs::read_to_string(&file).unwrap());
            let above = FLOORS.iter().skip(height + 1).filter(|above| named.iter().any(|name| name == *above));
            violations.extend(above.map(|above| format!("{} names {above}", file.display())));
        }
    }
    assert_eq!(violations, [] as [&str; 0]);
}

/// The modules of the domain that a source names: as paths, or by a type that the domain's head names.
fn named_modules(source: &str, modules: &BTreeSet<String>, types: &BTreeMap<String, String>) -> BTreeSet<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let rules = code.split("#[cfg(test)]").next().unwrap_or_default();
    let uses = rules.split("use ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(used, _)| used);
    let uses = uses.filter(|used| used.starts_with("super::") || used.starts_with("crate::domain::"));
    let words = uses.flat_map(|used| used.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')));
    words.filter_map(|word| modules.get(word).or_else(|| types.get(word))).cloned().collect()
}

/// A rule is understood without those that are built on it.
#[test]
fn the_modules_of_the_domain_form_no_circle() {
    let folder = template::project_file("shared/src/domain");
    let head = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let declared = head.lines().filter_map(|line| line.split("mod ").nth(1)?.strip_suffix(';'));
    let modules: BTreeSet<String> = declared.map(str::to_owned).collect();
    let mut types = BTreeMap::new();
    for (module, names) in head.lines().filter_map(|line| line.strip_prefix("pub use ")?.split_once("::")) {
        let names = names.split(|letter: char| !letter.is_alphanumeric()).filter(|name| !name.is_empty());
        types.extend(names.map(|name| (name.to_owned(), module.to_owned())));
    }
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut files = Vec::new();
    sources(&folder, &mut files);
    for file in files.iter().filter(|file| !file.ends_with("mod.rs") || file.parent() != Some(&folder)) {
        let path = file.strip_prefix(&folder).unwrap().with_extension("");
        let module = path.iter().next().unwrap().to_str().unwrap().to_owned();
        if path.ends_with("tests") {
            continue;
        }
        let mut named = named_modules(&fs::read_to_string(file).unwrap(), &modules, &types);
        named.remove(&module);
        below.entry(module).or_default().extend(named);
    }
    assert!(below.len() > 20 && below["order"].contains("pricing"), "{below:?}");
    // What stands on nothing that is left goes, again and again.
    while let Some(ground) = below.iter().find(|(_, named)| named.is_empty()).map(|(module, _)| module.clone()) {
        below.remove(&ground);
        below.values_mut().for_each(|named| {
            named.remove(&ground);
        });
    }
    assert!(below.is_empty(), "a circle is among {below:?}");
}

/// The template by which a new stack takes a restored table over has the table's keys and indexes.
#[test]
fn a_restored_table_is_described_as_the_table_is() {
    let text = fs::read_to_string(template::project_file("infra/template/restored-table.json")).unwrap();
    let restored: Value = serde_json::from_str(&text).unwrap();
    let described = restored["Resources"]["Table"]["Properties"].as_object().unwrap();
    let table = &template::template()["Resources"]["Table"]["Properties"];
    assert_eq!(described.len(), 4);
    for (name, value) in described {
        assert_eq!(value, &table[name], "{name}");
    }
}

//! cfn-lint over `template.yaml`, by its rules for SAM, and over the transformed template, by those for CloudFormation.

use std::{fs, path::PathBuf};

use serde_json::json;
use tests::template::project_file;

use crate::{TRANSFORMED, sets::Set};

#[test]
fn cfn_lint_finds_nothing() {
    let (tools, templates) = &*TRANSFORMED;
    let folder = project_file("target/template");
    fs::create_dir_all(&folder).unwrap();
    let transformed = |set: Set| -> PathBuf {
        let mut template = templates[&set].clone();
        // SAM has used up the parameters of canaries.
        template["Metadata"]["cfn-lint"] = json!({ "config": { "ignore_checks": ["W2001"] } });
        let file = folder.join(format!("{set:?}.json"));
        fs::write(&file, serde_json::to_string_pretty(&template).unwrap()).unwrap();
        file
    };
    let mut lint = tools.program("cfn-lint");
    lint.arg("template.yaml").args(Set::ALL.map(transformed)).current_dir(project_file(""));
    let output = lint.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

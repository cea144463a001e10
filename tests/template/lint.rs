//! cfn-lint over `template.yaml`, by its rules for SAM, and over the transformed template, by those for CloudFormation.

use std::{fs, path::PathBuf};

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tests::template::project_file;

use crate::{TRANSFORMED, sets::Set};

/// The list of packages with the version of cfn-lint.
const LISTED: &str = "infra/local-stack/scripts/requirements.txt";

/// It takes half a minute, so it looks only at what it has not found clean before.
#[test]
fn cfn_lint_finds_nothing() {
    let (tools, templates) = &*TRANSFORMED;
    let folder = project_file("target/template");
    fs::create_dir_all(&folder).unwrap();
    let write = |set: Set| -> PathBuf {
        let mut template = templates[&set].clone();
        // SAM has used up the parameters of canaries.
        template["Metadata"]["cfn-lint"] = json!({ "config": { "ignore_checks": ["W2001"] } });
        let file = folder.join(format!("{set:?}.json"));
        fs::write(&file, serde_json::to_string_pretty(&template).unwrap()).unwrap();
        file
    };
    let written = Set::ALL.map(write);
    let mut inputs = Sha256::new();
    for file in written.iter().cloned().chain(["template.yaml", LISTED].map(project_file)) {
        inputs.update(fs::read(file).unwrap());
    }
    let (inputs, clean) = (HEXLOWER.encode(&inputs.finalize()), folder.join("clean"));
    if fs::read_to_string(&clean).is_ok_and(|before| before == inputs) {
        return;
    }
    let mut lint = tools.program("cfn-lint");
    lint.arg("template.yaml").args(written).current_dir(project_file(""));
    let output = lint.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    fs::write(clean, inputs).unwrap();
}

//! Code: each binary is built once, packed as it is, and deployed once.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use tests::template::project_file;

use super::{Fault, Found, Rule, Violation, properties, resource};
use crate::{
    plain::{Plain, binary_of, entries},
    sets::Set,
};

pub const RULES: &[Rule] = &[Rule {
    name: "each binary is a function, built by cargo lambda",
    finding: "D4",
    check: code,
    faults: &[
        Fault {
            name: "a function that sam build compiles",
            set: Set::Defaults,
            plant: |template| resource(template, "GetUser")["Metadata"]["BuildMethod"] = "rust-cargolambda".into(),
        },
        Fault {
            name: "a package of another folder",
            set: Set::Defaults,
            plant: |template| properties(template, "GetUser")["Code"]["S3Key"] = "functions/get-user".into(),
        },
        Fault {
            name: "a binary that is deployed twice",
            set: Set::Defaults,
            plant: |template| {
                template["Resources"]["GetUserAgain"] = template["Resources"]["GetUser"].clone();
                properties(template, "GetUserAgain")["Role"] = json!({ "Fn::GetAtt": ["UserRole", "Arn"] });
                template["Resources"]["UserRole"] = template["Resources"]["GetUserRole"].clone();
            },
        },
        Fault {
            name: "a function of another processor",
            set: Set::Defaults,
            plant: |template| properties(template, "GetUser")["Architectures"] = json!(["x86_64"]),
        },
        Fault {
            name: "a function of another runtime",
            set: Set::Defaults,
            plant: |template| properties(template, "GetUser")["Runtime"] = "provided.al2".into(),
        },
    ],
}];

fn code(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let binaries = binaries();
    let mut deployed = BTreeSet::new();
    // Also those that these parameters leave out.
    let all = entries(&plain.template["Resources"]).filter(|(_, whole)| whole["Type"] == "AWS::Lambda::Function");
    for (id, function) in all {
        let (binary, properties) = (binary_of(function), &function["Properties"]);
        let folder = format!("target/lambda/{binary}");
        found.require(properties["Code"]["S3Key"] == folder, id, "must be packed from its folder of target/lambda");
        found.require(function["Metadata"]["BuildMethod"].is_null(), id, "must not be built by SAM");
        found.require(
            properties["Architectures"] == json!([{ "Ref": "Architecture" }]),
            id,
            "must be for Architecture",
        );
        let runtime = (&properties["Runtime"], &properties["Handler"]);
        found.require(runtime == (&json!("provided.al2023"), &json!("bootstrap")), id, "must run on provided.al2023");
        found.require(binaries.contains(binary), id, format_args!("must have a binary: there is no {binary}"));
        found.require(deployed.insert(binary), id, format_args!("must be the only function of {binary}"));
    }
    for binary in &binaries {
        found.require(deployed.contains(binary.as_str()), binary, "must be a function");
    }
    found.0
}

/// The binaries of the package `functions`, by the names of their files.
fn binaries() -> BTreeSet<String> {
    let files = fs::read_dir(project_file("functions/src/bin")).unwrap();
    let name = |file: fs::DirEntry| file.path().file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|file| name(file.unwrap())).collect()
}

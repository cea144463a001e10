//! The quotas of CloudFormation:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.

use serde_json::json;

use super::{Fault, Found, Rule, Violation};
use crate::{
    plain::{Plain, entries},
    sets::Set,
};

pub const RULES: &[Rule] = &[Rule {
    name: "the template is within CloudFormation's quotas",
    finding: "D1",
    check: size,
    faults: &[
        Fault {
            name: "too many resources",
            set: Set::Everything,
            plant: |template| {
                for number in 0..200 {
                    template["Resources"][format!("GetUserVersion{number}")] = json!({
                        "Type": "AWS::Lambda::Version", "Properties": { "FunctionName": { "Ref": "GetUser" } },
                    });
                }
            },
        },
        Fault {
            name: "too many outputs",
            set: Set::Defaults,
            plant: |template| {
                for number in 0..200 {
                    template["Outputs"][format!("Output{number}")] = json!({ "Value": "text" });
                }
            },
        },
        Fault {
            name: "a text of a megabyte",
            set: Set::Defaults,
            plant: |template| template["Description"] = "x".repeat(1_000_000).into(),
        },
    ],
}];

/// The quota is 500. The rest is room for a hotfix that cannot wait for a second stack.
const RESOURCES: usize = 450;
const PARAMETERS: usize = 200;
const OUTPUTS: usize = 200;
/// In bytes, for a template in a bucket.
const BODY: usize = 1_000_000;

fn size(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (section, most) in [("Resources", RESOURCES), ("Parameters", PARAMETERS), ("Outputs", OUTPUTS)] {
        let number = entries(&plain.template[section]).count();
        found.require(number <= most, section, format_args!("may be {most} at most, and are {number}"));
    }
    let bytes = plain.template.to_string().len();
    found.require(bytes < BODY, "The template", format_args!("may have {BODY} bytes, and has {bytes}"));
    found.0
}

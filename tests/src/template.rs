//! `template.yaml` as the tests read it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The path of a file of the project.
pub fn project_file(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The template as JSON; `!Ref x` is `{"Ref": "x"}` and so on.
pub fn template() -> &'static Value {
    static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
        let text = std::fs::read_to_string(project_file("template.yaml")).expect("the template is there");
        plain(serde_yaml_ng::from_str(&text).expect("the template is YAML"))
    });
    &TEMPLATE
}

fn plain(value: Yaml) -> Value {
    match value {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: plain(tagged.value) })
        }
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (Yaml, Yaml)| (key.as_str().expect("a key is text").to_owned(), plain(value));
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
        Yaml::Sequence(values) => values.into_iter().map(plain).collect(),
        other => serde_json::to_value(other).expect("a scalar is JSON"),
    }
}

/// The name of the binary of a function of the template.
pub fn binary_of(function: &Value) -> &str {
    let code = function["Properties"]["CodeUri"].as_str().expect("a function has its code in a folder");
    code.rsplit('/').next().unwrap_or(code)
}

/// The request that creates the template's table.
pub fn create_table(name: &str) -> Value {
    let table = &template()["Resources"]["Table"]["Properties"];
    json!({
        "TableName": name,
        "BillingMode": table["BillingMode"],
        "AttributeDefinitions": table["AttributeDefinitions"],
        "KeySchema": table["KeySchema"],
        "GlobalSecondaryIndexes": table["GlobalSecondaryIndexes"],
        "StreamSpecification": {
            "StreamEnabled": true,
            "StreamViewType": table["StreamSpecification"]["StreamViewType"],
        },
    })
}

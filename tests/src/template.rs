//! `template.yaml` as the tests read it.

use std::{collections::BTreeMap, sync::LazyLock};

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

/// The template with values of its parameters. Parameters that are not given have their defaults.
#[derive(Debug)]
pub struct Deployment(BTreeMap<String, String>);

impl Deployment {
    pub fn with(given: &[(&str, &str)]) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let parameters = template()["Parameters"].as_object().expect("there are parameters").iter();
        let mut values: BTreeMap<_, _> =
            parameters.map(|(name, parameter)| (name.clone(), text(&parameter["Default"]))).collect();
        for (name, value) in given {
            assert!(values.insert((*name).to_owned(), (*value).to_owned()).is_some(), "there is no parameter {name}");
        }
        Self(values)
    }

    /// The resources of a type that exist, by name, with their properties.
    pub fn resources(&self, kind: &str) -> BTreeMap<&'static str, &'static Value> {
        let all = template()["Resources"].as_object().expect("there are resources").iter();
        let exists = |it: &Value| it["Condition"].as_str().is_none_or(|name| self.holds(name));
        let of_kind = all.filter(|(_, it)| it["Type"] == kind && exists(it));
        of_kind.map(|(name, it)| (name.as_str(), &it["Properties"])).collect()
    }

    /// Whether a condition holds.
    pub fn holds(&self, condition: &str) -> bool {
        self.is_so(&template()["Conditions"][condition])
    }

    fn is_so(&self, expression: &Value) -> bool {
        let (operator, operands) = expression.as_object().and_then(|it| it.iter().next()).expect("a condition");
        let many = || operands.as_array().expect("operands").iter();
        match operator.as_str() {
            "Fn::Condition" => self.holds(operands.as_str().expect("a condition's name")),
            "Fn::Equals" => {
                let sides: Vec<String> = many().map(|operand| self.value(operand)).collect();
                sides[0] == sides[1]
            }
            "Fn::Not" => !self.is_so(&operands[0]),
            "Fn::And" => many().all(|operand| self.is_so(operand)),
            "Fn::Or" => many().any(|operand| self.is_so(operand)),
            other => panic!("{other} is no operator of a condition"),
        }
    }

    fn value(&self, operand: &Value) -> String {
        match (operand["Ref"].as_str(), operand.as_str()) {
            (Some(parameter), _) => self.0[parameter].clone(),
            (None, Some(text)) => text.to_owned(),
            (None, None) => operand.to_string(),
        }
    }
}

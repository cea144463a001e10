//! The transformed template with values of its parameters: the resources that exist, and their properties.

use std::{collections::BTreeMap, ops::Index};

use serde_json::{Map, Value, json};

/// The values of pseudo parameters in texts. The name of the stack is the caller's.
const PSEUDO: [(&str, &str); 4] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "ap-northeast-2"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// The end of each physical name that CloudFormation generates.
const SUFFIX: &str = "1AB2C3D4E5F6";

/// The parameters, by name.
pub type Parameters = BTreeMap<String, String>;

/// The transformed template with values of its parameters.
#[derive(Debug)]
pub struct Plain {
    /// The template as SAM made it. Some rules do not depend on parameters.
    pub template: Value,
    pub parameters: Parameters,
    /// The outputs that exist.
    pub outputs: BTreeMap<String, Value>,
    resources: BTreeMap<String, Resource>,
}

/// A resource that exists. Its `Fn::If`s are decided, and its references have one notation (see [`settled`]).
#[derive(Debug)]
pub struct Resource {
    pub id: String,
    pub kind: String,
    /// The resource with its policies and dependencies.
    pub whole: Value,
}

impl Index<&str> for Resource {
    type Output = Value;

    /// A property, or null.
    fn index(&self, property: &str) -> &Value {
        &self.whole["Properties"][property]
    }
}

impl Plain {
    pub fn new(template: Value, given: &Parameters) -> Self {
        let mut parameters = Parameters::new();
        for (name, parameter) in entries(&template["Parameters"]) {
            let default = scalar(&parameter["Default"]).unwrap_or_default();
            parameters.insert(name.clone(), given.get(name).cloned().unwrap_or(default));
        }
        let conditions = Conditions { expressions: &template["Conditions"], parameters: &parameters };
        let existing = |section: &str| {
            let exists = |it: &Value| it["Condition"].as_str().is_none_or(|name| conditions.named(name));
            let all = entries(&template[section]).filter(|(_, it)| exists(it));
            all.filter_map(|(id, it)| Some((id.clone(), settled(it, &conditions)?))).collect::<BTreeMap<_, _>>()
        };
        let outputs = existing("Outputs");
        let resource = |(id, whole): (String, Value)| {
            let kind = whole["Type"].as_str().unwrap_or_default().to_owned();
            (id.clone(), Resource { id, kind, whole })
        };
        let resources = existing("Resources").into_iter().map(resource).collect();
        Self { template, parameters, outputs, resources }
    }

    /// The resources that exist.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    /// The resources of a type.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Resource> {
        self.resources().filter(move |resource| resource.kind == kind)
    }

    pub fn functions(&self) -> impl Iterator<Item = &Resource> {
        self.of("AWS::Lambda::Function")
    }

    /// The function with a binary.
    pub fn function(&self, binary: &str) -> Option<&Resource> {
        self.functions().find(|function| binary_of(&function.whole) == binary)
    }

    pub fn get(&self, id: &str) -> Option<&Resource> {
        self.resources.get(id)
    }

    /// The resource of a type that a reference names.
    pub fn named(&self, reference: &Value, kind: &str) -> Option<&Resource> {
        self.get(target(reference)?).filter(|resource| resource.kind == kind)
    }

    /// The function that a reference names, itself or by its alias.
    pub fn function_of(&self, reference: &Value) -> Option<&Resource> {
        let alias = self.named(reference, "AWS::Lambda::Alias");
        self.named(alias.map_or(reference, |alias| &alias["FunctionName"]), "AWS::Lambda::Function")
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Whether a parameter switches something on.
    pub fn asks_for(&self, parameter: &str) -> bool {
        !["", "0", "false"].contains(&self.parameter(parameter))
    }

    /// Whether a condition of the template's notation holds with other values of some parameters.
    pub fn holds_with(&self, expression: &Value, others: &[(&str, &str)]) -> bool {
        let mut parameters = self.parameters.clone();
        parameters.extend(others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Conditions { expressions: &self.template["Conditions"], parameters: &parameters }.holds(expression)
    }

    /// A value as CloudFormation writes it in a stack of this name. Physical names are like those that it generates.
    pub fn text(&self, value: &Value, stack: &str) -> Option<String> {
        if let Some(text) = scalar(value) {
            return Some(text);
        }
        match function(value)? {
            ("Ref", name) => self.name(name.as_str()?, stack),
            ("Fn::GetAtt", parts) => self.name(parts[0].as_str()?, stack),
            ("Fn::Sub", text) => {
                let mut written = String::new();
                for part in parts(text.as_str()?) {
                    match part {
                        Part::Text(text) => written.push_str(text),
                        Part::Reference(name) => written.push_str(&self.name(name.split('.').next()?, stack)?),
                    }
                }
                Some(written)
            }
            _ => None,
        }
    }

    /// The texts of a list, also of one that is split from a text.
    pub fn texts(&self, list: &Value, stack: &str) -> Vec<String> {
        if let Some(("Fn::Split", arguments)) = function(list) {
            let text = self.text(&arguments[1], stack).unwrap_or_default();
            return text.split(arguments[0].as_str().unwrap_or(",")).map(str::to_owned).collect();
        }
        many(list).into_iter().filter_map(|value| self.text(value, stack)).collect()
    }

    fn name(&self, id: &str, stack: &str) -> Option<String> {
        let pseudo = PSEUDO.iter().find(|(name, _)| *name == id).map(|(_, value)| (*value).to_owned());
        let own = || (id == "AWS::StackName").then(|| stack.to_owned());
        let resource = || self.get(id).map(|_| format!("{stack}-{id}-{SUFFIX}"));
        pseudo.or_else(own).or_else(|| self.parameters.get(id).cloned()).or_else(resource)
    }
}

/// The name of a function's binary: the last segment of its package's key, which is the template's `CodeUri`.
pub fn binary_of(function: &Value) -> &str {
    let key = function["Properties"]["Code"]["S3Key"].as_str().unwrap_or_default();
    key.rsplit('/').next().unwrap_or(key)
}

/// Conditions under values of the parameters.
struct Conditions<'t> {
    expressions: &'t Value,
    parameters: &'t Parameters,
}

impl Conditions<'_> {
    /// Whether a condition holds. One that is not declared does not: the rule on dangling references reports it.
    fn named(&self, name: &str) -> bool {
        self.holds(&self.expressions[name])
    }

    fn holds(&self, expression: &Value) -> bool {
        let Some((operator, operands)) = function(expression) else { return false };
        match operator {
            "Condition" => operands.as_str().is_some_and(|name| self.named(name)),
            "Fn::Equals" => self.operand(&operands[0]) == self.operand(&operands[1]),
            "Fn::Not" => !self.holds(&operands[0]),
            "Fn::And" => many(operands).into_iter().all(|operand| self.holds(operand)),
            "Fn::Or" => many(operands).into_iter().any(|operand| self.holds(operand)),
            _ => false,
        }
    }

    fn operand(&self, operand: &Value) -> Option<String> {
        match function(operand) {
            Some(("Ref", name)) => self.parameters.get(name.as_str()?).cloned(),
            _ => scalar(operand),
        }
    }
}

/// A value with its `Fn::If`s decided. References get one notation: `Fn::GetAtt` is a list of two, `Fn::Sub` and
/// `Fn::Join` a text with placeholders, or the one reference that it consists of. `None` stands for `AWS::NoValue`.
fn settled(value: &Value, conditions: &Conditions) -> Option<Value> {
    match function(value) {
        Some(("Fn::If", arguments)) => {
            let is_so = arguments[0].as_str().is_some_and(|name| conditions.named(name));
            return settled(&arguments[if is_so { 1 } else { 2 }], conditions);
        }
        Some(("Ref", name)) if name == "AWS::NoValue" => return None,
        Some(("Fn::GetAtt", Value::String(path))) => {
            let (id, attribute) = path.split_once('.')?;
            return Some(attribute_of(id, attribute));
        }
        Some(("Fn::Sub", Value::String(text))) => return Some(as_reference(text)),
        Some(("Fn::Sub", Value::Array(arguments))) => {
            let mut text = arguments.first()?.as_str()?.to_owned();
            for (name, value) in entries(arguments.get(1)?) {
                let value = settled(value, conditions)?;
                text = text.replace(&format!("${{{name}}}"), &placeholder(&value)?);
            }
            return Some(as_reference(&text));
        }
        Some(("Fn::Join", arguments)) => {
            let items = many(&arguments[1]).into_iter().filter_map(|item| settled(item, conditions));
            let items: Option<Vec<String>> = items.map(|item| placeholder(&item)).collect();
            return Some(as_reference(&items?.join(arguments[0].as_str()?)));
        }
        _ => {}
    }
    Some(match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| Some((name.clone(), settled(value, conditions)?));
            Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().filter_map(|value| settled(value, conditions)).collect(),
        other => other.clone(),
    })
}

/// A settled value as a part of a `Fn::Sub`.
fn placeholder(value: &Value) -> Option<String> {
    match function(value) {
        Some(("Ref", id)) => Some(format!("${{{}}}", id.as_str()?)),
        Some(("Fn::GetAtt", parts)) => Some(format!("${{{}.{}}}", parts[0].as_str()?, parts[1].as_str()?)),
        Some(("Fn::Sub", text)) => text.as_str().map(str::to_owned),
        _ => scalar(value),
    }
}

/// The text of a `Fn::Sub` in the shortest notation.
fn as_reference(text: &str) -> Value {
    match parts(text)[..] {
        [Part::Reference(name)] => match name.split_once('.') {
            Some((id, attribute)) => attribute_of(id, attribute),
            None => json!({ "Ref": name }),
        },
        _ => json!({ "Fn::Sub": text }),
    }
}

/// A part of the text of a `Fn::Sub`.
enum Part<'t> {
    Text(&'t str),
    Reference(&'t str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        // `${!name}` is written as `${name}`.
        parts.push(name.strip_prefix('!').map_or(Part::Reference(name), Part::Text));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The resources, parameters and pseudo parameters that a settled value refers to.
pub fn references(value: &Value) -> Vec<String> {
    match function(value) {
        Some(("Ref", id)) => return id.as_str().map(str::to_owned).into_iter().collect(),
        Some(("Fn::GetAtt", parts)) => return parts[0].as_str().map(str::to_owned).into_iter().collect(),
        Some(("Fn::Sub", text)) => {
            let reference = |part| match part {
                Part::Reference(name) => name.split('.').next().map(str::to_owned),
                Part::Text(_) => None,
            };
            return parts(text.as_str().unwrap_or_default()).into_iter().filter_map(reference).collect();
        }
        _ => {}
    }
    match value {
        Value::Object(fields) => fields.values().flat_map(references).collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The resource or parameter that a settled reference names.
pub fn target(reference: &Value) -> Option<&str> {
    match function(reference)? {
        ("Ref", id) => id.as_str(),
        ("Fn::GetAtt", parts) => parts[0].as_str(),
        _ => None,
    }
}

/// A reference to a resource or a parameter.
pub fn reference_to(id: &str) -> Value {
    json!({ "Ref": id })
}

/// A reference to a resource's attribute.
pub fn attribute_of(id: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [id, attribute] })
}

pub fn arn_of(id: &str) -> Value {
    attribute_of(id, "Arn")
}

/// The name and the arguments of an intrinsic function.
pub fn function(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, arguments) = fields.iter().next()?;
    let is_function = ["Ref", "Condition"].contains(&name.as_str()) || name.starts_with("Fn::");
    is_function.then_some((name.as_str(), arguments))
}

/// The fields of an object, or none.
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The values of a list, or the one value that stands for a list.
pub fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}

/// A scalar as CloudFormation compares it.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}

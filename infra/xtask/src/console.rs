//! `cargo xtask console`: the files of the console, for a deployed shop.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use clap::Args;
use local_stack::{copy_folder, repository};
use serde_json::{Value, json};

use crate::{failure::Failure, run, token::user_pools};

#[derive(Args)]
pub(crate) struct Options {
    /// The name of the stack, deployed with `Console=true`
    #[arg(long, default_value = "jangteo")]
    stack: String,

    /// The region of the stack; without it the AWS CLI's own
    #[arg(long)]
    region: Option<String>,
}

/// Where the page is, from the root of the repository.
const SOURCE: &str = "infra/local-stack/console";

/// The folder of all files but the page itself, as the page names them.
const FOLDER: &str = "_dev/console";

/// The file that names the shop.
const CONFIG: &str = "config.js";

/// Uploads the page by the AWS CLI, with whose credentials the stack was deployed.
///
/// Run twice, the second run finds nothing to upload. Stopped half-way, it leaves files of two versions; the next run
/// completes them. Nothing else than the bucket of the console is written.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let stack = Stack::of(&described(options)?)?;
    let folder = repository().join("target/console");
    assemble(&folder, &stack.config())?;
    let mut sync = aws(options);
    // Browsers and CloudFront ask again each time, so no file is older than another for long.
    sync.args(["s3", "sync", "--delete", "--cache-control", "no-cache"]);
    sync.arg(&folder).arg(format!("s3://{}", stack.output("ConsoleBucketName")?));
    run::check(sync).await?;
    let url = stack.output("ConsoleUrl")?;
    println!("the console is at {url}");
    let origins = stack.parameters.get("CorsOrigins").map(String::as_str).unwrap_or_default();
    if !origins.split(',').any(|origin| origin == url) {
        println!("the API does not admit it yet: deploy again, with {url} among the CorsOrigins");
    }
    Ok(())
}

fn aws(options: &Options) -> Command {
    let mut command = Command::new("aws");
    command.args(options.region.iter().flat_map(|region| ["--region", region.as_str()]));
    command
}

/// The stack as CloudFormation describes it.
fn described(options: &Options) -> Result<Value, Failure> {
    let mut command = aws(options);
    command.args(["cloudformation", "describe-stacks", "--output", "json", "--stack-name", &options.stack]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(Failure::AwsCli)?;
    if !output.status.success() {
        return Err(Failure::Check("aws cloudformation describe-stacks".to_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// Writes the files as they are uploaded into an empty folder.
fn assemble(folder: &Path, config: &str) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let source = repository().join(SOURCE);
    copy_folder(&source, &folder.join(FOLDER))?;
    fs::rename(folder.join(FOLDER).join("index.html"), folder.join("index.html"))?;
    fs::write(folder.join(FOLDER).join(CONFIG), config)?;
    Ok(())
}

/// The parts of a stack that the page is told, and nothing secret among them.
struct Stack {
    region: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    fn of(described: &Value) -> Result<Self, Failure> {
        let stack = described.pointer("/Stacks/0").ok_or(Failure::NoConsole("Stacks"))?;
        let pairs = |list: &str, name: &str, value: &str| {
            let items = stack.get(list).and_then(Value::as_array).into_iter().flatten();
            let pair =
                |item: &Value| Some((item.get(name)?.as_str()?.to_owned(), item.get(value)?.as_str()?.to_owned()));
            items.filter_map(pair).collect()
        };
        // arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        let region = stack.get("StackId").and_then(Value::as_str).and_then(|arn| arn.split(':').nth(3));
        Ok(Self {
            region: region.ok_or(Failure::NoConsole("StackId"))?.to_owned(),
            outputs: pairs("Outputs", "OutputKey", "OutputValue"),
            parameters: pairs("Parameters", "ParameterKey", "ParameterValue"),
        })
    }

    fn output(&self, name: &'static str) -> Result<&str, Failure> {
        self.outputs.get(name).map(String::as_str).ok_or(Failure::NoConsole(name))
    }

    fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The module that names the shop. Only JSON of CloudFormation's own values gets into it.
    fn config(&self) -> String {
        let domain = Some(self.parameter("DomainName")).filter(|_| !self.parameter("CertificateArn").is_empty());
        let api = domain.map(|domain| format!("https://{domain}"));
        let api = api.or_else(|| self.outputs.get("ApiUrl").cloned()).unwrap_or_default();
        let client = self.outputs.get("UserPoolClientId");
        let pool = client.map(|client| json!({ "endpoint": user_pools(&self.region), "client": client }));
        let role = |name: &str, default: &str| {
            Some(self.parameter(name)).filter(|it| !it.is_empty()).unwrap_or(default).to_owned()
        };
        let config = json!({
            "api": api,
            "isLocal": false,
            "signIn": pool,
            "roles": {
                "claim": role("GroupsClaim", "cognito:groups"),
                "admin": role("AdminGroup", "admin"),
                "seller": role("SellerGroup", "seller"),
            },
        });
        format!("export const config = {config:#};\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(outputs: &Value, parameters: &Value) -> Value {
        let pairs = |values: &Value, name: &str, value: &str| {
            let pair = |(key, text): (&String, &Value)| json!({ name: key, value: text });
            values.as_object().unwrap().iter().map(pair).collect::<Vec<_>>()
        };
        json!({ "Stacks": [{
            "StackId": "arn:aws:cloudformation:ap-northeast-2:123456789012:stack/jangteo/1",
            "Outputs": pairs(outputs, "OutputKey", "OutputValue"),
            "Parameters": pairs(parameters, "ParameterKey", "ParameterValue"),
        }] })
    }

    fn config(outputs: &Value, parameters: &Value) -> Value {
        let text = Stack::of(&described(outputs, parameters)).unwrap().config();
        serde_json::from_str(text.strip_prefix("export const config = ").unwrap().trim_end_matches(";\n")).unwrap()
    }

    #[test]
    fn the_page_is_told_the_addresses_and_the_groups() {
        let outputs =
            json!({ "ApiUrl": "https://a.execute-api.ap-northeast-2.amazonaws.com", "UserPoolClientId": "c1" });
        let told = config(&outputs, &json!({ "AdminGroup": "bosses", "DomainName": "", "CertificateArn": "" }));
        assert_eq!(told["api"], outputs["ApiUrl"]);
        assert_eq!(told["signIn"]["client"], "c1");
        assert_eq!(told["roles"], json!({ "claim": "cognito:groups", "admin": "bosses", "seller": "seller" }));
        assert_eq!(told["isLocal"], false);
    }

    #[test]
    fn a_shop_with_its_own_domain_and_issuer_is_called_there_with_a_token() {
        let parameters = json!({ "DomainName": "api.shop.example", "CertificateArn": "arn:aws:acm:x" });
        let told = config(&json!({ "ApiUrl": "https://a.example" }), &parameters);
        assert_eq!(told["api"], "https://api.shop.example");
        assert_eq!(told["signIn"], Value::Null);
    }

    #[test]
    fn a_stack_without_a_console_is_refused() {
        let stack = Stack::of(&described(&json!({ "ApiUrl": "https://a.example" }), &json!({}))).unwrap();
        assert!(stack.output("ConsoleBucketName").unwrap_err().to_string().contains("Console=true"));
        assert!(Stack::of(&Value::Null).is_err());
    }

    /// The folder holds all files of the page, and the module that names the shop instead of that of the local stack.
    #[test]
    fn the_folder_is_the_page() {
        let folder = repository().join("target/console-of-test");
        assemble(&folder, "export const config = {};\n").unwrap();
        assemble(&folder, "export const config = {};\n").unwrap();
        for file in
            ["index.html", "_dev/console/main.js", "_dev/console/views/sign-in.js", "_dev/console/vendor/lit-html.js"]
        {
            assert!(folder.join(file).is_file(), "{file}");
        }
        let config = fs::read_to_string(folder.join("_dev/console/config.js")).unwrap();
        assert_eq!(config, "export const config = {};\n");
        fs::remove_dir_all(folder).unwrap();
    }
}

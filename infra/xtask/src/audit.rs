use std::{collections::BTreeMap, fs, process::Command};

use local_stack::Config;

use crate::{failure::Failure, run};

/// The arguments that name a source to read, or need none.
const NAMES_A_SOURCE: [&str; 4] = ["--table", "--export", "--help", "-h"];

/// Audits the table that the arguments name, or else the table of the shop that runs here.
pub(crate) async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    read_table("audit-cli", "audit", arguments).await
}

/// Reconciles a statement with the table that the arguments name, or else with the table of the shop that runs here.
pub(crate) async fn reconcile(arguments: Vec<String>) -> Result<(), Failure> {
    read_table("reconcile", "reconcile", arguments).await
}

/// Runs a tool that reads a whole table or an export.
async fn read_table(package: &str, name: &str, mut arguments: Vec<String>) -> Result<(), Failure> {
    let names_source = |argument: &String| NAMES_A_SOURCE.contains(&argument.split('=').next().unwrap_or_default());
    let mut environment = BTreeMap::new();
    if !arguments.iter().any(names_source) {
        environment = shop_environment()?;
        let table = environment.get("TABLE_NAME").ok_or(Failure::NoShop)?.clone();
        arguments.extend(["--table".to_owned(), table]);
    }
    if arguments.iter().any(|argument| argument == "--export") {
        return run::check(optimised(package, name, &arguments)).await;
    }
    run::binary(package, name, &arguments, environment).await
}

/// A binary of such a tool, optimised for large inputs.
pub(crate) fn optimised(package: &str, name: &str, arguments: &[String]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--profile", "tools", "--package", package, "--bin", name, "--"]).args(arguments);
    cargo
}

/// The environment of the shop that runs here, from its file.
pub(crate) fn shop_environment() -> Result<BTreeMap<String, String>, Failure> {
    let lines = fs::read_to_string(Config::dev().environment_file()).map_err(|_| Failure::NoShop)?;
    let variables = lines.lines().filter_map(|line| line.split_once('='));
    Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

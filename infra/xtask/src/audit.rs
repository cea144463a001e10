use std::{collections::BTreeMap, fs};

use local_stack::Config;

use crate::{failure::Failure, run};

/// Audits the table that the arguments name, or without any the one of the shop that runs here.
pub(crate) async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    if !arguments.is_empty() {
        return run::binary("audit", &arguments, []).await;
    }
    let environment = shop_environment()?;
    let table = environment.get("TABLE_NAME").ok_or(Failure::NoShop)?.clone();
    run::binary("audit", &["--table".to_owned(), table], environment).await
}

/// What the shop that runs here has written down of itself.
pub(crate) fn shop_environment() -> Result<BTreeMap<String, String>, Failure> {
    let lines = fs::read_to_string(Config::dev().environment_file()).map_err(|_| Failure::NoShop)?;
    let variables = lines.lines().filter_map(|line| line.split_once('='));
    Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

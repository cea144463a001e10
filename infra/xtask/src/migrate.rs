use std::collections::BTreeMap;

use crate::{audit::shop_environment, failure::Failure, run};

/// Arguments that name a table, or need none.
const NAMES_A_TABLE: [&str; 3] = ["--table", "--help", "-h"];

/// Migrates the table that the arguments name, or else the table of the shop that runs here.
pub(crate) async fn run(mut arguments: Vec<String>) -> Result<(), Failure> {
    let names_table = |argument: &String| NAMES_A_TABLE.contains(&argument.split('=').next().unwrap_or_default());
    let mut environment = BTreeMap::new();
    if !arguments.iter().any(names_table) {
        environment = shop_environment()?;
        let table = environment.get("TABLE_NAME").ok_or(Failure::NoShop)?.clone();
        arguments.extend(["--table".to_owned(), table]);
    }
    run::binary("migrate", "migrate", &arguments, environment).await
}

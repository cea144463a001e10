use std::{env, process::Command};

use local_stack::{Steps, Tools, repository};

use crate::{failure::Failure, run};
use run::check;

/// Runs all checks, those that say most in the shortest time first.
pub(crate) async fn run() -> Result<(), Failure> {
    let steps = Steps::shown();
    local_stack::ensure_machine_ready()?;

    steps.begin("formatting");
    check(cargo(&["fmt", "--all", "--check"])).await?;

    steps.begin("lints");
    check(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])).await?;

    steps.begin("unit and in-process tests");
    check(cargo(&["test", "--workspace"])).await?;

    steps.begin("a thousand simulated runs");
    run::binary("tests", "simulate", &["--seeds".to_owned(), "1000".to_owned()], []).await?;

    let tools = Tools::set_up(steps).await?;
    steps.begin("the template's lint");
    let mut lint = tools.program("cfn-lint");
    lint.arg("template.yaml").current_dir(repository());
    check(lint).await?;

    steps.begin("end-to-end tests");
    // The whole workspace is selected, though one crate has the test: a part would be compiled anew, with other
    // features.
    check(cargo(&["test", "--workspace", "--test", "e2e"])).await?;

    steps.begin("all is well");
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(repository());
    command
}

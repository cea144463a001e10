use std::{env, fs, io, process::Command};

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
    // Not among all targets, since `cargo test` leaves them out.
    let by_name = ["--test", "e2e", "--test", "template"];
    check(cargo(&[&["clippy", "--workspace"], &by_name[..], &["--", "--deny", "warnings"]].concat())).await?;

    steps.begin("unit and in-process tests");
    forget_recorded()?;
    check(cargo(&["test", "--workspace"])).await?;

    Tools::set_up(steps).await?;
    // The whole workspace is selected, though one crate has the tests: a part would be compiled anew, with other features.
    steps.begin("building what is left");
    check(cargo(&[&["test", "--workspace", "--no-run"], &by_name[..]].concat())).await?;
    steps.begin("end-to-end tests; beside them the template's checks and fifty simulated runs");
    // The rest takes the time that end-to-end tests leave: little on two cores. Tests with faults do not: in their races a
    // request runs out of time where it gets little of the machine.
    let beside = async {
        run::check_aside(cargo(&["test", "--workspace", "--test", "template"])).await?;
        // Ten thousand run at night.
        let mut simulate = run::built("suites", "simulate").await?;
        simulate.args(["--seeds", "50"]);
        run::check_aside(simulate).await
    };
    // One test waits for its turn while four stacks run.
    let end_to_end = ["test", "--workspace", "--test", "e2e", "--", "--test-threads", "5"];
    tokio::try_join!(check(cargo(&end_to_end)), beside)?;

    // The simulated runs use some of them, too.
    steps.begin("permissions that the functions do not use");
    run::binary("suites", "permissions", &[], []).await?;

    steps.begin("all is well");
    Ok(())
}

/// Deletes what earlier tests recorded: the uses of permissions, and requests to DynamoDB.
fn forget_recorded() -> Result<(), Failure> {
    for folder in ["target/permissions", "target/second-opinion"] {
        match fs::remove_dir_all(repository().join(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(repository());
    command
}

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use local_stack::{Task, build};

use crate::failure::Failure;

/// Builds a package and runs one of its binaries to its end, with additions to its environment.
pub(crate) async fn binary(
    package: &str,
    name: &str,
    arguments: &[String],
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Failure> {
    let mut command = built(package, name).await?;
    command.args(arguments).envs(environment);
    check(command).await
}

/// Builds a package, and returns the command of one of its binaries.
pub(crate) async fn built(package: &str, name: &str) -> Result<Command, Failure> {
    let binaries = build(&[package]).await?;
    let path = binaries.path(name).ok_or_else(|| Failure::NoSuchBinary(name.to_owned()))?;
    Ok(Command::new(path))
}

/// Runs a command to its end, its output passed through. It must succeed.
pub(crate) async fn check(mut command: Command) -> Result<(), Failure> {
    let shown = shown(&command);
    let status = Task::start({
        command.stdin(Stdio::null());
        command
    })?;
    if status.status().await?.success() { Ok(()) } else { Err(Failure::Check(shown)) }
}

/// Runs a command to its end in the time that other processes leave. It must succeed. Its output is shown once it has ended,
/// in one piece, since others show theirs meanwhile.
pub(crate) async fn check_aside(command: Command) -> Result<(), Failure> {
    let mut yielding = Command::new("nice");
    yielding.args(["-n", "19"]).arg(command.get_program()).args(command.get_args());
    yielding.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        yielding.current_dir(folder);
    }
    yielding.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = Task::start(yielding)?.output().await?;
    eprint!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    if output.status.success() { Ok(()) } else { Err(Failure::Check(shown(&command))) }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

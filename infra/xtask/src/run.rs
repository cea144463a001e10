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
    let binaries = build(&[package]).await?;
    let path = binaries.path(name).ok_or_else(|| Failure::NoSuchBinary(name.to_owned()))?;
    let mut command = Command::new(path);
    command.args(arguments).envs(environment);
    check(command).await
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

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

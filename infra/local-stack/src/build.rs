use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use build_functions::{ALL_FUNCTIONS, cargo, repository};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::OnceCell,
};

use crate::{
    Task,
    error::{Context as _, Error, Result},
};

/// The package of the functions.
pub const FUNCTIONS: &str = "functions";

/// The program of all functions, built at most once in this process.
///
/// # Errors
/// If something does not compile.
pub async fn functions() -> Result<&'static Binaries> {
    static BUILT: OnceCell<Binaries> = OnceCell::const_new();
    BUILT.get_or_try_init(|| build(&[ALL_FUNCTIONS])).await
}

/// Builds all binaries of these packages; cargo shows its progress on standard error.
///
/// xtask is always among them: it has the features of all dependencies (`infra/features`), so that no selection of packages
/// compiles a dependency again.
///
/// # Errors
/// If something does not compile.
pub async fn build(packages: &[&str]) -> Result<Binaries> {
    build_with(packages, &["--bins"]).await
}

/// Builds packages with these arguments of `cargo build`, say another profile.
///
/// # Errors
/// If something does not compile.
pub async fn build_with(packages: &[&str], arguments: &[&str]) -> Result<Binaries> {
    run_cargo(&[&["xtask"], packages].concat(), arguments).await
}

/// Builds packages with no other features than they ask for, as a deployment does.
///
/// # Errors
/// If something does not compile.
pub async fn build_deployed(packages: &[&str], arguments: &[&str]) -> Result<Binaries> {
    run_cargo(packages, arguments).await
}

async fn run_cargo(packages: &[&str], arguments: &[&str]) -> Result<Binaries> {
    let mut command = Command::new(cargo::program());
    command
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(arguments)
        .current_dir(repository())
        .env_clear()
        .envs(cargo::environment())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut task = Task::start(command).context("run cargo")?;

    let mut built = Vec::new();
    if let Some(output) = task.child().stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await.context("read what cargo says")? {
            built.extend(serde_json::from_str(&line).ok().and_then(Artifact::binary));
        }
    }
    if task.status().await.context("run cargo")?.success() { Ok(Binaries(built)) } else { Err(Error::BuildFailed) }
}

#[derive(Debug)]
pub struct Binaries(Vec<Binary>);

#[derive(Debug)]
struct Binary {
    name: String,
    path: PathBuf,
}

impl Binaries {
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.0.iter().find(|binary| binary.name == name).map(|binary| binary.path.as_path())
    }
}

/// A message of cargo about a built artifact. Cargo prints one message a line.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Artifact {
    fn binary(self) -> Option<Binary> {
        Some(Binary { name: self.target.name, path: self.executable? })
    }
}

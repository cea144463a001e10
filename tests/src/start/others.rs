//! The same read in Node with the AWS SDK for JavaScript, and in Python with boto3.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use local_stack::Task;

use super::{Error, Program};
use crate::template::project_file;

/// The function that they stand beside.
const FUNCTION: &str = "get-balance";

/// The packages, pinned; their dependencies are not.
const NODE_SDK: &str = "@aws-sdk/client-dynamodb@3.1169.0";
const PYTHON_SDK: &str = "boto3==1.44.8";

/// The programs whose packages can be installed, and a line for each other one.
pub(super) async fn installed() -> (Vec<Program>, Vec<String>) {
    let (mut programs, mut skipped) = (Vec::new(), Vec::new());
    for (name, program) in [("node", node().await), ("python", python().await)] {
        match program {
            Ok(program) => programs.push(program),
            Err(error) => skipped.push(format!("{FUNCTION} in {name} is not measured: {error}")),
        }
    }
    (programs, skipped)
}

async fn node() -> Result<Program, Error> {
    let package = folder("node")?;
    let source = package.join("get-balance.mjs");
    fs::copy(project_file("tests/start/get-balance.mjs"), &source)?;
    if !package.join("node_modules/@aws-sdk/client-dynamodb").exists() {
        let options = ["install", "--silent", "--no-audit", "--no-fund", NODE_SDK, "--prefix"];
        succeed(Command::new("npm").args(options).arg(&package)).await?;
    }
    Ok(program("node", vec![found("node")?, source], package))
}

async fn python() -> Result<Program, Error> {
    let package = folder("python")?;
    let source = package.join("get_balance.py");
    fs::copy(project_file("tests/start/get_balance.py"), &source)?;
    if !package.join("boto3").exists() {
        let options = ["-m", "pip", "install", "--quiet", PYTHON_SDK, "--target"];
        succeed(Command::new("python3").args(options).arg(&package)).await?;
    }
    // Not a shell script on the path that chooses among versions: its time would count.
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output()?;
    let executable = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    Ok(program("python", vec![executable, source], package))
}

fn program(language: &str, command: Vec<PathBuf>, package: PathBuf) -> Program {
    Program { name: format!("{FUNCTION} in {language}"), command, package, serves: FUNCTION.to_owned() }
}

fn folder(language: &str) -> Result<PathBuf, Error> {
    let folder = project_file(".local/bench-start").join(language);
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// The program on the path.
fn found(name: &str) -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    folders
        .find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
        .ok_or_else(|| format!("no {name}").into())
}

async fn succeed(command: &mut Command) -> Result<(), Error> {
    let shown = Path::new(command.get_program()).display().to_string();
    let mut quiet = Command::new(command.get_program());
    quiet.args(command.get_args()).stdin(Stdio::null());
    if Task::start(quiet)?.status().await?.success() { Ok(()) } else { Err(format!("{shown} fails").into()) }
}

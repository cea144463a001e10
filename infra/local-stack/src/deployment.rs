use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::UNIX_EPOCH,
};

use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::{
    Task, Tools,
    config::repository,
    emulator::{REGION, SYSTEM_PATH},
    error::{Context as _, Error, Result},
};

/// The name under which the template is deployed.
pub(crate) const STACK: &str = "jangteo";

/// What was deployed, as `scripts/deploy.py` reports it.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployment {
    /// The id of the HTTP API.
    pub(crate) api: Option<String>,
    /// The stack's outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Which function serves which route (`GET /orders`, or `$default`).
    pub(crate) routes: BTreeMap<String, String>,
    /// The functions by the names of their crates.
    pub(crate) functions: BTreeMap<String, Function>,
}

/// A deployed function.
#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    /// Its name in the stack.
    pub(crate) name: String,
    /// Its environment, all references resolved.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Deployment {
    /// The environments of the functions of the API in one, for what runs them together. Those behind queues and streams
    /// run in the emulator, each with its own.
    pub(crate) fn environment(&self) -> Result<BTreeMap<&str, &str>> {
        let mut united = BTreeMap::new();
        let of_api = self.routes.values().filter_map(|function| self.functions.get(function));
        for (name, value) in of_api.flat_map(|function| &function.environment) {
            if united.insert(name.as_str(), value.as_str()).is_some_and(|other| other != value) {
                return Err(Error::DeploymentFailed(format!(
                    "{name} differs between functions, and `cargo lambda watch` gives all of them the same"
                )));
            }
        }
        Ok(united)
    }

    /// An output that the stack itself goes by.
    pub(crate) fn output(&self, name: &str) -> Result<&str> {
        let output = self.outputs.get(name).map(String::as_str);
        output.ok_or_else(|| Error::DeploymentFailed(format!("it has no output {name}")))
    }
}

/// Deploys `template.yaml` to the emulator at `endpoint`.
pub(crate) async fn deploy(
    tools: &Tools,
    endpoint: &str,
    parameters: &BTreeMap<String, String>,
    kept: &Kept,
) -> Result<Deployment> {
    let request = json!({
        "endpoint": endpoint,
        "region": REGION,
        "stack": STACK,
        "template": repository().join("template.yaml"),
        "parameters": parameters,
        "functions": kept.binaries,
    });

    let mut command = tools.script("deploy.py");
    // Neither the developer's AWS profiles nor proxies concern it.
    command.env_clear().env("PATH", SYSTEM_PATH);
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut script = Task::start(command).context("run deploy.py")?;
    if let Some(mut input) = script.child().stdin.take() {
        input.write_all(request.to_string().as_bytes()).await.context("run deploy.py")?;
    }
    let output = script.output().await.context("run deploy.py")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let reason = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("deploy.py gave no reason");
        return Err(Error::DeploymentFailed(reason.to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Error::DeploymentFailed(error.to_string()))
}

/// The functions' binaries as they were built, under names of their own for as long as this value lives, so that a
/// later build leaves alone what is deployed.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
}

impl Kept {
    /// Keeps the binaries in the folder, and nothing else in it.
    pub(crate) fn new(binaries: BTreeMap<String, PathBuf>, folder: PathBuf) -> Result<Self> {
        let mut kept = Self { folder, binaries };
        kept.clear().context(format_args!("empty {}", kept.folder.display()))?;
        for (name, binary) in &mut kept.binaries {
            let copy = keep(binary, &kept.folder.join(name)).context(format_args!("keep {}", binary.display()))?;
            *binary = copy;
        }
        Ok(kept)
    }

    fn clear(&self) -> io::Result<()> {
        if self.folder.exists() { fs::remove_dir_all(&self.folder) } else { Ok(()) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Together they are a gigabyte once the next build has replaced the originals.
        let _ = self.clear();
    }
}

/// Keeps a binary in the folder and returns where: the name tells one build from another.
///
/// A hard link takes no time and no space, and cargo does not write into an existing binary but replaces it.
fn keep(binary: &Path, folder: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(binary)?;
    let built = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let copy = folder.join(format!("{:x}-{:x}", built.as_nanos(), metadata.len()));
    fs::create_dir_all(folder)?;
    fs::hard_link(binary, &copy).or_else(|_| fs::copy(binary, &copy).map(drop))?;
    Ok(copy)
}

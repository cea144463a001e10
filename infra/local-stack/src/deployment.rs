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

/// The result of a deployment, as `scripts/deploy.py` reports it.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) api: Option<String>,
    pub(crate) outputs: BTreeMap<String, String>,
    /// The function of each route (`GET /orders`, or `$default`).
    pub(crate) routes: BTreeMap<String, String>,
    /// The functions, by the names of their crates.
    pub(crate) functions: BTreeMap<String, Function>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Function {
    /// Its name in the stack.
    pub(crate) name: String,
    /// Its environment, with all references resolved.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Deployment {
    /// The environments of the API's functions merged into one, for a process that runs them together. Functions of
    /// queues and streams run in the emulator, each with its own.
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

    /// An output that the stack itself depends on.
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
    // The developer's AWS profiles and proxies must not affect it.
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

/// The functions' binaries under names of their own, for as long as this value lives. A later build does not
/// change them.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
}

impl Kept {
    /// Keeps the binaries in the folder, and deletes everything else in it.
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
        // Together they take a gigabyte once the next build has replaced the originals.
        let _ = self.clear();
    }
}

/// Keeps a binary in the folder and returns its path: the name differs for each build.
///
/// A hard link takes no time and no space, and cargo replaces an existing binary instead of writing into it.
fn keep(binary: &Path, folder: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(binary)?;
    let built = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let copy = folder.join(format!("{:x}-{:x}", built.as_nanos(), metadata.len()));
    fs::create_dir_all(folder)?;
    fs::hard_link(binary, &copy).or_else(|_| fs::copy(binary, &copy).map(drop))?;
    Ok(copy)
}

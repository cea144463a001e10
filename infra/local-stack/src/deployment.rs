use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use build_functions::{function_names, repository};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Tools,
    emulator::REGION,
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

/// Deploys `template.yaml` to the emulator at `endpoint`, under the name `stack`.
pub(crate) async fn deploy(
    tools: &Tools,
    endpoint: &str,
    stack: &str,
    parameters: &BTreeMap<String, String>,
    without: Option<&(String, String)>,
    kept: &Kept,
) -> Result<Deployment> {
    let request = json!({
        "endpoint": endpoint,
        "region": REGION,
        "stack": stack,
        "template": repository().join("template.yaml"),
        "parameters": parameters,
        "program": kept.program,
        "functions": function_names().context("list the functions")?,
        "without": without,
    });
    tools.ask("deploy.py", &request, Error::DeploymentFailed).await
}

/// The program of all functions under a name of its own, for as long as this value lives. A later build does not change
/// it.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    program: PathBuf,
}

impl Kept {
    /// Keeps the program in the folder, and deletes everything else in it.
    pub(crate) fn new(program: &Path, folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).context(format_args!("empty {}", folder.display()))?;
        }
        let copy = keep(program, &folder).context(format_args!("keep {}", program.display()))?;
        Ok(Self { folder, program: copy })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Keeps a program in the folder and returns its path: the name differs for each build.
///
/// A hard link takes no time and no space, and cargo replaces an existing binary instead of writing into it.
fn keep(program: &Path, folder: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(program)?;
    let built = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let copy = folder.join(format!("{:x}-{:x}", built.as_nanos(), metadata.len()));
    fs::create_dir_all(folder)?;
    fs::hard_link(program, &copy).or_else(|_| fs::copy(program, &copy).map(drop))?;
    Ok(copy)
}

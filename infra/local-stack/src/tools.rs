use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use build_functions::repository;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use crate::{
    Steps, Task,
    emulator::{REGION, SYSTEM_PATH},
    error::{Context as _, Error, Result},
};

/// The scripts and the list of packages, beside this crate's sources.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
const REQUIREMENTS: (&str, &str) = ("requirements.txt", include_str!("../scripts/requirements.txt"));

/// The list of packages of moto.
const MOTO: (&str, &str) =
    ("second-opinion/requirements.txt", include_str!("../scripts/second-opinion/requirements.txt"));

/// Pythons to try, the plain name first. All packages exist for these versions.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
const IS_USABLE: &str = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))";

/// The tools that are no Rust crates, in a folder that git ignores. They are the emulator, `cargo lambda`, the
/// translator of SAM templates and cfn-lint, in the versions of `scripts/requirements.txt`.
#[derive(Clone, Debug)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Finds the installed tools, or installs them, which takes half a minute. An interrupted set-up, or one for
    /// another list of versions, is repeated.
    ///
    /// # Errors
    /// If there is no Python, or the packages cannot be had.
    pub async fn set_up(steps: Steps) -> Result<Self> {
        Self::installed(".local/tools", REQUIREMENTS, steps).await
    }

    /// Finds moto, or installs it into an environment of its own. Only a comparison of emulators needs it.
    pub(crate) async fn set_up_moto(steps: Steps) -> Result<Self> {
        Self::installed(".local/second-opinion/moto", MOTO, steps).await
    }

    async fn installed(folder: &str, (file, requirements): (&str, &str), steps: Steps) -> Result<Self> {
        let tools = Self { folder: repository().join(folder) };
        let _turn = turn(&tools.folder)?;
        let stamp = tools.folder.join("installed");
        let wanted = wanted(&tools.folder, requirements);
        // A Python that was upgraded or removed leaves a link to nowhere.
        if tools.path("python").exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(tools);
        }
        steps.begin(format_args!("installing the tools into {folder} (this once, about half a minute)"));
        tools.install(steps, file).await?;
        fs::write(&stamp, wanted).context(format_args!("write {}", stamp.display()))?;
        Ok(tools)
    }

    /// `template.yaml` as plain CloudFormation, made by the same library as on AWS. The key of each function's package is
    /// its `CodeUri`.
    ///
    /// # Errors
    /// If the template is not valid with these values of its parameters.
    pub async fn transform(&self, parameters: &BTreeMap<String, String>) -> Result<Value> {
        let template = repository().join("template.yaml");
        let request = json!({ "template": template, "region": REGION, "parameters": parameters });
        self.ask("transform.py", &request, Error::TransformFailed).await
    }

    /// Runs a script that reads a request and prints its answer, both JSON. `failed` makes the error of the line that the
    /// script ends with if it fails.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &self,
        script: &str,
        request: &Value,
        failed: impl Fn(String) -> Error,
    ) -> Result<A> {
        let action = format!("run {script}");
        let mut command = self.script(script);
        // The developer's AWS profiles and proxies must not affect it.
        command.env_clear().env("PATH", SYSTEM_PATH);
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut task = Task::start(command).context(&action)?;
        if let Some(mut input) = task.child().stdin.take() {
            input.write_all(request.to_string().as_bytes()).await.context(&action)?;
        }
        let output = task.output().await.context(&action)?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let reason = errors.lines().rev().map(str::trim).find(|line| !line.is_empty());
            return Err(failed(reason.map_or_else(|| format!("{script} gave no reason"), str::to_owned)));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
    }

    /// A command that runs one of the scripts beside this crate.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.path("python"));
        // Without `-B` Python would write its caches beside the sources.
        command.arg("-B").arg(script(name));
        command
    }

    /// A command that runs an installed program, for example `cfn-lint`.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }

    fn path(&self, program: &str) -> PathBuf {
        self.folder.join("bin").join(program)
    }

    async fn install(&self, steps: Steps, requirements: &str) -> Result<()> {
        let python = python()?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).context(format_args!("remove {}", self.folder.display()))?;
        }
        let mut venv = Command::new(python);
        venv.args(["-m", "venv"]).arg(&self.folder);
        run(venv, steps, "Python").await?;
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--requirement"];
        let mut install = self.program("python");
        install.args(pip).arg(script(requirements));
        run(install, steps, "Python").await
    }
}

/// Waits until no other process installs into the folder. The lock lasts as long as the file returned.
fn turn(folder: &Path) -> Result<File> {
    let lock = folder.with_extension("lock");
    let parent = folder.parent().unwrap_or(folder);
    let file = fs::create_dir_all(parent).and_then(|()| File::create(&lock));
    let file = file.context(format_args!("write {}", lock.display()))?;
    file.lock().context(format_args!("lock {}", lock.display()))?;
    Ok(file)
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(SCRIPTS).join(name)
}

/// The content of the stamp of a complete set-up. The folder is part of it: the programs of an environment name it and
/// do not work in a copy of the repository.
fn wanted(folder: &Path, requirements: &str) -> String {
    let hash = Sha256::new().chain_update(folder.as_os_str().as_encoded_bytes()).chain_update(requirements).finalize();
    data_encoding::HEXLOWER.encode(&hash)
}

/// A Python that can run the tools.
pub(crate) fn python() -> Result<&'static str> {
    PYTHONS.into_iter().find(|python| is_usable(python)).ok_or(Error::NoPython)
}

fn is_usable(python: &str) -> bool {
    let check = Command::new(python).args(["-c", IS_USABLE]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    check.is_ok_and(|status| status.success())
}

/// Runs a step of the installation, and shows its progress if steps are shown.
pub(crate) async fn run(mut command: Command, steps: Steps, program: &str) -> Result<()> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.stdout(if steps.are_shown() { Stdio::inherit() } else { Stdio::null() });
    let action = format!("run {program}");
    let output = Task::start(command).context(&action)?.output().await.context(&action)?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let reason = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("there is no reason");
    Err(Error::ToolsNotInstalled(reason.trim().to_owned()))
}

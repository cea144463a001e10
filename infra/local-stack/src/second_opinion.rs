//! Two more emulators of DynamoDB: moto and dynalite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use build_functions::repository;
use reqwest::Client;

use crate::{
    Steps, Tools,
    config::free_port,
    emulator::{REGION, SYSTEM_PATH},
    error::{Context as _, Error, Result},
    leash::Leashed,
    tools::{run, script},
};

const START_LIMIT: Duration = Duration::from_secs(120);

/// The oldest Node.js that dynalite runs on.
const NODE: u32 = 20;

/// The list of packages of dynalite.
const LOCK: &str = include_str!("../scripts/second-opinion/package-lock.json");

/// moto and, where there is Node.js, dynalite. Both keep their data in memory and end when this value is dropped.
#[derive(Debug)]
pub struct SecondOpinions {
    moto: (String, Leashed),
    dynalite: Option<(String, Leashed)>,
}

impl SecondOpinions {
    /// Installs the emulators into `.local/second-opinion`, if they are not there, and starts them on free ports.
    ///
    /// # Errors
    /// If there is no Python, the packages cannot be had, or an emulator does not start.
    pub async fn start(steps: Steps) -> Result<Self> {
        let tools = Tools::set_up_moto(steps).await?;
        let folder = repository().join(".local/second-opinion");
        let mut server = tools.program("moto_server");
        let port = free_port()?;
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let moto = start("moto", &tools, server, port, &folder).await?;
        let dynalite = if let Some(node) = node() {
            let program = install_dynalite(steps, &folder.join("dynalite")).await?;
            let port = free_port()?;
            let mut server = Command::new(node);
            server.arg(program).args(["--port", &port.to_string()]);
            server.args(["--createTableMs", "0", "--deleteTableMs", "0"]);
            Some(start("dynalite", &tools, server, port, &folder).await?)
        } else {
            steps.begin(format_args!("dynalite is skipped: there is no Node.js {NODE}"));
            None
        };
        Ok(Self { moto, dynalite })
    }

    #[must_use]
    pub fn moto(&self) -> &str {
        &self.moto.0
    }

    #[must_use]
    pub fn dynalite(&self) -> Option<&str> {
        self.dynalite.as_ref().map(|(url, _)| url.as_str())
    }
}

async fn start(
    name: &'static str,
    tools: &Tools,
    mut server: Command,
    port: u16,
    folder: &Path,
) -> Result<(String, Leashed)> {
    server.env_clear().env("PATH", SYSTEM_PATH).env("AWS_DEFAULT_REGION", REGION);
    let log = folder.join(format!("{name}.log"));
    fs::write(&log, "").context(format_args!("write {}", log.display()))?;
    let mut process = Leashed::start(name, tools, &server, log)?;
    let url = format!("http://127.0.0.1:{port}");
    let client = Client::builder().no_proxy().build().context("make an HTTP client")?;
    let answers = || async { client.get(&url).send().await.is_ok() };
    process.until_ready(START_LIMIT, answers).await?;
    Ok((url, process))
}

/// The path of Node.js, if it is there and new enough.
fn node() -> Option<String> {
    let mut version = Command::new("node");
    version.args(["--print", "`${process.versions.node.split('.')[0]} ${process.execPath}`"]).stderr(Stdio::null());
    let found = String::from_utf8(version.output().ok()?.stdout).ok()?;
    let (version, path) = found.trim().split_once(' ')?;
    (version.parse::<u32>().ok()? >= NODE).then(|| path.to_owned())
}

/// Installs dynalite unless this list of packages is installed. Returns its program.
async fn install_dynalite(steps: Steps, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("node_modules/dynalite/cli.js");
    let stamp = folder.join("installed");
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == LOCK) {
        return Ok(program);
    }
    steps.begin("installing dynalite into .local/second-opinion (this once)");
    fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let source = script("second-opinion").join(name);
        fs::copy(&source, folder.join(name)).context(format_args!("copy {}", source.display()))?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    run(install, steps, "npm").await?;
    if !program.exists() {
        return Err(Error::ToolsNotInstalled("npm installed no dynalite".to_owned()));
    }
    fs::write(&stamp, LOCK).context(format_args!("write {}", stamp.display()))?;
    Ok(program)
}

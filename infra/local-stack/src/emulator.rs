use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Client;

use crate::{
    Config, Tools,
    door::Door,
    error::{Context as _, Result},
    leash::Leashed,
};

/// The region everything is deployed to: Seoul.
pub(crate) const REGION: &str = "ap-northeast-2";

/// The path of the system's own programs, for example `sh`.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variable that names the file of trusted certificates.
pub(crate) const CERTIFICATES: &str = "SSL_CERT_FILE";

const START_LIMIT: Duration = Duration::from_secs(60);

/// The emulator of AWS, a process of its own. Its state is on disk while it does not run.
#[derive(Debug)]
pub(crate) struct Emulator {
    tools: Tools,
    port: u16,
    folder: PathBuf,
    log: PathBuf,
    door: Door,
    certificates: Option<PathBuf>,
    process: Option<Leashed>,
    /// Whether the present state is to be kept; a half-done deployment is not.
    settled: bool,
}

impl Emulator {
    /// An emulator that does not run yet, with its state in `folder` and its output in `log`.
    pub(crate) fn new(tools: Tools, config: &Config, log: PathBuf, door: Door) -> Self {
        let (port, folder) = (config.ports.emulator, config.state_dir.join("emulator"));
        Self { tools, port, folder, log, door, certificates: config.certificates.clone(), process: None, settled: true }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let command = self.command()?;
        let process = self.process.insert(Leashed::start("the emulator", &self.tools, &command, self.log.clone())?);
        let health = format!("http://127.0.0.1:{}/_localstack/health", self.port);
        let client = Client::builder().no_proxy().build().context("make an HTTP client")?;
        let answers = || async { client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) };
        process.until_ready(START_LIMIT, answers).await
    }

    /// Marks the beginning (`false`) and the end (`true`) of a change that must be kept as a whole. If it stops in
    /// between, the emulator drops all changes since its start.
    pub(crate) const fn set_settled(&mut self, settled: bool) {
        self.settled = settled;
    }

    /// Stops it and waits until its state is on disk.
    ///
    /// # Errors
    /// If it was killed meanwhile: the state on disk is that of its start.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Kills it, as a crash would: the state on disk stays as the last [`Self::stop`] left it.
    pub(crate) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Fails if the emulator should run and has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process
            && process.has_ended()
        {
            return Err(process.failure("has ended"));
        }
        Ok(())
    }

    fn command(&self) -> Result<std::process::Command> {
        let temporary = self.folder.join("tmp");
        fs::create_dir_all(&temporary).context(format_args!("create {}", temporary.display()))?;
        let mut command = self.tools.script("emulator.py");
        command
            // Functions inherit every variable set here. So none of the developer's own is set, not even the home
            // folder with its AWS profiles.
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .env("HOME", &self.folder)
            .env("TMPDIR", &temporary)
            // The functions' endpoint of AWS. Without it they get no address at all.
            .env("AWS_ENDPOINT_URL", self.url())
            .env("GATEWAY_PORT", self.port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            // A function may do only the actions that its role allows.
            .env("AUTH", "true")
            .envs(persistence(&self.folder))
            .envs(self.certificates.iter().map(|file| (CERTIFICATES, file)))
            .env("EMULATOR_DOOR", self.door.as_json().to_string())
            // Listeners that no part of the shop needs.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // The emulator runs the binaries itself, and must leave a Docker daemon of the machine alone.
            .env("DOCKER_HOST", "unix:///nonexistent");
        Ok(command)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if !self.settled {
            self.kill();
        }
    }
}

fn persistence(folder: &Path) -> [(&'static str, PathBuf); 4] {
    [
        ("PERSIST_STATE", "1".into()),
        ("STATE_DIR", folder.join("services")),
        ("S3_PERSIST", "1".into()),
        ("S3_DATA_DIR", folder.join("s3")),
    ]
}

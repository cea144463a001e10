use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::TcpStream;

use crate::{
    Tools, build,
    config::repository,
    deployment::Deployment,
    emulator::REGION,
    error::{Context as _, Result},
    leash::Leashed,
    tools::script,
};

/// How many instances of one function may serve at the same time.
const CONCURRENCY: &str = "8";

const START_LIMIT: Duration = Duration::from_secs(30);

/// What a change of which rebuilds the functions.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "functions", "shared"];

/// `cargo lambda watch`, about to be started.
pub(crate) struct Watch<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) port: u16,
    /// Where the functions find AWS.
    pub(crate) endpoint: &'a str,
    pub(crate) deployment: &'a Deployment,
    /// Where cargo puts the binaries.
    pub(crate) built: &'a Path,
    /// A file written just before cargo put them there.
    pub(crate) stamp: &'a Path,
    /// A folder of its own.
    pub(crate) folder: &'a Path,
    pub(crate) log: PathBuf,
}

impl Watch<'_> {
    /// Starts it and waits until it answers. A function starts at its first request, and again when sources change.
    pub(crate) async fn start(self) -> Result<Leashed> {
        let port = self.port;
        let mut command = self.tools.program("cargo-lambda");
        command
            .args(["lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()])
            .args(["--concurrency", CONCURRENCY, "--manifest-path"])
            .arg(repository().join("Cargo.toml"))
            .current_dir(watched(self.folder)?)
            .env_clear()
            .envs(build::environment().filter(|(name, _)| !name.to_string_lossy().starts_with("AWS_")))
            .env("CARGO", script("cargo"))
            .env("FUNCTIONS_CARGO", build::cargo())
            .env("FUNCTIONS_BUILT", self.built)
            .env("FUNCTIONS_STAMP", self.stamp)
            .envs(self.deployment.environment()?)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("AWS_ENDPOINT_URL", self.endpoint)
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            // No authorizer stands in front, so the functions take identity from the request itself.
            .env("JANGTEO_IDENTITY", "headers");
        let mut process = Leashed::start("cargo lambda watch", self.tools, &command, self.log)?;
        let answers = || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        process.until_ready(START_LIMIT, answers).await?;
        Ok(process)
    }
}

/// A folder with links to the sources alone.
///
/// Each running instance of a function watches every folder below the one that `cargo lambda watch` is started in,
/// ignored ones too. In the repository's root, with `target` and the tools, these are thousands, and a few dozen
/// instances would use up what the kernel grants a user (`fs.inotify.max_user_watches`).
fn watched(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
    for source in SOURCES {
        let (link, source) = (folder.join(source), repository().join(source));
        // One that leads elsewhere is from before the repository was moved.
        if fs::read_link(&link).is_ok_and(|target| target == source) {
            continue;
        }
        let _ = fs::remove_file(&link);
        symlink(source, &link).context(format_args!("create {}", link.display()))?;
    }
    Ok(folder.to_owned())
}

use std::{
    fs::{self, File},
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt as _, symlink},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use build_functions::{cargo, repository};
use tokio::net::TcpStream;

use crate::{
    Tools,
    deployment::Deployment,
    emulator::{CERTIFICATES, REGION},
    error::{Context as _, Result},
    gateway::DoorKey,
    leash::Leashed,
    tools::script,
};

/// The bounds of the limit of instances of one function. With one alone no requests of a function would race.
const FEWEST_INSTANCES: usize = 2;
const MOST_INSTANCES: usize = 8;

const START_LIMIT: Duration = Duration::from_secs(30);

/// The sources of the functions: a change of any rebuilds them.
const SOURCES: [&str; 5] = ["Cargo.toml", "Cargo.lock", "audit", "functions", "shared"];

/// The file that `cargo lambda watch` takes the functions' environment from, as Cargo.toml says, in its working folder.
/// It reads the file anew for each instance, over everything else.
const ENVIRONMENT: &str = "infra/local-stack/functions.env";

/// `cargo lambda watch` before its start.
pub(crate) struct Watch<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) address: SocketAddr,
    /// The secret by which the functions know the gateway.
    pub(crate) key: &'a DoorKey,
    /// The functions' endpoint of AWS.
    pub(crate) endpoint: &'a str,
    pub(crate) deployment: &'a Deployment,
    /// The program of all functions, in the folder of cargo's binaries.
    pub(crate) program: &'a Path,
    /// A file that was written just before its build.
    pub(crate) stamp: &'a Path,
    pub(crate) certificates: Option<&'a Path>,
    pub(crate) folder: &'a Path,
    pub(crate) log: PathBuf,
}

impl Watch<'_> {
    /// Starts it and waits until it answers. A function starts at its first request, and again when sources change.
    pub(crate) async fn start(self) -> Result<Leashed> {
        let Self { address, folder, .. } = self;
        watched(folder)?;
        self.write_environment()?;
        let mut command = self.tools.program("cargo-lambda");
        command
            .args(["lambda", "watch", "--disable-cors", "--invoke-address", &address.ip().to_string()])
            .args(["--invoke-port", &address.port().to_string()])
            .args(["--concurrency", &instances().to_string(), "--manifest-path"])
            .arg(repository().join("Cargo.toml"))
            .current_dir(folder)
            .env_clear()
            .envs(cargo::environment().filter(|(name, _)| !name.to_string_lossy().starts_with("AWS_")))
            .env("CARGO", script("cargo"))
            .env("FUNCTIONS_CARGO", cargo::program())
            .env("FUNCTIONS_PROGRAM", self.program)
            .env("FUNCTIONS_STAMP", self.stamp)
            .env("NO_PROXY", "127.0.0.1,localhost");
        if let Some(file) = self.certificates {
            // A folder of others would be read too.
            command.env(CERTIFICATES, file).env_remove("SSL_CERT_DIR");
        }
        let mut process = Leashed::start("cargo lambda watch", self.tools, &command, self.log)?;
        let answers = || async { TcpStream::connect(address).await.is_ok() };
        process.until_ready(START_LIMIT, answers).await?;
        Ok(process)
    }

    /// Writes the functions' environment. Only the owner may read it, because it has the key.
    fn write_environment(&self) -> Result<()> {
        let file = self.folder.join(ENVIRONMENT);
        let here = [
            ("AWS_ENDPOINT_URL", self.endpoint),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            // No authorizer stands in front, so the functions take identity from the request itself.
            ("JANGTEO_IDENTITY", "headers"),
            self.key.variable(),
        ];
        let deployed = self.deployment.environment()?;
        let lines = deployed.into_iter().chain(here).map(|(name, value)| format!("{name}={value}\n"));
        let text: String = lines.collect();
        fs::create_dir_all(file.parent().unwrap_or(self.folder))
            .and_then(|()| File::options().create(true).truncate(true).write(true).mode(0o600).open(&file))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .context(format_args!("write {}", file.display()))
    }
}

/// The most instances of one function that serve at the same time: one for each core.
///
/// While a request waits, `cargo lambda watch` starts another instance each 100 ms, although one is starting. With a higher
/// limit than they can serve, busy cores would start all of them, for one request, and be busier.
fn instances() -> usize {
    let cores = thread::available_parallelism().map_or(FEWEST_INSTANCES, usize::from);
    cores.clamp(FEWEST_INSTANCES, MOST_INSTANCES)
}

/// Fills the folder with links to the sources alone.
///
/// Each running instance of a function watches every folder below the working folder of `cargo lambda watch`, ignored
/// ones too. In the repository's root, with `target` and the tools, these are thousands. A few dozen instances would
/// exhaust the kernel's limit for a user (`fs.inotify.max_user_watches`).
fn watched(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
    for source in SOURCES {
        let (link, source) = (folder.join(source), repository().join(source));
        // A link that leads elsewhere is from before the repository was moved.
        if fs::read_link(&link).is_ok_and(|target| target == source) {
            continue;
        }
        let _ = fs::remove_file(&link);
        symlink(source, &link).context(format_args!("create {}", link.display()))?;
    }
    Ok(())
}

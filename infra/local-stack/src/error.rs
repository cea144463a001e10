use std::{fmt::Display, io, path::PathBuf};

/// Reasons why the local stack does not run. Each is one line that names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken. `purpose` is the use of the port.
    #[error(
        "port {port} ({purpose}) is in use: stop what listens on it, `lsof -i :{port}` tells what that is, or use other \
         ports, `cargo xtask dev --port-offset 1000`"
    )]
    PortInUse {
        port: u16,
        /// The use of the port.
        purpose: &'static str,
    },

    /// A test run found no port to listen on.
    #[error("no port between 20000 and 32000 is free")]
    NoFreePort,

    /// Another run uses the same state.
    #[error("{} is in use by another run: stop that one first", .0.display())]
    StateInUse(PathBuf),

    /// No usable Python.
    #[error(
        "Python 3.11 to 3.14 with venv is needed and none was found: install it (Debian, Ubuntu: `sudo apt install python3 \
         python3-venv`; Fedora: `sudo dnf install python3.13`; Arch: `sudo pacman -S python`; macOS: `brew install python@3.13`)"
    )]
    NoPython,

    /// No C compiler.
    #[error(
        "a C compiler is needed and none was found: install one (Debian, Ubuntu: `sudo apt install build-essential`; Fedora: \
         `sudo dnf install gcc`; Arch: `sudo pacman -S base-devel`; macOS: `xcode-select --install`), or name it in CC"
    )]
    NoCCompiler,

    /// Too little room on the disk.
    #[error(
        "{needed} GB of free disk are needed for {} and {free} GB are there: make room, or build elsewhere by \
         CARGO_TARGET_DIR", folder.display()
    )]
    DiskFull {
        /// The folder on the full disk.
        folder: PathBuf,
        /// The space needed, in GB.
        needed: u64,
        /// The space available, in GB.
        free: u64,
    },

    /// Python is there, but the tools did not install. The text is the last line of pip.
    #[error("the tools could not be installed: {0}; with a network connection, start again")]
    ToolsNotInstalled(String),

    /// The functions do not compile. Cargo has shown the reason.
    #[error("the functions do not build: correct what cargo reports above and start again")]
    BuildFailed,

    /// The translator of SAM templates refused the template.
    #[error("template.yaml could not be transformed: {0}; correct it and start again")]
    TransformFailed(String),

    /// The emulator refused the template.
    #[error(
        "template.yaml could not be deployed: {0}; correct it and start again, with --fresh if the reason lies in \
         what an earlier start deployed"
    )]
    DeploymentFailed(String),

    /// A process did not start, or has ended.
    #[error("{process} {what}: {} tells why{}", log.display(), last_line(log))]
    ProcessFailed {
        process: &'static str,
        /// The failure of the process.
        what: &'static str,
        /// The file with its output.
        log: PathBuf,
    },

    /// The machine refused an operation that is normally granted.
    #[error("cannot {action}: {source}")]
    Io { action: String, source: io::Error },

    /// A call between the parts of the stack failed.
    #[error("cannot {action}: {source}")]
    Http { action: String, source: reqwest::Error },
}

/// A result with an [`Error`] for a person to read.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds the attempted action to an error.
pub(crate) trait Context<T> {
    fn context(self, action: impl Display) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: impl Display) -> Result<T> {
        self.map_err(|source| Error::Io { action: action.to_string(), source })
    }
}

impl<T> Context<T> for reqwest::Result<T> {
    fn context(self, action: impl Display) -> Result<T> {
        self.map_err(|source| Error::Http { action: action.to_string(), source })
    }
}

/// The last line of a log, ready to be put behind its name.
fn last_line(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(|line| format!(" ({line})")).unwrap_or_default()
}

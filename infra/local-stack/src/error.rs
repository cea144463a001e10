use std::{fmt::Display, io, path::PathBuf};

/// What keeps the local stack from running. Each is one line that says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken. `purpose` is what it is needed for.
    #[error(
        "port {port} ({purpose}) is in use: stop what listens on it, `lsof -i :{port}` tells what that is, or use other \
         ports, `cargo xtask dev --port-offset 1000`"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// What the stack needs it for.
        purpose: &'static str,
    },

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
        /// The folder whose disk is full.
        folder: PathBuf,
        /// What is needed, in GB.
        needed: u64,
        /// What is there, in GB.
        free: u64,
    },

    /// Python is there, but the tools did not install. The text is pip's own last word.
    #[error("the tools could not be installed: {0}; with a network connection, start again")]
    ToolsNotInstalled(String),

    /// The functions do not compile. Cargo has shown why.
    #[error("the functions do not build: correct what cargo reports above and start again")]
    BuildFailed,

    /// The emulator refused the template.
    #[error(
        "template.yaml could not be deployed: {0}; correct it and start again, with --fresh if the reason lies in \
         what an earlier start deployed"
    )]
    DeploymentFailed(String),

    /// A process did not come up, or is gone.
    #[error("{process} {what}: {} tells why{}", log.display(), last_line(log))]
    ProcessFailed {
        /// The process.
        process: &'static str,
        /// What happened to it.
        what: &'static str,
        /// The file it wrote its output to.
        log: PathBuf,
    },

    /// The machine refused something that is normally granted.
    #[error("cannot {action}: {source}")]
    Io {
        /// The attempt.
        action: String,
        /// The refusal.
        source: io::Error,
    },

    /// A call between the parts of the stack failed.
    #[error("cannot {action}: {source}")]
    Http {
        /// The attempt.
        action: String,
        /// The failure.
        source: reqwest::Error,
    },
}

/// A result with an [`Error`] for a person to read.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names what was tried when it fails.
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

/// The last thing a log says, ready to be put behind its name.
fn last_line(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(|line| format!(" ({line})")).unwrap_or_default()
}

use std::{
    collections::BTreeMap,
    env, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use build_functions::repository;

use crate::{
    Steps,
    error::{Error, Result},
};

/// The variable that takes an action away from a function in every test run: `create-order dynamodb:GetItem`. The run has
/// to fail then.
pub const WITHOUT: &str = "JANGTEO_WITHOUT_PERMISSION";

/// The configuration of a stack.
#[derive(Clone, Debug)]
pub struct Config {
    pub ports: Ports,
    /// The folder of state and logs. One stack at a time uses it.
    pub state_dir: PathBuf,
    /// Delete the state first.
    pub fresh: bool,
    /// Serve the HTTP functions by `cargo lambda watch` too.
    pub watch: bool,
    /// Values of the template's parameters, over those that the stack itself provides (`JwtIssuer`, `JwtAudience`,
    /// `DataPlatformUrl`, `DataPlatformSecretParameter`, `SelfCharge`).
    pub parameters: BTreeMap<String, String>,
    /// An action that is taken away from the role of a function, by the name of its binary. A test sees what it is for.
    pub without: Option<(String, String)>,
    /// Hosts, besides this machine's own names, that the ports answer for.
    pub allow_hosts: Vec<String>,
    /// Origins with pages that may call the ports, besides the stack's own.
    pub allow_origins: Vec<String>,
    /// The file of the certificates that the functions trust; the system's own if there is none. Those take each start of
    /// an unoptimised function 20 of 25 milliseconds.
    pub certificates: Option<PathBuf>,
    /// How to show progress.
    pub steps: Steps,
}

impl Config {
    /// For a developer: well-known ports, and state that stays, in `.local/state` or the folder `JANGTEO_STATE_DIR`.
    #[must_use]
    pub fn dev() -> Self {
        let state_dir = env::var_os("JANGTEO_STATE_DIR").map(PathBuf::from);
        Self {
            ports: Ports::WELL_KNOWN,
            state_dir: state_dir.unwrap_or_else(|| repository().join(".local/state")),
            fresh: false,
            watch: true,
            parameters: BTreeMap::new(),
            without: None,
            allow_hosts: Vec::new(),
            allow_origins: Vec::new(),
            certificates: None,
            steps: Steps::shown(),
        }
    }

    /// The file with the environment of a running stack, one `NAME=value` a line: the endpoint of AWS, and the
    /// functions' variables.
    #[must_use]
    pub fn environment_file(&self) -> PathBuf {
        self.state_dir.join("environment")
    }

    /// For a test run called `name`: free ports, so that it runs beside a developer's stack, and an empty state in
    /// `.local/NAME`. Its logs stay there afterwards.
    ///
    /// # Errors
    /// If the machine has no free ports.
    pub fn test(name: &str) -> Result<Self> {
        Ok(Self {
            ports: Ports::free()?,
            state_dir: repository().join(".local").join(name),
            fresh: true,
            watch: true,
            parameters: BTreeMap::new(),
            without: env::var_os(WITHOUT).and_then(|without| {
                let (function, action) = without.to_str()?.split_once(' ')?;
                Some((function.to_owned(), action.to_owned()))
            }),
            allow_hosts: Vec::new(),
            allow_origins: Vec::new(),
            // Nothing speaks TLS there.
            certificates: Some(repository().join("infra/local-stack/nobody.pem")),
            steps: Steps::silent(),
        })
    }
}

/// The ports of this machine that a stack listens on, at its loopback addresses only.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// The emulator: every AWS service, and the deployed HTTP API.
    pub emulator: u16,
    /// The HTTP functions at their plain paths.
    pub gateway: u16,
    /// `cargo lambda watch`.
    pub watch: u16,
    /// The data platform.
    pub data_platform: u16,
    /// The issuer of identity.
    pub issuer: u16,
    /// The payment system.
    pub payment_system: u16,
}

impl Ports {
    /// The ports that the documentation names.
    pub const WELL_KNOWN: Self =
        Self { emulator: 4566, gateway: 9000, watch: 9001, data_platform: 9100, issuer: 9200, payment_system: 9300 };

    /// The same ports plus an offset, for a second stack on a machine.
    #[must_use]
    pub const fn shifted(self, by: u16) -> Self {
        Self {
            emulator: self.emulator.saturating_add(by),
            gateway: self.gateway.saturating_add(by),
            watch: self.watch.saturating_add(by),
            data_platform: self.data_platform.saturating_add(by),
            issuer: self.issuer.saturating_add(by),
            payment_system: self.payment_system.saturating_add(by),
        }
    }

    /// Ports that are free at this moment.
    ///
    /// # Errors
    /// If there are none.
    pub fn free() -> Result<Self> {
        Ok(Self {
            emulator: free_port()?,
            gateway: free_port()?,
            watch: free_port()?,
            data_platform: free_port()?,
            issuer: free_port()?,
            payment_system: free_port()?,
        })
    }

    pub(crate) const fn all(self) -> [u16; 6] {
        let Self { emulator, gateway, watch, data_platform, issuer, payment_system } = self;
        [emulator, gateway, watch, data_platform, issuer, payment_system]
    }

    /// Checks that all of them are free, before anything is started.
    pub(crate) fn ensure_free(self) -> Result<()> {
        for (port, purpose) in [
            (self.emulator, "the emulator"),
            (self.gateway, "the shop's API"),
            (self.watch, "cargo lambda watch"),
            (self.data_platform, "the data platform"),
            (self.issuer, "the issuer of identity"),
            (self.payment_system, "the payment system"),
        ] {
            if !is_free(port) {
                return Err(Error::PortInUse { port, purpose });
            }
        }
        Ok(())
    }
}

/// The ports for test runs, below those that systems give to outgoing connections: one of these may be taken before the
/// stack listens on it.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A port that is free at this moment, and another one each time.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin at different ports.
    let begin = process::id().wrapping_mul(64);
    let tried = (0..PORTS).map(|_| begin.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS));
    let mut ports = tried.filter_map(|number| u16::try_from(number).ok()).map(|number| FIRST_PORT + number);
    ports.find(|port| is_free(*port)).ok_or(Error::NoFreePort)
}

fn is_free(port: u16) -> bool {
    // A machine may have no IPv6.
    let other = TcpListener::bind((IpAddr::from(Ipv6Addr::LOCALHOST), port));
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && other.map_or_else(|error| error.kind() != io::ErrorKind::AddrInUse, |_| true)
}

use std::{
    env, io,
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::fs::statvfs;

use crate::{
    config::repository,
    error::{Context as _, Error, Result},
    tools,
};

const GB: u64 = 1_000_000_000;

/// The space that a first build takes, with the tools and the tests' binaries (measured: 5 GB), and the space for a
/// later one.
const FIRST_BUILD_GB: u64 = 8;
const LATER_BUILD_GB: u64 = 1;

/// The names of C compilers, the usual one first.
const C_COMPILERS: [&str; 3] = ["cc", "gcc", "clang"];

/// Checks the prerequisites, before anything is installed or built: Python, a C compiler, room on the disk.
///
/// # Errors
/// The first prerequisite that is missing, and how to get it on the usual systems.
pub fn ensure_ready() -> Result<()> {
    tools::python()?;
    let named = env::var_os("CC").map(PathBuf::from);
    let mut compilers = named.into_iter().chain(C_COMPILERS.map(PathBuf::from));
    if !compilers.any(|compiler| runs(Command::new(compiler).arg("--version"))) {
        return Err(Error::NoCCompiler);
    }
    ensure_room()
}

fn runs(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn ensure_room() -> Result<()> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let needed = if target.join("debug/get-order").exists() { LATER_BUILD_GB } else { FIRST_BUILD_GB };
    let folder = target.ancestors().find(|folder| folder.exists()).unwrap_or(repository()).to_owned();
    let disk = statvfs(&folder).map_err(io::Error::from).context(format_args!("look at {}", folder.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / GB;
    if free < needed { Err(Error::DiskFull { folder, needed, free }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_ready() {
        ensure_ready().unwrap();
    }

    #[test]
    fn what_is_missing_is_named_for_each_system() {
        for error in [Error::NoPython, Error::NoCCompiler] {
            let text = error.to_string();
            for system in ["Debian, Ubuntu: `", "Fedora: `", "Arch: `", "macOS: `"] {
                assert!(text.contains(system), "{text}");
            }
        }
        let full = Error::DiskFull { folder: "/work/target".into(), needed: 8, free: 3 };
        let expected = "8 GB of free disk are needed for /work/target and 3 GB are there";
        assert!(full.to_string().starts_with(expected));
    }
}

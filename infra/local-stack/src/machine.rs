use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use build_functions::repository;
use rustix::fs::statvfs;

use crate::{
    error::{Context as _, Error, Result},
    tools,
};

const GB: u64 = 1_000_000_000;

/// The space that all builds take together, with the tools and the tests' binaries (measured: 5 GB), and the space that
/// any build needs beside what earlier ones left.
const ALL_BUILDS_GB: u64 = 8;
const EACH_BUILD_GB: u64 = 1;

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
    let folder = target.ancestors().find(|folder| folder.exists()).unwrap_or(repository()).to_owned();
    let disk = statvfs(&folder).map_err(io::Error::from).context(format_args!("look at {}", folder.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / GB;
    // A large folder takes seconds to walk, at each start.
    if free >= ALL_BUILDS_GB {
        return Ok(());
    }
    let built = size_of_folder(&target).context(format_args!("look at {}", target.display()))?;
    let needed = space_needed(built / GB);
    if free < needed { Err(Error::DiskFull { folder, needed, free }) } else { Ok(()) }
}

/// The space that a build needs beside what is built, in GB: a test may ask for the shop after most of it was compiled.
fn space_needed(built: u64) -> u64 {
    ALL_BUILDS_GB.saturating_sub(built).max(EACH_BUILD_GB)
}

/// The bytes of the files in a folder; 0 where there is none. A file that a build at the same time removes counts 0.
fn size_of_folder(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    entries.flatten().try_fold(0, |sum, entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(sum + size_of_folder(&entry.path())?),
        Ok(metadata) => Ok(sum + metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(sum),
        Err(error) => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_ready() {
        ensure_ready().unwrap();
    }

    #[test]
    fn space_already_built_is_not_asked_for_again() {
        assert_eq!([0, 5, 7, 60].map(space_needed), [8, 3, 1, 1]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(size_of_folder(&folder.path().join("none")).unwrap(), 0);
        fs::create_dir(folder.path().join("debug")).unwrap();
        fs::write(folder.path().join("debug/get-order"), [0; 300]).unwrap();
        fs::write(folder.path().join("log"), [0; 20]).unwrap();
        assert_eq!(size_of_folder(folder.path()).unwrap(), 320);
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

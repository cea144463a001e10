//! Builds the functions as they are deployed.
//!
//! All code is compiled and optimised once, as a library of C (`infra/all-functions`). Then a program is linked from it for
//! each function, and the linker leaves out what the function does not use. Compiled by itself, each program would optimise
//! the client, TLS and HTTP again, a minute for each of dozens. `docs/start.md` compares both.

pub mod cargo;
mod error;
mod exception_tables;

use std::{
    fs, io,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use clap::ValueEnum;
use serde::Deserialize;

pub use error::{Error, Result};

/// The package with the code of all functions, and its program, which is every function by its first argument.
pub const ALL_FUNCTIONS: &str = "all-functions";

/// The program of each function, in a folder of its name, where `template.yaml` expects it.
pub const PROGRAM: &str = "bootstrap";

/// A processor of Lambda, as the template's parameter `Architecture` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    #[value(name = "arm64")]
    Arm64,
    #[value(name = "x86_64")]
    X86,
}

/// Where the programs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// On this machine. Needs cargo and a C compiler.
    Host,
    /// On Lambda, whose C library is older than that of most machines. Needs cargo-zigbuild and Zig, from
    /// `infra/template/requirements.txt`.
    Lambda(Architecture),
}

/// The root of the repository this was built from.
#[must_use]
pub fn repository() -> &'static Path {
    // This crate lies two folders deep: infra/build-functions.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Builds all functions and returns the folder with a folder for each.
///
/// What an earlier run has built is deleted first. A run that stops half-way leaves a part of the folders, which SAM refuses to
/// deploy; the next run builds all again. A run beside another waits for cargo's lock, and links after it.
///
/// # Errors
/// If a tool is missing or fails; it has shown the reason.
pub fn build(target: Target) -> Result<PathBuf> {
    let folder = repository().join("target").join(match target {
        Target::Host => "functions",
        Target::Lambda(_) => "lambda",
    });
    let library = compile(target)?;
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&folder)?,
    }
    let mut archive = fs::read(library)?;
    exception_tables::mark(&mut archive)?;
    let library = folder.join("all-functions.a");
    fs::write(&library, archive)?;
    link_all(target, &library, &folder)?;
    fs::remove_file(library)?;
    Ok(folder)
}

/// Compiles all functions into a library, whose file is returned.
fn compile(target: Target) -> Result<PathBuf> {
    let mut compiler = match target {
        Target::Host => Command::new(cargo::program()),
        Target::Lambda(_) => Command::new("cargo-zigbuild"),
    };
    compiler.args(["rustc", "--release", "--locked", "--lib", "--crate-type", "staticlib"]);
    compiler.args(["--package", ALL_FUNCTIONS, "--message-format", "json-render-diagnostics"]);
    if let Target::Lambda(architecture) = target {
        compiler.args(["--target", architecture.rust()]);
    }
    compiler.env_clear().envs(cargo::environment());
    compiler.current_dir(repository()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = succeeded(&mut compiler)?;
    let mut artifacts = output.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    artifacts.find_map(Artifact::library).ok_or(Error::NoLibrary)
}

/// Links the program of each function, several at a time.
fn link_all(target: Target, library: &Path, folder: &Path) -> Result<()> {
    let names = Mutex::new(function_names()?.into_iter());
    let next = || names.lock().ok().and_then(|mut names| names.next());
    let links = || std::iter::from_fn(next).try_for_each(|name| link(target, library, &folder.join(&name), &name));
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, NonZero::get);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(links)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| Error::Panicked)?)
    })
}

/// Links a function's program.
fn link(target: Target, library: &Path, folder: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let (linked, program) = (folder.join("linked"), folder.join(PROGRAM));
    let mut compiler = target.c_compiler();
    compiler.arg(format!("-DFUNCTION=function_{}", name.replace('-', "_")));
    compiler.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/program.c")).arg(library).arg("-o").arg(&linked);
    compiler.args(["-O2", "-pie", "-s", "-Wl,--gc-sections", "-Wl,-z,relro,-z,now"]);
    compiler.args(target.system_libraries()).stdin(Stdio::null()).stderr(Stdio::inherit());
    succeeded(&mut compiler)?;
    // What has this name is whole.
    Ok(fs::rename(linked, program)?)
}

impl Target {
    fn c_compiler(self) -> Command {
        match self {
            Self::Host => Command::new("cc"),
            Self::Lambda(architecture) => {
                let mut zig = Command::new("cargo-zigbuild");
                zig.args(["zig", "cc", "--", "-target", architecture.zig()]);
                zig
            }
        }
    }

    /// What the library needs of the system: `rustc --print native-static-libs`.
    fn system_libraries(self) -> &'static [&'static str] {
        match self {
            Self::Host => &["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"],
            Self::Lambda(_) => &["-lunwind", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"],
        }
    }
}

/// The C library is that of Amazon Linux 2023.
impl Architecture {
    fn rust(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu.2.34",
            Self::X86 => "x86_64-unknown-linux-gnu.2.34",
        }
    }

    fn zig(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-linux-gnu.2.34",
            Self::X86 => "x86_64-linux-gnu.2.34",
        }
    }
}

/// The names of all functions: a source of each is in `functions/src/bin`.
///
/// # Errors
/// If the folder cannot be read.
pub fn function_names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(repository().join("functions/src/bin"))? {
        names.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Runs a command to its end, and returns its output. It must succeed.
fn succeeded(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdout(Stdio::piped()).output();
    let output = output.map_err(|source| Error::NotStarted { program: program.clone(), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Failed(program))
    }
}

/// A message of cargo about what it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Crate,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
}

impl Artifact {
    /// The library of all functions; a dependency makes a library of C too.
    fn library(self) -> Option<PathBuf> {
        let is_library = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "a");
        self.filenames.into_iter().find(is_library).filter(|_| self.target.name == ALL_FUNCTIONS.replace('-', "_"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(line: &str) -> Option<PathBuf> {
        serde_json::from_str::<Artifact>(line).ok().and_then(Artifact::library)
    }

    #[test]
    fn the_library_is_told_from_that_of_a_dependency() {
        let line = |name, file| {
            format!(r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"filenames":["{file}"]}}"#)
        };
        assert_eq!(library(&line("all_functions", "/t/libx-1.a")), Some("/t/libx-1.a".into()));
        assert_eq!(library(&line("all_functions", "/t/libx-1.rlib")), None);
        assert_eq!(library(&line("crc_fast", "/t/libcrc_fast-1.a")), None);
        assert_eq!(library(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn architectures_have_the_names_of_the_template() {
        let template = fs::read_to_string(repository().join("template.yaml")).unwrap();
        let (_, parameter) = template.split_once("\n  Architecture:\n").unwrap();
        let allowed = parameter.lines().find_map(|line| line.trim().strip_prefix("AllowedValues: ")).unwrap();
        let names = Architecture::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<_> = names.map(|value| value.get_name().to_owned()).collect();
        assert_eq!(format!("[{}]", names.join(", ")), allowed);
    }

    #[test]
    fn a_failure_names_the_program() {
        let missing = succeeded(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert!(missing.starts_with("no-such-program cannot be started"), "{missing}");
        let failed = succeeded(&mut Command::new("false")).unwrap_err().to_string();
        assert_eq!(failed, "false failed: correct what it reports above");
    }
}

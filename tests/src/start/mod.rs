//! Start and size of the functions as they ship: `cargo xtask bench start`.
//!
//! Each function runs as a process of its own, against stubs on this machine:
//!
//! - `runtime`: Lambda's runtime API, which hands out invocations;
//! - `services`: AWS over HTTP. The table is the embedded DynamoDB, so an order commits and a balance is read. Every
//!   other service, and the data platform, accepts each call.
//!
//! Time is CPU time, user and system, by `/proc`. Other processes distort it less than the time by the clock.
//!
//! - *Init* lasts from the start of the process to its first request for an invocation. The figure is the least of
//!   [`STARTS`] starts, since other work only adds to it. The functions take turns, so all have the same quiet
//!   moments.
//! - *CPU a call* is the mean of the invocations after [`WARM_UP`] others.
//! - *Memory* is the resident set after the last invocation.
//! - *Zip* is the size of the archive that SAM uploads: one file, deflated by Python's `zipfile`.
//!
//! Not measured: TLS handshakes and the network, since the stubs speak plain HTTP. The TLS client is set up all the same.

mod goals;
mod invocations;
mod others;
mod process;
mod runtime;
mod services;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use build_functions::{PROGRAM, Target};
use local_stack::{build_deployed, function_names};

use goals::{Figures, Verdict};
use invocations::Invocations;
use process::Process;
use runtime::Runtime;
use services::Services;

/// Starts of each function.
pub const STARTS: usize = 15;

/// Invocations before those that are measured.
pub const WARM_UP: usize = 50;

const EMPTY: &str = "empty-function";

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A program that serves invocations.
struct Program {
    name: String,
    /// The program and its arguments.
    command: Vec<PathBuf>,
    /// The file or folder that is uploaded.
    package: PathBuf,
    /// The function with the invocations that it serves.
    serves: String,
}

/// Measures these functions, or all, and prints their figures and the verdict.
///
/// # Errors
/// If a function does not build, start or answer.
pub async fn run(names: &[String]) -> Result<ExitCode, Error> {
    if !Path::new("/proc/self/task").exists() {
        return Err("this benchmark reads /proc, which only Linux has".into());
    }
    let functions = chosen(names, &function_names()?)?;
    let mut programs = built(&functions).await?;
    let (others, skipped) = others::installed().await;
    programs.extend(others);

    let services = Services::start().await?;
    // Boxed: the future nests too deeply for the compiler.
    let invocations = Box::pin(Invocations::prepare(&services, WARM_UP + invocations::TIMES)).await?;
    let mut runtime = Runtime::start().await?;
    let inits = inits(&programs, &mut runtime, &services).await?;

    println!("{}", goals::heading());
    let mut figures = BTreeMap::new();
    for program in &programs {
        let (init, init_wall) = inits.get(&program.name).copied().unwrap_or_default();
        let warm = warm(program, &invocations, &mut runtime, &services).await?;
        let zip = zip(&program.package)?;
        let measured = Figures { init, init_wall, memory: warm.memory, zip, cpu: warm.cpu, answers: warm.answers };
        let empty = figures.get(EMPTY).map_or(measured.init, |empty: &Figures| empty.init);
        println!("{}", measured.row(&program.name, empty));
        figures.insert(program.name.clone(), measured);
    }
    skipped.iter().for_each(|reason| println!("{reason}"));

    let empty = figures.remove(EMPTY).ok_or("the empty function was not measured")?;
    figures.retain(|name, _| functions.contains(name));
    let verdict = Verdict::of(&figures, &empty, goals::ARGUED);
    println!("\n{verdict}");
    Ok(verdict.exit_code())
}

/// The functions in `names`, or all functions if it is empty.
fn chosen(names: &[String], all: &[String]) -> Result<Vec<String>, Error> {
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no function {unknown}").into());
    }
    Ok(if names.is_empty() { all.to_vec() } else { names.to_vec() })
}

/// Builds the functions as they are deployed, and the empty one, which comes first.
async fn built(functions: &[String]) -> Result<Vec<Program>, Error> {
    let empty = build_deployed(&[EMPTY], &["--release", "--locked", "--bin", EMPTY]).await?;
    let empty = empty.path(EMPTY).ok_or("the empty function was not built")?.to_owned();
    let folder = tokio::task::spawn_blocking(|| build_functions::build(Target::Host)).await??;
    let all = functions.iter().map(|name| (name.as_str(), folder.join(name).join(PROGRAM)));
    let program = |(name, path): (&str, PathBuf)| Program {
        name: name.to_owned(),
        command: vec![path.clone()],
        package: path,
        serves: name.to_owned(),
    };
    Ok(std::iter::once((EMPTY, empty)).chain(all).map(program).collect())
}

/// The least CPU time of the starts of each program, and the least time by the clock.
async fn inits(
    programs: &[Program],
    runtime: &mut Runtime,
    services: &Services,
) -> Result<BTreeMap<String, (Duration, Duration)>, Error> {
    let mut least: BTreeMap<String, (Duration, Duration)> = BTreeMap::new();
    for _ in 0..STARTS {
        for program in programs {
            let (process, waiting) = Process::start(program, runtime, services).await?;
            let wall = process.since_start(&waiting);
            let cpu = process.cpu()?;
            let figure = least.entry(program.name.clone()).or_insert((cpu, wall));
            *figure = (figure.0.min(cpu), figure.1.min(wall));
        }
    }
    Ok(least)
}

/// The figures of a warm program.
struct Warm {
    cpu: Duration,
    memory: u64,
    /// The number of each answer.
    answers: BTreeMap<String, usize>,
}

async fn warm(
    program: &Program,
    invocations: &Invocations,
    runtime: &mut Runtime,
    services: &Services,
) -> Result<Warm, Error> {
    let measured = invocations::times(&program.serves);
    let (process, mut waiting) = Process::start(program, runtime, services).await?;
    let mut before = Duration::ZERO;
    let mut answers = BTreeMap::new();
    let warm_up = if measured == 0 { 0 } else { WARM_UP };
    for index in 0..warm_up + measured {
        if index == warm_up {
            before = process.cpu()?;
        }
        let event = invocations.event(&program.serves, index)?;
        let answer;
        (answer, waiting) = runtime.invoke(waiting, &event).await.map_err(|error| process.explained(&error))?;
        let outcome = invocations::outcome(&answer);
        if !invocations::is_expected(&program.serves, &outcome) {
            return Err(process.explained(&format!("{} answers {outcome}", program.name).into()));
        }
        if index >= warm_up {
            *answers.entry(outcome).or_default() += 1;
        }
    }
    let spent = process.cpu()?.saturating_sub(before);
    let cpu = spent.checked_div(u32::try_from(measured)?).unwrap_or_default();
    Ok(Warm { cpu, memory: process.memory()?, answers })
}

/// The size of the archive with a file or folder, in bytes.
fn zip(package: &Path) -> Result<u64, Error> {
    const SCRIPT: &str = "
import io, pathlib, sys, zipfile
archive, package = io.BytesIO(), pathlib.Path(sys.argv[1])
with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as files:
    for path in [package] if package.is_file() else sorted(package.rglob('*')):
        if path.is_file():
            files.write(path, 'bootstrap' if path == package else path.relative_to(package))
print(len(archive.getvalue()))";
    let output = std::process::Command::new("python3").args(["-c", SCRIPT]).arg(package).output()?;
    if !output.status.success() {
        return Err(format!("no archive: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_chosen_by_name() {
        let all = function_names().unwrap();
        assert!(all.len() > 40, "{}", all.len());
        assert_eq!(chosen(&[], &all).unwrap(), all);
        assert_eq!(chosen(&["get-balance".to_owned()], &all).unwrap(), ["get-balance"]);
        assert_eq!(
            chosen(&["get-blance".to_owned()], &all).unwrap_err().to_string(),
            "there is no function get-blance"
        );
    }
}

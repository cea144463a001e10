//! A running program, and its figures in `/proc`.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Error, Program, runtime::Runtime, runtime::Waiting, services::Services};
use crate::template::project_file;

/// A running program. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    started: Instant,
    log: PathBuf,
}

impl Process {
    /// Starts a program, until it waits for an invocation.
    pub(super) async fn start(
        program: &Program,
        runtime: &mut Runtime,
        services: &Services,
    ) -> Result<(Self, Waiting), Error> {
        let folder = project_file(".local/bench-start");
        fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{}.log", program.name));
        let file = File::create(&log)?;
        let (path, arguments) = program.command.split_first().ok_or("a program has a path")?;
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env_clear()
            .envs(services.environment())
            .envs(runtime.environment(&program.serves))
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file);
        let started = Instant::now();
        let process = Self { child: command.spawn()?, started, log };
        let waiting = runtime.waiting().await.map_err(|error| process.explained(&error))?;
        Ok((process, waiting))
    }

    /// The time by the clock from the start to this request for an invocation.
    pub(super) fn since_start(&self, waiting: &Waiting) -> Duration {
        waiting.since.duration_since(self.started)
    }

    /// The CPU time of all its threads so far. A thread that has ended is not counted.
    pub(super) fn cpu(&self) -> Result<Duration, Error> {
        // The request for an invocation has arrived; the process needs some microseconds more to fall asleep.
        std::thread::sleep(Duration::from_millis(2));
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            total += on_cpu(&fs::read_to_string(thread?.path().join("schedstat"))?).ok_or("schedstat is unreadable")?;
        }
        Ok(total)
    }

    /// Its resident memory in bytes.
    pub(super) fn memory(&self) -> Result<u64, Error> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        Ok(resident(&status).ok_or("the status of the process has no VmRSS")?)
    }

    /// An error with the place of the program's log.
    pub(super) fn explained(&self, error: &Error) -> Error {
        format!("{error}: see {}", self.log.display()).into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time on a CPU in a `schedstat`: its first number, in nanoseconds.
fn on_cpu(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The bytes of `VmRSS` in a `status`, which has kibibytes.
fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_the_kernel_writes_them() {
        assert_eq!(on_cpu("1836766 79269 2\n"), Some(Duration::from_nanos(1_836_766)));
        assert_eq!(on_cpu(""), None);
        assert_eq!(on_cpu("1.5 2 3"), None);
        let status = "Name:\tcat\nVmPeak:\t    9000 kB\nVmRSS:\t    1664 kB\nRssAnon:\t     100 kB\n";
        assert_eq!(resident(status), Some(1_664 * 1_024));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
    }
}

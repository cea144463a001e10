use std::{
    fs::File,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    Tools,
    error::{Context, Error, Result},
};

/// The interval between two checks of a process.
const POLL: Duration = Duration::from_millis(10);

/// The time that a process may take to end before it is killed. `leash.py` gives the command 60 s; this is for
/// `leash.py`.
const PATIENCE: Duration = Duration::from_secs(65);

/// A process with all its children, which ends when this value is dropped, in every case. `scripts/leash.py` ends it
/// even if this process is killed.
#[derive(Debug)]
pub(crate) struct Leashed {
    name: &'static str,
    log: PathBuf,
    child: Child,
}

impl Leashed {
    /// Starts `command` in a process group of its own, where the terminal's Ctrl-C does not reach it, with its output
    /// at the end of `log`.
    pub(crate) fn start(name: &'static str, tools: &Tools, command: &Command, log: PathBuf) -> Result<Self> {
        let output = File::options().create(true).append(true).open(&log);
        let output = output.context(format_args!("write {}", log.display()))?;
        let errors = output.try_clone().context(format_args!("write {}", log.display()))?;
        let mut leash = tools.script("leash.py");
        leash.arg(command.get_program()).args(command.get_args());
        leash.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            leash.current_dir(folder);
        }
        let child = leash
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .context(format_args!("start {name}"))?;
        Ok(Self { name, log, child })
    }

    /// Waits until `ready` is true, while the process lives and for `limit` at most.
    pub(crate) async fn until_ready<F>(&mut self, limit: Duration, ready: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = bool>,
    {
        let answered = tokio::time::timeout(limit, async {
            loop {
                if ready().await {
                    return Ok(());
                }
                if self.has_ended() {
                    return Err(self.failure("has ended"));
                }
                tokio::time::sleep(POLL).await;
            }
        });
        answered.await.unwrap_or_else(|_| Err(self.failure("does not answer")))
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn failure(&self, what: &'static str) -> Error {
        Error::ProcessFailed { process: self.name, what, log: self.log.clone() }
    }

    /// Asks the process to end, waits for it, and lets it save its state.
    ///
    /// # Errors
    /// If it was killed, since it did not end in time.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let _ = tokio::time::timeout(PATIENCE, async {
            while !self.has_ended() {
                tokio::time::sleep(POLL).await;
            }
        })
        .await;
        // `leash.py` kills itself with all of its group.
        if self.kill_group().is_some_and(|status| status.signal().is_none()) {
            Ok(())
        } else {
            Err(self.failure("did not end in time and was killed, so that its latest changes are lost"))
        }
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(mut self) {
        self.kill_group();
    }

    /// Kills what is left of the group. Returns how the process ended.
    fn kill_group(&mut self) -> Option<ExitStatus> {
        if !self.has_ended()
            && let Some(group) = Pid::from_raw(self.child.id().cast_signed())
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.child.wait().ok()
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let polls = PATIENCE.as_millis() / POLL.as_millis();
        for _ in 0..polls {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(POLL);
        }
        self.kill_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Steps;

    /// Stops a script of the shell once it has said that it runs.
    async fn stopped(script: &str) -> Result<()> {
        let tools = Tools::set_up(Steps::silent()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut process = Leashed::start("a script", &tools, &command, log.clone()).unwrap();
        let runs = || async { std::fs::read_to_string(&log).is_ok_and(|text| text.contains("it runs")) };
        process.until_ready(PATIENCE, runs).await.unwrap();
        process.stop().await
    }

    #[tokio::test]
    async fn a_process_that_ends_when_asked_has_saved_its_state() {
        stopped("trap 'exit 0' TERM; echo it runs; while :; do sleep 0.01; done").await.unwrap();
    }

    /// As `leash.py` kills a group that takes too long.
    #[tokio::test]
    async fn a_process_that_was_killed_while_it_ended_is_reported() {
        let script = "trap 'kill -KILL 0' TERM; echo it runs; while :; do sleep 0.01; done";
        let failure = stopped(script).await.unwrap_err();
        assert!(failure.to_string().starts_with("a script did not end in time and was killed"), "{failure}");
    }
}

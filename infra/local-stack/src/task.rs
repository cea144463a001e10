use std::{
    io,
    process::{Command, ExitStatus, Output},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{self, Child},
};

/// A command that runs to its end while its caller waits. A caller that stops waiting, for example because of Ctrl-C,
/// drops this value. The command then ends with all its children.
#[derive(Debug)]
pub struct Task {
    child: Child,
}

impl Task {
    /// Starts the command in a process group of its own.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: Command) -> io::Result<Self> {
        Ok(Self { child: process::Command::from(command).process_group(0).spawn()? })
    }

    /// Waits until the command has ended.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn status(mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// The pipes and the process.
    pub(crate) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the command has ended and returns its output, as far as it is piped.
    ///
    /// # Errors
    /// If it cannot be read, or waited for.
    pub async fn output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let (stdout, stderr, status) = tokio::try_join!(all(stdout), all(stderr), self.child.wait())?;
        Ok(Output { status, stdout, stderr })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The id is gone once the end of the process has been seen.
        if let Some(group) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut content).await?;
    }
    Ok(content)
}

use local_stack::{SecondOpinions, Steps};

use crate::{failure::Failure, run};

/// Starts the other emulators, and compares their answers with the recorded ones.
pub(crate) async fn run() -> Result<(), Failure> {
    let emulators = SecondOpinions::start(Steps::shown()).await?;
    let mut arguments = vec!["--moto".to_owned(), emulators.moto().to_owned()];
    if let Some(url) = emulators.dynalite() {
        arguments.extend(["--dynalite".to_owned(), url.to_owned()]);
    }
    run::binary("suites", "second-opinion", &arguments, []).await
}

use crate::{audit::shop_environment, failure::Failure, run};

/// Reads the quotas of the region that the arguments name, or else of the emulator of the shop that runs here.
pub(crate) async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let is_named = arguments.iter().any(|argument| argument == "--region" || argument.starts_with("--region="));
    let environment = if is_named { None } else { shop_environment().ok() };
    run::binary("preflight", "preflight", &arguments, environment.unwrap_or_default()).await
}

use crate::{audit::shop_environment, failure::Failure, run};

/// Runs the dead-letter tool for the stack that the arguments name, or else for the shop that runs here.
pub(crate) async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let is_named = arguments.iter().any(|argument| argument == "--stack" || argument.starts_with("--stack="));
    // Without a running shop, the tool asks for a name, or shows its usage.
    let environment = if is_named { None } else { shop_environment().ok() };
    run::binary("dead-letters", "dlq", &arguments, environment.unwrap_or_default()).await
}

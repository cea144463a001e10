use crate::{audit::shop_environment, failure::Failure, run};

/// Sees to the dead letters of the stack that the arguments name, or without one of the shop that runs here.
pub(crate) async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let is_named = arguments.iter().any(|argument| argument == "--stack" || argument.starts_with("--stack="));
    // Where no shop runs here, the tool asks for a name, or tells how it is used.
    let environment = if is_named { None } else { shop_environment().ok() };
    run::binary("dlq", &arguments, environment.unwrap_or_default()).await
}

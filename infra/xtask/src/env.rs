use crate::{audit::shop_environment, failure::Failure};

/// The variables by which a client of AWS finds the emulator and the shop's table.
const NAMES: [&str; 6] =
    ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STACK_NAME", "TABLE_NAME"];

/// Prints the environment of the shop that runs here, for a shell to take over.
pub(crate) fn run() -> Result<(), Failure> {
    let environment = shop_environment()?;
    for name in NAMES {
        let value = environment.get(name).ok_or(Failure::NoShop)?;
        println!("{}", export(name, value));
        // Older programs know the region by this name only.
        if name == "AWS_REGION" {
            println!("{}", export("AWS_DEFAULT_REGION", value));
        }
    }
    Ok(())
}

/// A command of the shell, the value quoted.
fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_quoted() {
        assert_eq!(super::export("A", "it's"), r"export A='it'\''s'");
    }
}

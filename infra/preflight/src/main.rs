//! `preflight`: what an account can sell, and what to ask for.

use std::process::ExitCode;

use clap::Parser;
use connection::{Place, PlaceError};
use preflight::{
    account,
    quotas::{self, Sale},
    verdict::Verdict,
};

/// Read an account's quotas, and say what a shop in it can sell
///
/// Changes nothing. Exits with 0 if the account can sell at the rate, with 1 if not, or if that is not known. Credentials
/// come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; an emulator on this machine needs none.
#[derive(Debug, Parser)]
struct Arguments {
    /// The name of the stack, whose table and alarms are read
    #[arg(long, default_value = "jangteo")]
    stack: String,

    /// The rate of orders, and of order sheets
    #[arg(long, default_value_t = 1_000)]
    orders_per_second: u32,

    /// The kinds of sales that the rate is for
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Sale::ALL)]
    sell: Vec<Sale>,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("a file of quotas is malformed: {0}")]
    Quotas(#[from] serde_yaml_ng::Error),
    #[error("no default quotas are known of {0}: add infra/template/quotas/{0}.yaml")]
    Region(String),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { stack, orders_per_second, sell, place }: Arguments) -> Result<bool, Failure> {
    let config = place.config()?;
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    let defaults = quotas::defaults(&region)?.ok_or_else(|| Failure::Region(region.clone()))?;
    let needs = quotas::needs()?;
    let account = account::read(&config, &stack, &defaults).await;
    let verdict = Verdict::new(&account, &defaults, &needs, &sell, f64::from(orders_per_second));
    println!("{region}, stack {stack}\n{verdict}");
    Ok(verdict.is_met())
}

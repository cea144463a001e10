//! `migrate`: brings the data of earlier stages to the form that the shop expects now.

use std::process::ExitCode;

use aws_sdk_dynamodb::Client;
use clap::Parser;
use connection::{Place, PlaceError, exit_code};
use migrate::{PAGE, Shop};
use shared::{
    platform::{Clock, Random},
    store::Table,
};

/// Bring the data of earlier stages to the form that the shop expects now
///
/// Runs while the shop is open. An interrupted run continues from its last page; a finished step is not repeated.
/// Prints one line about each step, and one about each record that needs attention, by ids only. Reads the whole table,
/// at two read units for each 8 KB and pass. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
/// AWS_SESSION_TOKEN; an emulator on this machine needs none.
#[derive(Debug, Parser)]
struct Arguments {
    /// The table's name
    #[arg(long)]
    table: String,

    #[command(flatten)]
    place: Place,

    /// Run finished steps again, for example after functions of the first stage have run for a while
    #[arg(long)]
    again: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Migration(#[from] migrate::Failure),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit_code(run(Arguments::parse()).await)
}

async fn run(Arguments { table, place, again }: Arguments) -> Result<(), Failure> {
    let table = Table::new(Client::new(&place.config()?), table, Random::system());
    let shop = Shop::new(table, Clock::system(), Random::system(), PAGE);
    Ok(migrate::run(&shop, again, &mut |line| println!("{line}")).await?)
}

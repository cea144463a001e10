//! `cargo run --package build-functions`: the functions as they are deployed.

use std::process::ExitCode;

use build_functions::{Architecture, Target, build};
use clap::Parser;

/// Build all functions as they are deployed, each into target/lambda/NAME/bootstrap
///
/// Takes about a quarter of an hour on two cores. Needs cargo-zigbuild and Zig, from infra/template/requirements.txt, and
/// Rust's target for the processor.
#[derive(Parser)]
struct Arguments {
    /// The processor, as the template's parameter `Architecture` names it
    #[arg(long, value_enum, default_value = "arm64")]
    architecture: Architecture,
}

fn main() -> ExitCode {
    match build(Target::Lambda(Arguments::parse().architecture)) {
        Ok(folder) => {
            println!("the functions are in {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

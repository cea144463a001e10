//! Measures start and size of the functions, all or those named: `cargo xtask bench start create-order get-balance`.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// The functions to measure; without names, all of them
    functions: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match tests::start::run(&Arguments::parse().functions).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

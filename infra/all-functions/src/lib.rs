//! Every function of the shop in one crate.
//!
//! On a developer's machine it is one program, `all-functions create-order`, instead of dozens. For a deployment
//! `build-functions` compiles it once into a library of C, and links a program from it for each function. To compile each
//! function's program by itself would optimise the same code again for each.

use std::{
    ffi::c_int,
    panic::{UnwindSafe, catch_unwind},
};

include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// A function's own program: it returns its exit code.
pub type Main = extern "C" fn() -> c_int;

/// The function of a name.
#[must_use]
pub fn find(name: &str) -> Option<Main> {
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, main)| *main)
}

/// Ends as a program of Rust does: an error is printed, and a panic has the code 101.
fn run(main: impl FnOnce() -> Result<(), lambda_runtime::Error> + UnwindSafe) -> c_int {
    match catch_unwind(main) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("Error: {error:?}");
            1
        }
        Err(_) => 101,
    }
}

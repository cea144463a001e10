//! Every function of the shop in one program: `all-functions create-order`.
//!
//! A deployment has a program for each function. On a developer's machine those would be two gigabytes. Here each process
//! is one function too; only the file that it starts from has all of them. It is never deployed.

include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// What a function's own program does.
type Main = fn() -> Result<(), lambda_runtime::Error>;

fn main() -> Result<(), lambda_runtime::Error> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let program = PROGRAMS.iter().find(|(known, _)| *known == name);
    let (_, main) = program.ok_or_else(|| format!("there is no function `{name}`"))?;
    main()
}

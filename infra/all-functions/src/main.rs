//! Every function of the shop in one program: `all-functions create-order`.
//!
//! A deployment has a program for each function. On a developer's machine those would be two gigabytes. Here each process
//! is one function too; only the file that it starts from has all of them. It is never deployed.

use std::process::exit;

fn main() -> Result<(), String> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let main = all_functions::find(&name).ok_or_else(|| format!("there is no function `{name}`"))?;
    exit(main())
}

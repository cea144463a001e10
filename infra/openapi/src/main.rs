//! Writes the API reference: `cargo run -p openapi`.

use std::{error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    fs::write(openapi::FILE, openapi::json()?)?;
    Ok(())
}

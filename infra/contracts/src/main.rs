//! Writes what is generated from the code: `cargo xtask generate`.

use std::{error::Error, fs};

use contracts::{events, manifests, openapi};

fn main() -> Result<(), Box<dyn Error>> {
    manifests::write()?;
    fs::write(openapi::FILE, openapi::json()?)?;
    fs::write(openapi::python::FILE, openapi::python::text())?;
    fs::write(openapi::http_file::FILE, openapi::http_file::text()?)?;
    events::write()?;
    Ok(())
}

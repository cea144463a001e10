//! Writes the contracts of the events: `cargo run -p events`. A released version stays as it is; a new one is released.

use std::{fs, path::Path};

use events::{Error, PUBLISHED, SCHEMAS, contracts};

fn main() -> Result<(), Error> {
    fs::create_dir_all(SCHEMAS)?;
    fs::create_dir_all(PUBLISHED)?;
    for contract in contracts()? {
        fs::write(Path::new(SCHEMAS).join(contract.file()), contract.json()?)?;
        let released = Path::new(PUBLISHED).join(contract.file());
        if !released.exists() {
            fs::write(released, contract.json()?)?;
        }
    }
    Ok(())
}

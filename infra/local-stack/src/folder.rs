//! Folders of the repository, copied to be served with a configuration of their own.

use std::{fs, io, path::Path};

/// Copies a folder with all folders in it.
///
/// # Errors
/// If a file cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            if entry.file_type()?.is_dir() {
                folders.push((source, target));
            } else {
                fs::copy(source, target)?;
            }
        }
    }
    Ok(())
}

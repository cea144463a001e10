//! Marks the exception table of each function as a part of that function.
//!
//! LLVM's linker keeps a table for as long as unwinding information names it, also that of a function which it leaves out.
//! A table with `SHF_LINK_ORDER` goes with the section that it belongs to. rustc sets no such flag, so that each program
//! would hold the tables of all functions, half a megabyte.

use std::{collections::HashMap, ops::Range};

use object::{
    FileKind, LittleEndian,
    elf::{FileHeader64, SHF_LINK_ORDER, SectionHeader64},
    pod::from_bytes_mut,
    read::{archive::ArchiveFile, elf::FileHeader},
};

use crate::error::{Error, Result};

/// What stands before a function's name in the names of the sections of its code and of its table.
const CODE: [&[u8]; 3] = [b".text.unlikely.", b".text.hot.", b".text."];
const TABLE: &[u8] = b".gcc_except_table.";

type Header = SectionHeader64<LittleEndian>;

/// The header of a table's section.
struct Table {
    /// Its place in the archive.
    header: Range<usize>,
    /// The number of the section of the function's code.
    code: u32,
}

/// Marks the tables of all objects in an archive, in place. Returns how many there are.
///
/// # Errors
/// If the archive or an object in it is damaged.
pub(crate) fn mark(archive: &mut [u8]) -> Result<usize> {
    let tables = tables(archive)?;
    for Table { header, code } in &tables {
        let header = archive.get_mut(header.clone()).and_then(|bytes| from_bytes_mut::<Header>(bytes).ok());
        let (header, _) = header.ok_or(Error::Damaged)?;
        let flags = header.sh_flags.get(LittleEndian);
        header.sh_flags.set(LittleEndian, flags | SHF_LINK_ORDER);
        header.sh_link.set(LittleEndian, *code);
    }
    Ok(tables.len())
}

fn tables(archive: &[u8]) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for member in ArchiveFile::parse(archive)?.members() {
        let member = member?;
        let object = member.data(archive)?;
        if FileKind::parse(object) == Ok(FileKind::Elf64) {
            tables.extend(tables_of(object, member.file_range().0)?);
        }
    }
    Ok(tables)
}

/// The tables of an object that begins at `start`.
fn tables_of(object: &[u8], start: u64) -> Result<Vec<Table>> {
    let header = FileHeader64::<LittleEndian>::parse(object)?;
    let sections = header.sections(LittleEndian, object)?;
    let mut code = HashMap::new();
    let mut found = Vec::new();
    for (number, section) in (0..).zip(sections.iter()) {
        let name = sections.section_name(LittleEndian, section)?;
        if let Some(function) = name.strip_prefix(TABLE) {
            found.push((number, function));
        } else if let Some(function) = CODE.iter().find_map(|prefix| name.strip_prefix(*prefix)) {
            code.insert(function, number);
        }
    }
    let first = start + header.e_shoff(LittleEndian);
    let tables = found.iter().filter_map(|(number, function)| {
        let at = usize::try_from(first).ok()? + *number as usize * size_of::<Header>();
        Some(Table { header: at..at + size_of::<Header>(), code: *code.get(function)? })
    });
    Ok(tables.collect())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, process::Command};

    use super::*;

    /// Two functions: the program calls the first, and each has a table that its unwinding information names.
    const OBJECT: &str = r#"
        .macro function name, table
        .section .text.\name, "ax", @progbits
        .globl \name
        \name:
        .cfi_startproc
        .cfi_lsda 0x1b, table_of_\name
        .byte 0
        .cfi_endproc
        .section .gcc_except_table.\name, "a", @progbits
        table_of_\name: .ascii "\table"
        .endm
        function used, "table of used"
        function unused, "table of unused"
        .section .gcc_except_table.nowhere, "a", @progbits
        .byte 0
    "#;

    fn run(folder: &Path, program: &str, arguments: &[&str]) {
        let status = Command::new(program).args(arguments).current_dir(folder).status().unwrap();
        assert!(status.success(), "{program} {arguments:?}");
    }

    fn archive(folder: &Path) -> Vec<u8> {
        fs::write(folder.join("object.s"), OBJECT).unwrap();
        run(folder, "cc", &["-c", "object.s", "-o", "object.o"]);
        run(folder, "ar", &["rc", "library.a", "object.o"]);
        fs::read(folder.join("library.a")).unwrap()
    }

    /// The names of the marked sections, each with that of the section that it goes with.
    fn marked(archive: &[u8]) -> Vec<(String, String)> {
        let member = ArchiveFile::parse(archive).unwrap().members().next().unwrap().unwrap();
        let object = member.data(archive).unwrap();
        let sections = FileHeader64::<LittleEndian>::parse(object).unwrap().sections(LittleEndian, object).unwrap();
        let name =
            |section| String::from_utf8_lossy(sections.section_name(LittleEndian, section).unwrap()).into_owned();
        let marked = sections.iter().filter(|section| section.sh_flags.get(LittleEndian).contains(SHF_LINK_ORDER));
        marked
            .map(|section| {
                let code = sections.section(object::SectionIndex(section.sh_link.get(LittleEndian) as usize)).unwrap();
                (name(section), name(code))
            })
            .collect()
    }

    #[test]
    fn tables_go_with_the_code_of_their_function() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = archive(folder.path());
        assert_eq!(mark(&mut archive).unwrap(), 2, "the table of no function stays as it is");

        let expected = ["used", "unused"].map(|name| (format!(".gcc_except_table.{name}"), format!(".text.{name}")));
        assert_eq!(marked(&archive), expected);
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        assert!(mark(&mut b"no archive".to_vec()).is_err());
        assert!(mark(&mut b"!<arch>\nhalf a header".to_vec()).is_err());
    }
}

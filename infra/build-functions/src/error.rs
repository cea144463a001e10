use std::io;

/// Reasons why the functions were not built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing.
    #[error("{program} cannot be started: {source}; docs/operations/deploy.md lists the tools of a build")]
    NotStarted { program: String, source: io::Error },

    /// A program failed, and has shown the reason.
    #[error("{0} failed: correct what it reports above")]
    Failed(String),

    /// Cargo did not name the library.
    #[error("cargo named no library of all functions")]
    NoLibrary,

    /// The library cannot be read.
    #[error("the library of all functions cannot be read: {0}")]
    Library(#[from] object::Error),

    /// A header of a section is not where its object says.
    #[error("the library of all functions is damaged")]
    Damaged,

    /// A thread that links has panicked.
    #[error("a link panicked")]
    Panicked,

    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A result with an [`Error`] for a person to read.
pub type Result<T, E = Error> = std::result::Result<T, E>;

use std::io;

/// Why a command did not succeed: one line for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    LocalStack(#[from] local_stack::Error),

    #[error("`{0}` failed: correct what it reports above")]
    Check(String),

    #[error("there is no `{0}` in this workspace")]
    NoSuchBinary(String),

    #[error("the sample data could not be put in: {0}")]
    SampleData(String),

    #[error("no shop runs here: start one by `cargo xtask dev`, or name a table, see `cargo xtask audit --help`")]
    NoShop,

    #[error("the API does not answer: {0}")]
    Http(#[source] reqwest::Error),

    #[error("{0} checks failed")]
    Smoke(usize),

    #[error("{0} is not on this machine: load is for the local stack only")]
    NotLocal(String),

    #[error("under load: {0}")]
    Load(String),

    #[error("name the region of the stack, by --region or AWS_REGION")]
    NoRegion,

    #[error("the AWS CLI does not run: {0}")]
    AwsCli(#[source] io::Error),

    #[error("the stack has no {0}: deploy it with Console=true first")]
    NoConsole(&'static str),

    #[error("the user pool gives no token: {0}")]
    NotSignedIn(String),

    #[error("interrupted")]
    Interrupted,

    #[error(transparent)]
    Io(#[from] io::Error),
}

//! The requests that changed the provider, in a file: the next start carries them out again.
//!
//! The provider has no clock and no randomness, so the same requests at the same times make the same books. A copy of the
//! books was rejected: each field of them would be stored, and read, in a second form.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use jiff::Timestamp;
use payment_system::{Provider, Request};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Result};

/// The most bytes of the file. After it, changes are refused.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The headers that the provider reads.
const HEADERS: [&str; 2] = ["authorization", "idempotency-key"];

#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Record {
    at: Timestamp,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Journal {
    /// Opens the file in this folder, or creates both, and repeats its requests. Notices were sent, and faults end with
    /// the process.
    pub(super) fn open(folder: &Path, provider: &mut Provider) -> Result<Self> {
        fs::create_dir_all(folder).context(format_args!("create {}", folder.display()))?;
        let path = folder.join("requests.jsonl");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context(format_args!("read {}", path.display())),
        };
        // A line that was cut off by a stop is not one.
        for record in text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok()) {
            let Record { at, method, path, headers, body } = record;
            provider.answer(&Request { method, path, headers, body: body.into_bytes() }, at);
            provider.take_notices(at);
        }
        provider.clear_faults();
        let file = File::options().create(true).append(true).open(&path);
        let file = file.context(format_args!("write {}", path.display()))?;
        Ok(Self { file, bytes: u64::try_from(text.len()).unwrap_or(u64::MAX) })
    }

    /// Notes a request that may change the provider, before it does.
    pub(super) fn note(&mut self, request: &Request, at: Timestamp) -> io::Result<()> {
        if request.method == "GET" {
            return Ok(());
        }
        let known = |name: &str| HEADERS.iter().any(|header| header.eq_ignore_ascii_case(name));
        let record = Record {
            at,
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.iter().filter(|(name, _)| known(name)).cloned().collect(),
            // The provider reads JSON, so other bytes are refused in either form.
            body: String::from_utf8_lossy(&request.body).into_owned(),
        };
        // The line before may have been cut off.
        let line = format!("\n{}", serde_json::to_string(&record)?);
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.bytes > MAX_BYTES {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.file.write_all(line.as_bytes())
    }
}

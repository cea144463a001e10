//! The shop of a function that builds or shows exports.

use std::sync::Arc;

use shared::{app::Shop, lambda::exports_bucket::ExportsBucket, platform::environment::ConfigError};

/// The shop with the bucket `EXPORTS_BUCKET`.
///
/// # Errors
/// If the configuration is incomplete.
pub fn with_bucket(shop: Shop) -> Result<Shop, ConfigError> {
    Ok(shop.with_files(Some(Arc::new(ExportsBucket::from_env()?))))
}

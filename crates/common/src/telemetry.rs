//! Log lines on standard output.

use tracing_subscriber::EnvFilter;

use crate::env::{ConfigError, Env};

/// Starts logging: `RUST_LOG` filters (default `info`), `LOG_FORMAT` is `text` (default) or `json`.
///
/// A second call in one process changes nothing, so that tests may call it too.
///
/// # Errors
/// When one of the two variables cannot be understood.
pub fn init(env: &Env) -> Result<(), ConfigError> {
    let filter =
        EnvFilter::try_new(env.get_or("RUST_LOG", "info")).map_err(|error| ConfigError {
            variable: "RUST_LOG",
            value: env.get_or("RUST_LOG", "").to_owned(),
            cause: error.to_string(),
            expected: "a level such as info, or target=level pairs",
        })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let _already_started = match env.get_or("LOG_FORMAT", "text") {
        "text" => builder.with_ansi(false).try_init(),
        "json" => builder.json().flatten_event(true).try_init(),
        other => {
            return Err(ConfigError {
                variable: "LOG_FORMAT",
                value: other.to_owned(),
                cause: "no such format".to_owned(),
                expected: "text or json",
            });
        }
    };
    Ok(())
}

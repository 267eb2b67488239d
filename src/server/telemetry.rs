//! Structured logs on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use super::config::flags::LogFormat;

/// Starts logging. `level` is a filter such as `info` or `meridian=debug,warn`.
pub fn start(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = parse(level)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => logs.with_target(false).with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Says what is wrong with a filter, if anything.
pub fn check(level: &str) -> Result<(), String> {
    parse(level).map(drop)
}

fn parse(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level).map_err(|error| {
        format!("\"{level}\" is no log level ({error}): write error, warn, info, debug or trace, or meridian=debug,warn")
    })
}

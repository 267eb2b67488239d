//! The server process: reads the command line, runs, and says by its exit code how it went.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use meridian::server::config::flags::{Command, CommandLine};
use meridian::server::config::{Config, ConfigError};
use meridian::server::import::Request;
use meridian::server::{self, Imported, RunError};

/// The command line or the configuration is wrong (`EX_USAGE`).
const USAGE: u8 = 64;
/// A capture could not be imported to its end (`EX_DATAERR`).
const DAMAGED: u8 = 65;
/// A file could not be opened, or there is nothing to report of (`EX_NOINPUT`).
const NO_INPUT: u8 = 66;
/// An address could not be bound, or another process uses the data folder (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;
/// Another failure (`EX_SOFTWARE`).
const FAILURE: u8 = 70;
/// Ended early by a stop signal.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(USAGE),
            };
            // Nothing is left to tell the error to if the terminal is gone.
            drop(error.print());
            return code;
        }
    };
    let config = match Config::load(&line.run_flags()) {
        Ok(config) => config,
        Err(error) => return bad_configuration(&error),
    };
    let result = match line.command {
        Some(Command::Check(_)) => server::check(&config),
        Some(Command::Geo { address, .. }) => server::explain_address(&config, address),
        Some(Command::Flows { filter, export, .. }) => server::export_flows(&config, &filter, &export),
        Some(Command::Report { report, .. }) => server::write_report(&config, &report),
        Some(Command::Backup { folder, .. }) => server::backup(&config, &folder),
        Some(Command::Import { files, ports, dry_run, format, .. }) => {
            match server::import(&config, &Request { files, ports }, dry_run, format) {
                Ok(Imported::Complete) => Ok(()),
                Ok(Imported::Damaged) => return ExitCode::from(DAMAGED),
                Ok(Imported::Interrupted) => return ExitCode::from(INTERRUPTED),
                Err(error) => Err(error),
            }
        }
        Some(Command::Run(_)) | None => server::run(config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match error {
                RunError::Usage(_) => USAGE,
                RunError::Bind { .. } | RunError::Held(_) => UNAVAILABLE,
                RunError::Input(_) => NO_INPUT,
                RunError::Failed(_) => FAILURE,
            };
            eprintln!("meridian: {:#}", anyhow::Error::from(error));
            ExitCode::from(code)
        }
    }
}

fn bad_configuration(error: &ConfigError) -> ExitCode {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    eprintln!("meridian: {error}{source}");
    ExitCode::from(USAGE)
}

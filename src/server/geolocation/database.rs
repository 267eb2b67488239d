//! One database file, read and flattened.
//!
//! What a file answers is found out from its content, not its name: places (flat or GeoIP2 schema, city or country)
//! or autonomous systems (MaxMind DB or CSV). A file is taken whole or not at all: one record that cannot be
//! read rejects it. The number of ranges taken is bounded by the file's own tree, so that a damaged tree cannot
//! make loading endless.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::as_csv;
use super::autonomous_systems::AutonomousSystems;
use super::mmdb;
use super::places::Places;
use super::ranges::AddressRanges;
use crate::model::status::{Database, DatabaseKind};

/// Places by address.
#[derive(Debug)]
pub(super) struct PlaceDatabase {
    pub(super) ranges: AddressRanges,
    pub(super) places: Places,
}

/// Autonomous systems by address.
#[derive(Debug)]
pub(super) struct AsDatabase {
    pub(super) ranges: AddressRanges,
    pub(super) systems: AutonomousSystems,
}

/// What a file answers.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Places(Arc<PlaceDatabase>),
    AutonomousSystems(Arc<AsDatabase>),
}

/// A database file in use.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFile {
    pub(super) path: PathBuf,
    /// What the file was when it was read.
    pub(super) fingerprint: Fingerprint,
    pub(super) content: Content,
    pub(super) description: Database,
}

/// By what a changed file is told from an unchanged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Fingerprint {
    /// The fingerprint of the file that is there now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { bytes: metadata.len(), modified: metadata.modified().ok() })
    }

    fn modified_s(self) -> u64 {
        self.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_secs())
    }
}

/// Why a database file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error("it is not there: run setup/geolocation.sh, or correct the path in the configuration")]
    Missing,
    #[error("it cannot be read: check its permissions")]
    Read(#[source] io::Error),
    #[error("it is damaged or not a MaxMind DB file: fetch it again")]
    Damaged(#[source] maxminddb::MaxMindDbError),
    #[error("its search tree is damaged: fetch it again")]
    Tree,
    #[error("it names the country {0:?}, which is no country code: fetch it again")]
    CountryCode(String),
    #[error("it holds more than this program can count")]
    TooMany,
    #[error(
        "it is a {0:?} database, which has neither places nor autonomous systems: configure a City, Country or ASN database"
    )]
    Kind(String),
    #[error("line {line} of it {what}: a CSV file has lines of first address, last address, AS number, name")]
    Csv { line: usize, what: &'static str },
    #[error("it is neither a MaxMind DB (.mmdb) nor a CSV file (.csv)")]
    Format,
}

impl DatabaseFile {
    /// Reads and flattens a file. Takes a second or so for a large one.
    pub(super) fn load(path: &Path) -> Result<Self, DatabaseError> {
        let read_error = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => DatabaseError::Missing,
            _ => DatabaseError::Read(error),
        };
        let fingerprint = Fingerprint::of(path).map_err(read_error)?;
        let bytes = fs::read(path).map_err(read_error)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();

        let is_csv = has_extension(path, "csv");
        let (content, database_type, built_s, is_db_ip) = if is_csv {
            let systems = as_csv::read(&bytes)?;
            // The CSV of ip-location-db is in part DB-IP's.
            (
                Content::AutonomousSystems(Arc::new(systems)),
                "AS ranges (CSV)".to_owned(),
                fingerprint.modified_s(),
                true,
            )
        } else if bytes.is_empty() {
            return Err(DatabaseError::Format);
        } else {
            let read = mmdb::read(bytes)?;
            let is_db_ip = read.says_db_ip || says_db_ip(&file);
            (read.content, read.database_type, read.built_s, is_db_ip)
        };
        let (kind, ranges) = match &content {
            Content::Places(database) => (DatabaseKind::Place, &database.ranges),
            Content::AutonomousSystems(database) => (DatabaseKind::AutonomousSystem, &database.ranges),
        };
        let ranges = u64::try_from(ranges.len()).unwrap_or(u64::MAX);
        let description = Database { kind, file, database_type, built_s, ranges, is_db_ip };
        Ok(Self { path: path.to_owned(), fingerprint, content, description })
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match &self.content {
            Content::Places(database) => database.ranges.bytes() + database.places.bytes(),
            Content::AutonomousSystems(database) => database.ranges.bytes() + database.systems.bytes(),
        }
    }
}

/// True for a path that ends in `.extension`, in any case.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// True when a text names DB-IP.
pub(super) fn says_db_ip(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["dbip", "db-ip"].iter().any(|name| text.contains(name))
}

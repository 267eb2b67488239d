//! The database file: opened by one process at a time, brought up to date, moved aside when it is damaged.
//!
//! WAL with `synchronous = FULL`: a commit a minute costs one more fsync, and not all that will be kept here can be
//! made again from the archive as sums can.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::error::DatabaseError as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection};
use thiserror::Error;

/// Of the file in the data folder.
pub const FILE_NAME: &str = "meridian.sqlite";

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/server/store/migrations");
/// `MRDI`.
const APPLICATION_ID: i64 = 0x4d52_4449;
/// Of the newest migration.
pub(super) const VERSION: i64 = 5;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 3;
/// Files of a database, by what is appended to its name.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];
/// Appended to the name of a database that turned out to be damaged while it was in use.
const DAMAGED_MARK: &str = "-is-damaged";

/// Why the store cannot be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{} is in use by another Meridian: stop that one, or name another data folder", .0.display())]
    InUse(PathBuf),
    /// A newer Meridian has written it.
    #[error(
        "{} was written by a newer Meridian (its format is {found}, this one knows {VERSION}): \
         start the newer one, or name another data folder", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// Another program has written it.
    #[error("{} is the database of another program: move it away, or name another data folder", .0.display())]
    Foreign(PathBuf),
    /// The file system refused.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("cannot {what} the sums of the history")]
    Database {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The database could not be brought up to date.
    #[error("cannot bring the sums of the history up to date")]
    Migration(#[source] MigrateError),
    /// Sums that do not fit into a block.
    #[error("the sums of a minute are too large to be kept")]
    TooLarge,
}

impl StoreError {
    /// True when the bytes of the database make no sense.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_damage(source),
            Self::Migration(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => {
                is_damage(source)
            }
            _ => false,
        }
    }
}

/// `SQLITE_CORRUPT` and `SQLITE_NOTADB`, with whatever SQLite says beyond that.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.try_downcast_ref::<SqliteError>()?.code());
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// What went wrong with a statement.
pub(super) fn failed(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

/// An open database: one connection that writes, a few that read.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) writer: tokio::sync::Mutex<SqliteConnection>,
    pub(super) readers: SqlitePool,
    path: PathBuf,
    /// Held as long as the database is open.
    _lock: File,
}

impl Database {
    /// Opens the database of a folder, which is made if it is not there. A damaged one is moved aside; then the second
    /// value tells people so.
    pub(super) async fn open(folder: &Path, now_ms: i64) -> Result<(Self, Option<String>), StoreError> {
        let path = folder.join(FILE_NAME);
        fs::create_dir_all(folder).map_err(file("make the folder", folder))?;
        let lock = lock(&path)?;
        let mark = with(&path, DAMAGED_MARK);
        let found =
            if mark.exists() { None } else { Self::open_file(&path).await.map(Some).or_else(gone)? };
        if let Some((writer, readers)) = found {
            return Ok((Self { writer, readers, path, _lock: lock }, None));
        }
        let aside = move_aside(&path, now_ms)?;
        if mark.exists() {
            fs::remove_file(&mark).map_err(file("remove", &mark))?;
        }
        let (writer, readers) = Self::open_file(&path).await?;
        let notice = format!(
            "The sums of the history were damaged. The file is now {}; new sums are made from the flow records that are \
             still in the archive, older ones are lost.",
            aside.display()
        );
        Ok((Self { writer, readers, path, _lock: lock }, Some(notice)))
    }

    async fn open_file(
        path: &Path,
    ) -> Result<(tokio::sync::Mutex<SqliteConnection>, SqlitePool), StoreError> {
        let options =
            options_of(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal).page_size(16_384);
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(failed("open"))?;
        let (application, version) = identity(&mut writer).await?;
        let is_new = version == 0 && application == 0 && is_empty(&mut writer).await?;
        if !is_new && application != APPLICATION_ID {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        if version > VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found: version });
        }
        MIGRATIONS.run(&mut writer).await.map_err(StoreError::Migration)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options_of(path).read_only(true))
            .await
            .map_err(failed("open"))?;
        Ok((tokio::sync::Mutex::new(writer), readers))
    }

    /// Says what an error means for the next start: a damaged database is moved aside then.
    pub(super) fn noted(&self, error: StoreError) -> StoreError {
        if error.is_damage() {
            let mark = with(&self.path, DAMAGED_MARK);
            if let Err(error) = File::create(&mark) {
                tracing::warn!(%error, path = %mark.display(), "cannot note that the sums are damaged");
            }
        }
        error
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        let size = |part| fs::metadata(with(&self.path, part)).map_or(0, |found| found.len());
        PARTS.into_iter().map(size).sum()
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        self.readers.close().await;
        self.writer.into_inner().close().await.map_err(failed("close"))
    }
}

/// Writes a copy of the database of a folder as it is at this moment, also while another process uses it.
pub async fn backup(folder: &Path, into: &Path) -> Result<(), StoreError> {
    let path = folder.join(FILE_NAME);
    if into.exists() {
        let source = io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of that name already");
        return Err(file("write the backup", into)(source));
    }
    let options = options_of(&path).read_only(true);
    let mut database = SqliteConnection::connect_with(&options).await.map_err(failed("open"))?;
    let target = into.to_str().ok_or_else(|| {
        file("write the backup", into)(io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8"))
    })?;
    sqlx::query("VACUUM INTO ?").bind(target).execute(&mut database).await.map_err(failed("copy"))?;
    database.close().await.map_err(failed("close"))?;
    File::open(into).and_then(|copy| copy.sync_all()).map_err(file("write the backup", into))
}

fn options_of(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
}

async fn identity(database: &mut SqliteConnection) -> Result<(i64, i64), StoreError> {
    let application = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *database);
    let application = application.await.map_err(failed("open"))?;
    let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(database);
    Ok((application, version.await.map_err(failed("open"))?))
}

async fn is_empty(database: &mut SqliteConnection) -> Result<bool, StoreError> {
    let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema").fetch_one(database);
    Ok(tables.await.map_err(failed("open"))? == 0)
}

/// The lock that tells other processes that this one has the database. It ends with the process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = with(path, "-lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(file("open", &lock_path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(file("lock", &lock_path)(source)),
    }
}

/// Nothing to open when the error says that the file is damaged.
fn gone<T>(error: StoreError) -> Result<Option<T>, StoreError> {
    if error.is_damage() {
        tracing::warn!(%error, "the sums of the history are damaged");
        Ok(None)
    } else {
        Err(error)
    }
}

fn move_aside(path: &Path, now_ms: i64) -> Result<PathBuf, StoreError> {
    let time = Timestamp::from_millisecond(now_ms)
        .map_or_else(|_| now_ms.to_string(), |time| time.strftime("%Y%m%dT%H%M%SZ").to_string());
    let aside = with(path, &format!(".damaged-{time}"));
    for part in PARTS {
        let (from, to) = (with(path, part), with(&aside, part));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done.map_err(file("move aside", &from))?,
        }
    }
    Ok(aside)
}

fn with(path: &Path, appended: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(appended);
    name.into()
}

fn file(what: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::File { what, path: path.to_owned(), source }
}

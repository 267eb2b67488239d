//! `meridian flows`: writes the flow records that are kept, in constant memory, while a Meridian runs or not.
//!
//! The archive belongs to the process that writes it. So this one reads a copy as [`backup`] makes it, whose
//! sealed files are links and cost nothing: every flow record that was on disk at one moment, each once. The copy is in
//! the data folder and goes away at the end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::archive::columns::{self, stored_flows};
use super::archive::query::{Order, Queries};
use super::archive::{Archive, Settings};
use super::backup;
use super::config::Config;
use super::config::flags::{ExportFlags, ExportFormat};
use super::history::control::Control;
use super::history::download::{in_order, properties};
use super::history::table::{self, Table};
use super::store;
use crate::model::filter::Filter;
use crate::model::history::StoredFlow;
use crate::model::protocol_names::protocol_label;
use crate::model::time::date_and_time;
use crate::model::time_words::{Now, TimeWords};

/// Name of a copy, before the number of its process.
const COPY: &str = "export-";

/// Writes the flow records of a data folder that pass a filter.
pub async fn export(
    config: &Config,
    filter: &str,
    flags: &ExportFlags,
    now_ms: i64,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let filter: Filter = filter.parse().map_err(|error: crate::model::filter::FilterError| {
        RunError::Usage(format!("the filter, character {}: {error}", error.position + 1))
    })?;
    let now = Now { ms: now_ms, offset_minutes: 0 };
    let range = TimeWords::read(flags.since.as_deref(), flags.until.as_deref(), now)
        .and_then(|words| words.unwrap_or_else(|| TimeWords::last_minutes(60)).resolve(now))
        .map_err(RunError::Usage)?;
    if flags.format == ExportFormat::Parquet && flags.out.is_none() && io::stdout().is_terminal() {
        return Err(RunError::Usage("Parquet is not for terminals: name a file with --out".to_owned()));
    }
    let source = config.archive_folder();
    if !source.is_dir() {
        let folder = source.display();
        return Err(RunError::Input(format!(
            "there is no archive {folder}: name the data folder with --data-dir"
        )));
    }
    let copy = Copy::of(config).context("cannot read the archive")?;
    let settings =
        Settings { folder: copy.0.join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, now_ms).context("cannot read the archive")?);
    let queries = Queries::new(archive, copy.0.join("spill")).context("cannot read the archive")?;
    let mut control = Control::default();
    control.cancel = stop;
    let names: Vec<&'static str> = columns::names().filter(|name| *name != columns::RECEIVED).collect();
    let mut rows = queries
        .rows(range, &filter, &names, Order::OldestFirst, &control)
        .await
        .context("cannot read the archive")?;
    let out: Box<dyn Write + Send> = match &flags.out {
        None => Box::new(io::stdout()),
        Some(path) => Box::new(
            File::create_new(path)
                .map_err(|error| RunError::Input(format!("cannot write {}: {error}", path.display())))?,
        ),
    };
    let mut sink = Sink::new(flags.format, BufWriter::new(out)).context("cannot write")?;
    let mut left = flags.limit.unwrap_or(u64::MAX);
    while left > 0
        && let Some(batch) = rows.next().await
    {
        let batch = batch.context("cannot read the archive")?;
        let batch = in_order(&batch).context("cannot read the archive")?;
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
        left -= taken as u64;
        match sink.write(&batch.slice(0, taken)) {
            // Whoever read it has seen enough.
            Err(error) if is_closed(&error) => return Ok(()),
            written => written.context("cannot write")?,
        }
    }
    if control.cancel.is_cancelled() {
        return Err(RunError::Failed(anyhow!("interrupted: not all flow records were written")));
    }
    match sink.finish() {
        Err(error) if is_closed(&error) => return Ok(()),
        written => written.context("cannot write")?,
    }
    if rows.is_partial() {
        return Err(RunError::Failed(anyhow!(
            "a file of the archive cannot be read: its flow records are missing; the log of Meridian says which"
        )));
    }
    Ok(())
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// A copy of the archive, as long as it is needed.
pub(super) struct Copy(PathBuf);

impl Copy {
    fn of(config: &Config) -> io::Result<Self> {
        let copy = Self::empty(config)?;
        backup::copy_archive(&config.archive_folder(), &copy.0.join("archive"))?;
        Ok(copy)
    }

    /// With the sums, too, as they are at one moment. They come first: then the archive has all flow records that are
    /// in them.
    pub(super) async fn with_sums(config: &Config) -> anyhow::Result<Self> {
        let copy = Self::empty(config)?;
        if config.data_dir.join(store::FILE_NAME).exists() {
            store::backup(&config.data_dir, &copy.0.join(store::FILE_NAME)).await?;
        }
        backup::copy_archive(&config.archive_folder(), &copy.0.join("archive"))?;
        Ok(copy)
    }

    fn empty(config: &Config) -> io::Result<Self> {
        remove_leftovers(&config.data_dir);
        let copy = Self(config.data_dir.join(format!("{COPY}{}", std::process::id())));
        fs::create_dir(&copy.0)?;
        fs::create_dir(copy.0.join("spill"))?;
        Ok(copy)
    }

    /// Its folder, which is as a data folder is.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }
}

/// Removes copies of processes that were killed. One that runs is in `/proc`.
pub fn remove_leftovers(data_dir: &Path) {
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().and_then(OsStr::to_str);
        let process = name.and_then(|name| name.strip_prefix(COPY)?.parse::<u32>().ok());
        let Some(process) = process.filter(|process| !Path::new("/proc").join(process.to_string()).exists())
        else {
            continue;
        };
        match fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!("removed {}, which process {process} had left", path.display()),
            Err(error) => tracing::warn!(%error, "cannot remove {}: remove it by hand", path.display()),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "cannot remove {}: remove it by hand", self.0.display());
        }
    }
}

type Out = BufWriter<Box<dyn Write + Send>>;

/// Where flow records go.
enum Sink {
    Table(Out),
    Csv(Out),
    Json(Out),
    Parquet(Box<ArrowWriter<Out>>),
}

impl Sink {
    fn new(format: ExportFormat, mut out: Out) -> anyhow::Result<Self> {
        Ok(match format {
            ExportFormat::Table => {
                writeln!(
                    out,
                    "{}",
                    line("received", "source", "destination", "protocol", "packets", "bytes")
                )?;
                Self::Table(out)
            }
            ExportFormat::Csv => {
                out.write_all(table::flow_names().into_text().as_bytes())?;
                Self::Csv(out)
            }
            ExportFormat::Json => Self::Json(out),
            ExportFormat::Parquet => {
                Self::Parquet(Box::new(ArrowWriter::try_new(out, columns::schema(), Some(properties()))?))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Table(out) => {
                stored_flows(batch)?.iter().try_for_each(|flow| writeln!(out, "{}", line_of(flow)))?;
            }
            Self::Csv(out) => {
                let rows = table::flows(Table::default(), &stored_flows(batch)?);
                out.write_all(rows.into_text().as_bytes())?;
            }
            Self::Json(out) => {
                for flow in stored_flows(batch)? {
                    writeln!(out, "{}", serde_json::to_string(&flow)?)?;
                }
            }
            Self::Parquet(out) => out.write(batch)?,
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Table(mut out) | Self::Csv(mut out) | Self::Json(mut out) => out.flush()?,
            Self::Parquet(out) => {
                out.into_inner()?.flush()?;
            }
        }
        Ok(())
    }
}

fn line(
    received: &str,
    source: &str,
    destination: &str,
    protocol: &str,
    packets: &str,
    bytes: &str,
) -> String {
    format!("{received:<23}  {source:<28}  {destination:<28}  {protocol:<8}  {packets:>9}  {bytes:>12}")
}

fn line_of(flow: &StoredFlow) -> String {
    let end = |end: &crate::model::history::StoredEnd| {
        let country = end.country.map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{country}", std::net::SocketAddr::new(end.address, end.port))
    };
    line(
        &date_and_time(flow.received_ms),
        &end(&flow.source),
        &end(&flow.destination),
        &protocol_label(flow.protocol),
        &flow.packets.to_string(),
        &flow.bytes.to_string(),
    )
}

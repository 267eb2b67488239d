//! Flow records as one file, written while it is sent: in bounded memory, however many there are.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::answers::{History, usable};
use super::control::Control;
use super::error::QuestionError;
use super::planner::of_query;
use super::table::{self, Table};
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::archive::columns::{self, stored_flows};
use crate::server::archive::query::{Order, QueryError, Rows};

/// Files written at the same time.
const AT_ONCE: usize = 2;
/// Rows that are kept in memory until they are written.
const ROWS_OF_GROUP: usize = 131_072;
/// Parts of a file that may wait for the one who loads it.
const PARTS: usize = 4;
/// Who takes nothing for so long is left.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many files may be written.
#[derive(Debug)]
pub(super) struct Downloads(Arc<Semaphore>);

impl Default for Downloads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// What a file of flow records is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// With the columns of the archive. The entry `meridian.is_complete` of its metadata is `false` when a file of the
    /// archive could not be read, or flow records of the range have expired.
    Parquet,
    /// Comma-separated values under a line of names. Since it has no place to say so, it breaks off at its end when a
    /// file of the archive could not be read.
    Csv,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Download {
    /// Its parts. An error ends it before its end.
    pub parts: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// True when flow records of the range have expired.
    pub has_expired: bool,
}

/// Why a file is not written to its end.
#[derive(Debug, Error)]
enum Ended {
    #[error("nobody loads the file any more")]
    Gone,
    #[error("a file of the archive cannot be read: its flow records are missing")]
    Partial,
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

/// How flow records are written into Parquet files for others.
pub fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS_OF_GROUP))
        .build()
}

/// Flow records with the columns in the order of the schema.
pub fn in_order(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = columns::schema();
    let indices: Result<Vec<usize>, _> =
        schema.fields().iter().map(|field| batch.schema_ref().index_of(field.name())).collect();
    batch.project(&indices?)
}

impl History {
    /// The flow records of a range, oldest first and no more than so many, as a file.
    pub async fn download(
        &self,
        format: FileFormat,
        range: TimeRange,
        filter: &str,
        most: u64,
    ) -> Result<Download, QuestionError> {
        let range = usable(range)?;
        let filter: Filter = filter.parse()?;
        let tiers = self.tiers()?;
        let permit = Arc::clone(&self.downloads.0).try_acquire_owned().map_err(|_| {
            QuestionError::Unavailable(format!(
                "{AT_ONCE} files of flow records are being written already: try again when one is complete."
            ))
        })?;
        let names: Vec<&'static str> = columns::names().filter(|name| *name != columns::RECEIVED).collect();
        let control = Control::default();
        let rows = tiers.queries().rows(range, &filter, &names, Order::OldestFirst, &control);
        let rows = rows.await.map_err(of_query)?;
        let has_expired = tiers.has_expired(range);
        let (sender, parts) = mpsc::channel(PARTS);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let send = |part| runtime.block_on(timeout(PATIENCE, sender.send(part)));
            let taken = |part| matches!(send(Ok(part)), Ok(Ok(()))).then_some(()).ok_or(Ended::Gone);
            match write(&runtime, format, rows, most, has_expired, taken) {
                Ok(()) => {}
                Err(Ended::Gone) => tracing::debug!("a file of flow records was not loaded to its end"),
                Err(error) => {
                    tracing::error!("a file of flow records is not complete: {error}");
                    drop(send(Err(io::Error::other(error))));
                }
            }
        });
        Ok(Download { parts, has_expired })
    }
}

fn write(
    runtime: &Handle,
    format: FileFormat,
    mut rows: Rows,
    mut left: u64,
    has_expired: bool,
    mut send: impl FnMut(Vec<u8>) -> Result<(), Ended>,
) -> Result<(), Ended> {
    let mut file = Writing::new(format)?;
    while left > 0
        && let Some(batch) = runtime.block_on(rows.next())
    {
        let batch = batch?;
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
        left -= taken as u64;
        let part = file.write(&batch.slice(0, taken))?;
        if !part.is_empty() {
            send(part)?;
        }
    }
    send(file.finish(rows.is_partial(), has_expired)?)
}

/// A file, and what of it is not taken yet.
enum Writing {
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Csv(Table),
}

impl Writing {
    fn new(format: FileFormat) -> Result<Self, Ended> {
        Ok(match format {
            FileFormat::Parquet => {
                let writer = ArrowWriter::try_new(Vec::new(), columns::schema(), Some(properties()))?;
                Self::Parquet(Box::new(writer))
            }
            FileFormat::Csv => Self::Csv(table::flow_names()),
        })
    }

    /// Writes flow records, and takes what there is of the file.
    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, Ended> {
        match self {
            Self::Parquet(writer) => {
                writer.write(&in_order(batch)?)?;
                Ok(std::mem::take(writer.inner_mut()))
            }
            Self::Csv(table) => {
                Ok(table::flows(std::mem::take(table), &stored_flows(batch)?).into_text().into_bytes())
            }
        }
    }

    /// The end of the file.
    fn finish(self, is_partial: bool, has_expired: bool) -> Result<Vec<u8>, Ended> {
        match self {
            Self::Parquet(mut writer) => {
                let is_complete = !is_partial && !has_expired;
                writer.append_key_value_metadata(KeyValue::new(
                    "meridian.is_complete".to_owned(),
                    is_complete.to_string(),
                ));
                Ok(writer.into_inner()?)
            }
            Self::Csv(_) if is_partial => Err(Ended::Partial),
            Self::Csv(table) => Ok(table.into_text().into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_file_that_lacks_flow_records_has_no_end_and_a_parquet_file_says_so() {
        let end = |format, is_partial| Writing::new(format).unwrap().finish(is_partial, false);
        assert!(matches!(end(FileFormat::Csv, true), Err(Ended::Partial)));
        assert!(end(FileFormat::Csv, false).unwrap().starts_with(b"received_ms,"));
        let says = |is_partial: bool, word: &[u8]| {
            let file = end(FileFormat::Parquet, is_partial).unwrap();
            file.windows(word.len()).any(|part| part == word)
        };
        assert!(says(true, b"false") && says(false, b"true") && !says(false, b"false"));
    }
}

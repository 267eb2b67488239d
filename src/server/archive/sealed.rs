//! Sealed files: rows sorted by their outside address, in Parquet.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use foldhash::fast::RandomState;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use thiserror::Error;

use super::columns::{self, Texts};
use super::row::Row;
use super::row_log::Rows;
use crate::model::traffic::Direction;

/// How many rows become columns at once.
const BATCH_ROWS: usize = 16_384;

/// Why a file could not be written or read.
#[derive(Debug, Error)]
pub enum FileError {
    /// Opening, syncing or renaming failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its content cannot be written or read.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// Columns do not fit.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Rows in memory make no sense.
    #[error("the row log is damaged")]
    Rows,
}

/// Writes rows into a new file, sorted, and syncs it. What was there is overwritten.
pub(super) fn write(path: &Path, rows: &Rows) -> Result<(), FileError> {
    let file = File::create(path)?;
    let mut writer = ArrowWriter::try_new(&file, columns::schema(), Some(properties()?))?;
    let texts = Texts::new(&rows.legend);
    let order = order(rows);
    let mut sorted: Vec<Row> = Vec::with_capacity(BATCH_ROWS.min(order.len()));
    for some in order.chunks(BATCH_ROWS) {
        sorted.clear();
        let at = some.iter().filter_map(|(_, at)| usize::try_from(*at).ok());
        sorted.extend(at.filter_map(|at| rows.rows.get(at)).copied());
        writer.write(&texts.batch(&sorted, &rows.legend)?)?;
    }
    writer.close()?;
    file.sync_all()?;
    Ok(())
}

/// What rows are sorted by: direction, family, outside address; then exporter, service, home address and time.
type SortKey = (u8, u128, u128);

fn order(rows: &Rows) -> Vec<(SortKey, u32)> {
    // A legend that began anew has its exporters again: they get one number.
    let mut numbers: HashMap<IpAddr, u128, RandomState> = HashMap::default();
    let number = |address: &IpAddr| {
        let next = numbers.len() as u128 & 0xffff;
        *numbers.entry(*address).or_insert(next)
    };
    let exporters: Vec<u128> = rows.legend.exporters.iter().map(number).collect();
    let key = |row: &Row| {
        let exporter = usize::try_from(row.exporter).ok().and_then(|number| exporters.get(number));
        sort_key(row, exporter.copied().unwrap_or_default())
    };
    let mut order: Vec<(SortKey, u32)> =
        rows.rows.iter().zip(0_u32..).map(|(row, at)| (key(row), at)).collect();
    order.sort_unstable();
    order
}

fn sort_key(row: &Row, exporter: u128) -> SortKey {
    let is_outbound = usize::from(row.direction) == Direction::Outbound.index();
    let (outside, home) =
        if is_outbound { (row.destination, row.source) } else { (row.source, row.destination) };
    let family = u8::from(outside.address.is_ipv6());
    let port = u128::from(home.port.min(outside.port));
    let home = bits(home.address);
    // Whatever keeps equal ones together.
    let home = (home ^ (home >> 64)) & ((1 << 56) - 1);
    let received = u128::from(row.received_ms.cast_unsigned() & 0xffff_ffff);
    let rest = exporter << 112 | port << 96 | u128::from(row.protocol) << 88 | home << 32 | received;
    (row.direction * 2 + family, bits(outside.address), rest)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Columns that are smaller split into streams of their bytes than in a dictionary, which most of their values leave.
const SPLIT: [&str; 9] = [
    columns::BYTES,
    columns::PACKETS,
    columns::EXPORT_DELAY_MS,
    columns::DURATION_MS,
    columns::SRC_PORT,
    columns::DST_PORT,
    columns::INPUT_INTERFACE,
    columns::OUTPUT_INTERFACE,
    columns::VLAN,
];
/// Columns that are smaller as they are, where the same values follow each other.
const PLAIN: [&str; 4] = [columns::SRC_ADDRESS, columns::DST_ADDRESS, columns::SRC_AS, columns::DST_AS];
/// Rows and bytes of a page.
const PAGE_ROWS: usize = 1 << 17;
const PAGE_BYTES: usize = 4 << 20;

/// What each setting gave is in `docs::decisions`.
fn properties() -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by("Meridian".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        // A segment may be a batch longer than it should be.
        .set_max_row_group_row_count(Some(2 << 20))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page);
    let split = SPLIT.map(|name| (name, Encoding::BYTE_STREAM_SPLIT));
    let plain = PLAIN.map(|name| (name, Encoding::PLAIN));
    for (name, encoding) in split.into_iter().chain(plain) {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    Ok(properties.build())
}

/// The record batches of a file, in the order of the file.
pub(super) fn read(
    path: &Path,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>> + use<>, FileError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let schema = builder.schema();
    if schema.fields() != columns::schema().fields() {
        return Err(ArrowError::SchemaError("its columns are not those of the archive".to_owned()).into());
    }
    Ok(builder.with_batch_size(BATCH_ROWS).build()?)
}

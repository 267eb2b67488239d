//! Reading a sealed file or the tail: some columns of the flows for which a condition holds.
//!
//! Every file is a plan of its own, so that progress is counted in files, a damaged one is known by name, and a file
//! that lies wholly in the range is not asked when its flows were received.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::Expr;
use datafusion::physical_optimizer::PhysicalOptimizerRule as _;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::prelude::SessionConfig;
use parquet::errors::ParquetError;

use super::batch::received;
use super::condition;
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::archive::{ArchiveFile, columns};

/// Rows of a batch.
const BATCH_ROWS: usize = 16_384;
/// Footers of files that are kept in memory.
const FOOTER_BYTES: usize = 64 << 20;

/// What `DataFusion` needs to know to read, made once.
#[derive(Debug)]
pub(super) struct Scanner {
    schema: SchemaRef,
    state: SessionState,
    context: Arc<TaskContext>,
    files: Arc<dyn ParquetFileReaderFactory>,
}

/// Where flows are read from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    File(Arc<ArchiveFile>),
    /// What is in no file yet, and from the first to the last moment that a flow in it was received.
    Tail(Vec<RecordBatch>, TimeRange),
}

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What is in it is not what was written.
    Damaged,
    /// It is not there, or the system does not let us read it.
    Unreadable,
}

impl Scanner {
    /// `spill` is a folder for what does not fit into `memory` bytes while flows are sorted.
    pub(super) fn new(spill: std::path::PathBuf, memory: usize) -> Result<Self> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_metadata_cache_limit(FOOTER_BYTES)
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_target_partitions(1);
        let store = runtime.object_store(ObjectStoreUrl::local_filesystem())?;
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .build();
        Ok(Self {
            schema: columns::schema(),
            context: state.task_ctx(),
            state,
            files: Arc::new(CachedParquetFileReaderFactory::new(store, footers)),
        })
    }

    /// What plans run in.
    pub(super) fn context(&self) -> Arc<TaskContext> {
        Arc::clone(&self.context)
    }

    /// What holds for the flows of a question in this source; `None` when all flows in it are wanted.
    pub(super) fn condition(&self, source: &Source, range: TimeRange, filter: &Filter) -> Option<Expr> {
        let passes = condition::of_filter(filter, &self.schema);
        if source.lies_in(range) {
            return passes;
        }
        let is_received = condition::of_range(range, &self.schema);
        Some(match passes {
            Some(passes) => is_received.and(passes),
            None => is_received,
        })
    }

    /// A plan that gives the columns of the flows for which the condition holds, in their order.
    pub(super) fn plan(
        &self,
        source: &Source,
        names: &[&str],
        condition: Option<Expr>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut wanted =
            names.iter().map(|name| self.schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        wanted.sort_unstable();
        wanted.dedup();
        let mut read = wanted.clone();
        if let Some(condition) = &condition {
            for column in condition.column_refs() {
                read.push(self.schema.index_of(column.name())?);
            }
            read.sort_unstable();
            read.dedup();
        }
        let scan = self.scan(source, &read)?;
        let Some(condition) = condition else { return Ok(scan) };
        let schema = DFSchema::try_from(self.schema.project(&read)?)?;
        let predicate = self.state.create_physical_expr(condition, &schema)?;
        let kept = wanted.iter().filter_map(|column| read.iter().position(|known| known == column)).collect();
        let filtered = FilterExecBuilder::new(predicate, scan)
            .with_batch_size(BATCH_ROWS)
            .apply_projection(Some(kept))?
            .build()?;
        let options = self.state.config_options();
        let plan = FilterPushdown::new().optimize(Arc::new(filtered), options)?;
        ProjectionPushdown::new().optimize(plan, options)
    }

    fn scan(&self, source: &Source, read: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
        let file = match source {
            Source::Tail(batches, _) => {
                let schema = Arc::clone(&self.schema);
                let scan: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(
                    std::slice::from_ref(batches),
                    schema,
                    Some(read.to_vec()),
                )?;
                return Ok(scan);
            }
            Source::File(file) => file,
        };
        let path = std::path::absolute(&file.path)?;
        let location = datafusion::object_store::path::Path::from_absolute_path(path)
            .map_err(|error| DataFusionError::ObjectStore(Box::new(error.into())))?;
        let mut part = PartitionedFile::new("", file.bytes);
        part.object_meta.location = location;
        let parquet = ParquetSource::new(Arc::clone(&self.schema))
            .with_parquet_file_reader_factory(Arc::clone(&self.files))
            .with_pushdown_filters(true)
            .with_reorder_filters(true)
            .with_enable_page_index(true);
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(parquet))
            .with_file(part)
            .with_projection_indices(Some(read.to_vec()))?
            .with_batch_size(Some(BATCH_ROWS))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl Source {
    /// What is in no file yet; `None` when that is nothing.
    pub(super) fn tail(batches: &[RecordBatch]) -> Result<Option<Self>> {
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for batch in batches {
            for moment in received(batch)? {
                (first, last) = (first.min(moment), last.max(moment));
            }
        }
        Ok(TimeRange::new(first, last.saturating_add(1)).map(|range| Self::Tail(batches.to_vec(), range)))
    }

    /// From the first to the last moment that a flow in it was received.
    pub(super) fn received(&self) -> TimeRange {
        match self {
            Self::File(file) => file.range,
            Self::Tail(_, range) => *range,
        }
    }

    /// True when all its flows were received in the range.
    pub(super) fn lies_in(&self, range: TimeRange) -> bool {
        range.intersection(self.received()) == Some(self.received())
    }
}

impl Fault {
    /// What an error says about the file; `None` when it says nothing, because it is about the question.
    pub(super) fn of(error: &DataFusionError) -> Option<Self> {
        match error.find_root() {
            DataFusionError::ParquetError(error) => match **error {
                ParquetError::External(_) => Some(Self::Unreadable),
                _ => Some(Self::Damaged),
            },
            DataFusionError::ArrowError(error, _) => {
                matches!(**error, arrow::error::ArrowError::ParquetError(_)).then_some(Self::Damaged)
            }
            DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => Some(Self::Unreadable),
            _ => None,
        }
    }
}

//! All flows of a range in the order they were received, for replay and export.
//!
//! The range is cut where files begin; each slice is sorted by itself, in bounded memory, with what does not fit in
//! the spill folder. Files hardly overlap, so that as a rule one file is sorted at a time. A reader that is slow or
//! has paused holds up nobody: it has its turn among questions only while a slice is being sorted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::scan::{Fault, Scanner, Source};
use super::{QueryError, Stop};
use crate::model::filter::Filter;
use crate::model::time_range::TimeRange;
use crate::server::archive::Archive;
use crate::server::history::control::Control;

/// Files that begin closer together than this are sorted together, milliseconds.
const SHORTEST_SLICE_MS: i64 = 1_000;

/// Which flows come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As time passes.
    OldestFirst,
    /// As a list of news.
    NewestFirst,
}

/// Flows in the order they were received.
#[derive(Debug)]
pub struct Rows {
    pub(super) batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    pub(super) is_partial: Arc<AtomicBool>,
}

impl Rows {
    /// The next flows; `None` after the last. Nothing comes after an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        self.batches.recv().await
    }

    /// True when a file could not be read so far: some flows are missing.
    pub fn is_partial(&self) -> bool {
        self.is_partial.load(Ordering::Relaxed)
    }
}

/// The reading of flows in order.
pub(super) struct Reading {
    pub(super) archive: Arc<Archive>,
    pub(super) scanner: Arc<Scanner>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) sources: Vec<Source>,
    pub(super) range: TimeRange,
    pub(super) filter: Filter,
    pub(super) columns: Vec<&'static str>,
    pub(super) order: Order,
    pub(super) control: Control,
    pub(super) rows: mpsc::Sender<Result<RecordBatch, QueryError>>,
    pub(super) is_partial: Arc<AtomicBool>,
}

impl Reading {
    /// Reads until the end, or until nobody listens any more.
    pub(super) async fn run(mut self) {
        let ended = self.rows.clone();
        let cancel = self.control.cancel.clone();
        let outcome = tokio::select! {
            outcome = self.slices() => outcome,
            () = ended.closed() => Ok(()),
            () = cancel.cancelled() => Err(QueryError::Cancelled),
        };
        if let Err(error) = outcome {
            // Whoever listens no more need not know.
            let _gone = ended.send(Err(error)).await;
        }
    }

    async fn slices(&mut self) -> Result<(), QueryError> {
        let mut slices = cuts(&self.sources, self.range);
        if self.order == Order::NewestFirst {
            slices.reverse();
        }
        self.control.expect(slices.len() as u64);
        for slice in slices {
            while let Err(stop) = self.slice(slice).await {
                self.leave_out(stop)?;
            }
            self.control.advance(1);
        }
        Ok(())
    }

    /// Sends the flows of a slice. An error comes before any of them.
    async fn slice(&self, slice: TimeRange) -> Result<(), Stop> {
        let turn = self.turns.acquire().await.map_err(|_| Stop::Failed(QueryError::Cancelled))?;
        let touched = |source: &&Source| source.received().intersection(slice).is_some();
        let sources: Vec<_> = self.sources.iter().filter(touched).collect();
        if sources.is_empty() {
            return Ok(());
        }
        let mut batches = self.sorted(&sources, slice)?;
        let mut next = match batches.next().await {
            Some(Err(error)) => return Err(self.blame(&sources, slice, error).await),
            first => first,
        };
        drop(turn);
        while let Some(batch) = next {
            // Sorted rows were read to the end already.
            if self.rows.send(batch.map_err(QueryError::from)).await.is_err() {
                return Ok(());
            }
            next = batches.next().await;
        }
        Ok(())
    }

    fn plan(&self, source: &Source, slice: TimeRange) -> Result<Arc<dyn ExecutionPlan>> {
        self.scanner.plan(source, &self.columns, self.scanner.condition(source, slice, &self.filter))
    }

    fn sorted(&self, sources: &[&Source], slice: TimeRange) -> Result<SendableRecordBatchStream> {
        let mut plans = sources.iter().map(|source| self.plan(source, slice)).collect::<Result<Vec<_>>>()?;
        let all = match plans.pop() {
            Some(plan) if plans.is_empty() => plan,
            last => {
                plans.extend(last);
                Arc::new(CoalescePartitionsExec::new(UnionExec::try_new(plans)?))
            }
        };
        let options = SortOptions { descending: self.order == Order::NewestFirst, nulls_first: false };
        let received = PhysicalSortExpr::new(col("received", &all.schema())?, options);
        let sorted: Arc<dyn ExecutionPlan> = match LexOrdering::new([received]) {
            Some(ordering) => Arc::new(SortExec::new(ordering, all)),
            None => all,
        };
        sorted.execute(0, self.scanner.context())
    }

    /// Which of the sources an error came from.
    async fn blame(
        &self,
        sources: &[&Source],
        slice: TimeRange,
        error: datafusion::error::DataFusionError,
    ) -> Stop {
        if Fault::of(&error).is_some() {
            for source in sources {
                let batches =
                    self.plan(source, slice).and_then(|plan| plan.execute(0, self.scanner.context()));
                let mut batches = match batches {
                    Ok(batches) => batches,
                    Err(error) => return source.stop_of(error),
                };
                while let Some(batch) = batches.next().await {
                    if let Err(error) = batch {
                        return source.stop_of(error);
                    }
                }
            }
        }
        error.into()
    }

    fn leave_out(&mut self, stop: Stop) -> Result<(), QueryError> {
        let file = stop.left_out(&self.archive)?;
        self.is_partial.store(true, Ordering::Relaxed);
        self.sources.retain(|source| !matches!(source, Source::File(known) if known.path == file.path));
        Ok(())
    }
}

/// The range in slices that begin where files begin.
fn cuts(sources: &[Source], range: TimeRange) -> Vec<TimeRange> {
    let mut starts: Vec<_> = sources.iter().map(|source| source.received().from_ms).collect();
    starts.sort_unstable();
    let mut slices = Vec::new();
    let mut from_ms = range.from_ms;
    for start in starts {
        if start >= from_ms.saturating_add(SHORTEST_SLICE_MS) && start < range.to_ms {
            slices.extend(TimeRange::new(from_ms, start));
            from_ms = start;
        }
    }
    slices.extend(TimeRange::new(from_ms, range.to_ms));
    slices
}
